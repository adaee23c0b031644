"""pyeventsourcing (PyPI `eventsourcing`), the best-kept event sourcing library of Python. It is synchronous; its plain recorder
is an SQLite file in this process, with no server to talk to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event

from bench.subject import past, post_ids, reported, tracked
from libs.events.catalog.analytics import MetricsReported, PostTracked


class Post(Aggregate):
    """The rows' subject in the peer's words; its events carry the same data."""

    @event("Tracked")
    def __init__(self, data: dict[str, object]) -> None:
        self.data = data
        self.views = 0

    @event("Reported")
    def report(self, data: dict[str, object], views: int) -> None:
        self.views = views


class PyEventSourcing:
    """`cache`: how many aggregates it keeps; 0: each command replays its aggregate's events."""

    def __init__(self, folder: Path, cache: int = 0) -> None:
        settings = {"PERSISTENCE_MODULE": "eventsourcing.sqlite", "SQLITE_DBNAME": str(folder / "posts.sqlite")}
        if cache:
            settings["AGGREGATE_CACHE_MAXSIZE"] = str(cache)
        self._posts = Application[UUID](env=settings)
        self._ids: list[UUID] = []

    async def load(self, streams: int, events: int) -> None:
        """Posts with a past of `events` each."""
        await asyncio.to_thread(self._load, streams, events)

    async def append(self, count: int) -> float:
        """Tracks new posts; commands per second."""
        ids = post_ids(count)
        return await asyncio.to_thread(_rate, self._track, ids)

    async def decide(self, count: int) -> float:
        """Reports metrics of the loaded posts, one after the other; commands per second."""
        turns = [(self._ids[number % len(self._ids)], number) for number in range(count)]
        return await asyncio.to_thread(_rate, self._report, turns)

    def close(self) -> None:
        self._posts.close()

    def _load(self, streams: int, events: int) -> None:
        for stream in post_ids(streams):
            first, *others = past(stream, events)
            assert isinstance(first, PostTracked)
            post = Post(first.model_dump(mode="json"))
            for later in others:
                assert isinstance(later, MetricsReported)
                post.report(later.model_dump(mode="json"), later.organic.views or 0)
            self._posts.save(post)
            self._ids.append(post.id)

    def _track(self, post_id: str) -> None:
        self._posts.save(Post(tracked(post_id).model_dump(mode="json")))

    def _report(self, turn: tuple[UUID, int]) -> None:
        id_, number = turn
        post: Post = self._posts.repository.get(id_)
        fact = reported(str(post.data["post_id"]), post.created_on, max(number, post.views))
        post.report(fact.model_dump(mode="json"), fact.organic.views or 0)
        self._posts.save(post)


def _rate(do: Callable[..., None], jobs: Sequence[object]) -> float:
    began = time.perf_counter()
    for job in jobs:
        do(job)
    return len(jobs) / (time.perf_counter() - began)
