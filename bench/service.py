"""Our side of the append and decide rows: a service's command path, from the command to the stored commit."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count, cycle, islice

from bench.harness import saturate
from bench.subject import ACTOR, ReportMetrics, TrackPost, post, post_ids, report
from libs.chassis.system import SystemClock, SystemIds
from libs.events.database import Database
from libs.events.handler import MOST_CACHED, CommandHandler
from libs.events.store import MongoCommitLog


class Posts:
    """`cached`: states that it keeps."""

    def __init__(self, database: Database, *, cached: int = MOST_CACHED) -> None:
        clock, self._ids = SystemClock(), SystemIds()
        self._handler = CommandHandler(MongoCommitLog(database, clock, self._ids), clock, most_cached=cached)
        self._numbers = count(1)

    async def append(self, callers: int, commands: int) -> float:
        """Tracks new posts; commands per second."""
        return await saturate(callers, [TrackPost(post_id=post_id) for post_id in post_ids(commands)], self._handle)

    async def decide(self, callers: int, commands: int, streams: Sequence[str]) -> float:
        """Reports metrics of these posts in turn; commands per second."""
        turns = islice(cycle(streams), commands)
        return await saturate(callers, [report(stream, next(self._numbers)) for stream in turns], self._handle)

    async def _handle(self, command: TrackPost | ReportMetrics) -> None:
        await self._handler.handle(post, command, actor=ACTOR, commit_id=self._ids.commit_id())
