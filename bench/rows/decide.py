"""decide-warm, decide-cold: load, decide, append on streams that have a past, with and without the cache of folded states."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import cycle, islice
from typing import Any

from bench import peers
from bench.driver import databases, indexed, load
from bench.harness import Contest, Row, saturate
from bench.rows import append
from bench.service import Posts
from bench.subject import alone, history, post_ids, reported
from bench.world import World
from libs.events.envelope import Commit
from libs.events.store import document_of

CALLERS, STREAMS, EVENTS = 32, 200, 50
WARM, COLD = 5_000, 1_000
"""Commands in a round."""


class FindAndInsert:
    """`find` of the stream, `insert_one` of its next commit, made beforehand; positions are counted here, not read."""

    def __init__(self, commits: Any, past: Sequence[Commit]) -> None:
        self._commits, self._position = commits, len(past)
        self._heads = {commit.stream: commit for commit in past}

    async def round(self) -> float:
        documents = [self._next(stream) for stream in islice(cycle(list(self._heads)), COLD)]
        return await saturate(CALLERS, documents, self._find_and_insert)

    async def _find_and_insert(self, document: dict[str, Any]) -> None:
        await self._commits.find({"stream": document["stream"]}).sort("first", 1).to_list(None)
        await self._commits.insert_one(document)

    def _next(self, stream: str) -> dict[str, Any]:
        head = self._heads[stream]
        self._position += 1
        event = reported(stream, head.at, head.last * 1000)
        commit = alone(stream, head.last, head.hash, event).at_position(self._position)
        self._heads[stream] = commit
        return document_of(commit)


@asynccontextmanager
async def prepare_warm(world: World) -> AsyncIterator[Contest]:
    url = await world.mongo()
    async with databases(url) as given, peers.posts(url, given.peer, cache=STREAMS) as others:
        streams = post_ids(STREAMS)
        await load(given, list(history(streams, EVENTS)))
        await others.load(STREAMS, EVENTS)
        ours = Posts(given.ours)
        yield Contest(
            lambda: ours.decide(CALLERS, WARM, streams),
            lambda: ours.append(append.CALLERS, append.COMMANDS),
            others.decide(CALLERS),
            others.absent,
        )


@asynccontextmanager
async def prepare_cold(world: World) -> AsyncIterator[Contest]:
    url = await world.mongo()
    async with databases(url) as given, peers.posts(url, given.peer) as others:
        streams = post_ids(STREAMS)
        past = list(history(streams, EVENTS))
        await load(given, past)
        await others.load(STREAMS, EVENTS)
        ours, raw = Posts(given.ours, cached=0), FindAndInsert(await indexed(given.raw), past)
        yield Contest(lambda: ours.decide(CALLERS, COLD, streams), raw.round, others.decide(CALLERS), others.absent)


WORK = "32 concurrent load-decide-append on 200 streams of 50 events"

WARM_ROW = Row("decide-warm", f"{WORK}, states cached", "ours in append-64", "commands/s", 0.85, prepare_warm)
COLD_ROW = Row("decide-cold", f"{WORK}, nothing cached", "`find` of the stream + `insert_one`", "commands/s", 1.0, prepare_cold)
