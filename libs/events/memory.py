"""The in-memory twins of the kernel's ports: unit tests are instant with them, and a whole marketplace runs in one process
on a virtual-time loop. What they may be made to suffer is in `faults.py`."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import random
import uuid
from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from libs.events.documents import MongoDocuments
from libs.events.envelope import Commit, NewCommit
from libs.events.faults import NO_FAULTS, Faults
from libs.events.ids import compose
from libs.events.memory_bus import MemoryBus, MemorySubscription
from libs.events.memory_database import MemoryDatabase
from libs.events.ports import Appended, ConcurrencyError

__all__ = [
    "Faults",
    "LoopClock",
    "ManualClock",
    "MemoryBus",
    "MemoryCommitLog",
    "MemoryDatabase",
    "MemoryDocuments",
    "MemorySubscription",
    "SeededIds",
]


EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
"""Where the twins' time begins."""


class MemoryCommitLog:
    """One service's log. Several processes of the service may share one object."""

    def __init__(self, faults: Faults = NO_FAULTS) -> None:
        self._commits: list[Commit] = []
        self._by_id: dict[str, Commit] = {}
        self._streams: dict[str, list[Commit]] = {}
        self._bell = asyncio.Event()
        self._faults = faults

    async def append(self, new: NewCommit) -> Appended:
        await self._faults.at("append.before")
        appended = self._place(new)
        await self._faults.at("append.after")
        return appended

    def _place(self, new: NewCommit) -> Appended:
        if (stored := self._by_id.get(new.commit_id)) is not None:
            return Appended(stored, duplicate=True)
        kept = self._streams.get(new.stream, [])
        if (kept[-1].last if kept else 0) != new.expected:
            raise ConcurrencyError(new.stream, new.expected)
        if not new.events:
            raise ValueError("a commit holds at least one event")
        commit = new.at_position(len(self._commits) + 1)
        self._commits.append(commit)
        self._by_id[commit.commit_id] = commit
        self._streams.setdefault(commit.stream, []).append(commit)
        self._bell.set()
        self._bell = asyncio.Event()
        return Appended(commit, duplicate=False)

    async def stream(self, stream: str, after: int = 0) -> list[Commit]:
        await self._faults.at("log.read")
        kept = self._streams.get(stream, [])
        return kept[bisect_right(kept, after, key=lambda commit: commit.last) :]

    async def streams(self, streams: Sequence[str]) -> dict[str, list[Commit]]:
        await self._faults.at("log.read")
        return {stream: list(self._streams[stream]) for stream in streams if stream in self._streams}

    async def read(self, after: int, limit: int) -> list[Commit]:
        await self._faults.at("log.read")
        return self._commits[after : after + limit]

    def recent(self, after: int, limit: int) -> list[Commit]:
        """Nothing: several processes share this log, and a fault may be asked for at every `read`."""
        return []

    async def find(self, commit_id: str) -> Commit | None:
        await self._faults.at("log.read")
        return self._by_id.get(commit_id)

    async def find_all(self, commit_ids: Sequence[str]) -> dict[str, Commit]:
        await self._faults.at("log.read")
        return {commit_id: self._by_id[commit_id] for commit_id in commit_ids if commit_id in self._by_id}

    async def head(self) -> int:
        await self._faults.at("log.read")
        return len(self._commits)

    async def wait(self, after: int, timeout: float) -> None:
        if len(self._commits) > after:
            return
        try:
            async with asyncio.timeout(timeout):
                await self._bell.wait()
        except TimeoutError:
            return


class MemoryDocuments(MongoDocuments):
    """One service's documents: the real ones, on the twin of the database."""

    def __init__(self, faults: Faults = NO_FAULTS) -> None:
        super().__init__(MemoryDatabase(faults), SeededIds("documents"))


class SeededIds:
    """Ids that follow from a seed: the same run makes the same ids."""

    def __init__(self, seed: int | str = 0) -> None:
        self._random = random.Random(str(seed))  # noqa: S311 - repeatable is the point

    def new(self, prefix: str, at: datetime) -> str:
        return compose(prefix, at, self._random.getrandbits(80))

    def commit_id(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))


class LoopClock:
    """Time as the running loop has it: on a virtual-time loop it is virtual. `skew` seconds are added to `now`, to simulate a
    clock that jumps."""

    def __init__(self, start: datetime = EPOCH, skew: float = 0.0) -> None:
        self._start, self.skew = start, skew

    def now(self) -> datetime:
        return _after(self._start, self.monotonic() + self.skew)

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class ManualClock:
    """Time stands still until `advance`."""

    def __init__(self, start: datetime = EPOCH) -> None:
        self._start, self._elapsed = start, 0.0
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return _after(self._start, self._elapsed)

    def monotonic(self) -> float:
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._elapsed + max(seconds, 0.0), next(self._order), woken))
        if seconds <= 0:
            self.advance(0.0)
        await woken

    def advance(self, seconds: float) -> None:
        """Moves time on; whoever sleeps until then or earlier wakes when the loop next runs."""
        self._elapsed += seconds
        while self._sleepers and self._sleepers[0][0] <= self._elapsed:
            woken = heapq.heappop(self._sleepers)[2]
            if not woken.done():
                woken.set_result(None)


def _after(start: datetime, seconds: float) -> datetime:
    """To the millisecond, in which time is stored."""
    return start + timedelta(milliseconds=round(seconds * 1000))
