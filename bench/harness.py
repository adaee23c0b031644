"""How a row is measured: rounds that alternate between the sides after a warm-up, and ratios taken within each round.

Absolute times say little on a shared machine; what disturbs one round disturbs all its sides, so their ratio stays.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from bench.world import World

T = TypeVar("T")

OURS, RAW = "ours", "raw"
LEAST_ROUNDS = 5

Side = Callable[[], Awaitable[float]]
"""Does one round of the work; returns its throughput, units per second."""

Round = Mapping[str, float]
"""Side -> throughput in that round."""


class Skipped(Exception):
    """A row or a peer cannot run here; the message says why."""


@dataclass(frozen=True, slots=True)
class Contest:
    """The sides of a row, ready to run. `absent`: peers that cannot run here -> why."""

    ours: Side
    raw: Side
    peers: Mapping[str, Side] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)

    def sides(self) -> dict[str, Side]:
        return {OURS: self.ours, RAW: self.raw, **self.peers}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `target`: the least acceptable ratio of ours to raw."""

    name: str
    work: str
    limit: str
    unit: str
    target: float
    prepare: Callable[[World], AbstractAsyncContextManager[Contest]]


@dataclass(frozen=True, slots=True)
class Spread:
    """What rounds gave: the middle and the extremes."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, figures: Sequence[float]) -> Spread:
        return cls(median(figures), min(figures), max(figures))


@dataclass(frozen=True, slots=True)
class Measured:
    """A row's rounds."""

    name: str
    unit: str
    target: float
    rounds: Sequence[Round]

    def figure(self, side: str) -> Spread:
        """Throughput of a side, units per second."""
        return Spread.of([figures[side] for figures in self.rounds])

    def ratio(self, against: str) -> Spread:
        """Ours over the side's, each round by itself."""
        return Spread.of([figures[OURS] / figures[against] for figures in self.rounds])

    def peers(self) -> list[str]:
        """The peers that ran, the fastest first."""
        names = set(self.rounds[0]) - {OURS, RAW}
        return sorted(names, key=lambda name: self.figure(name).median, reverse=True)

    @property
    def met(self) -> bool:
        return self.ratio(RAW).median >= self.target


async def measure(row: Row, contest: Contest, rounds: int, begun: Callable[[str], None], done: Callable[[], None]) -> Measured:
    """One round to warm up, then `rounds` that count. Every other round runs the sides backwards, so that none is always the
    first. `begun` is told each side before it runs; `done` is called after it."""
    if rounds < LEAST_ROUNDS:
        raise ValueError(f"a median of fewer than {LEAST_ROUNDS} rounds says nothing")
    sides = list(contest.sides().items())
    counted: list[Round] = []
    for number in range(rounds + 1):
        figures = {}
        for name, side in sides if number % 2 else reversed(sides):
            begun(name)
            gc.collect()
            figures[name] = await side()
            done()
        if number:
            counted.append(figures)
    return Measured(row.name, row.unit, row.target, counted)


async def saturate(callers: int, jobs: Sequence[T], do: Callable[[T], Awaitable[object]]) -> float:
    """`callers` at once work through the jobs, each beginning its next when its last is done. Returns jobs per second."""
    waiting = iter(jobs)

    async def call() -> None:
        for job in waiting:
            await do(job)

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(callers):
            group.create_task(call())
    return len(jobs) / (time.perf_counter() - began)


async def timed(units: int, work: Callable[[], Awaitable[object]]) -> float:
    """Units per second of one piece of work."""
    began = time.perf_counter()
    await work()
    return units / (time.perf_counter() - began)
