"""What goes wrong, drawn from the seed: at each point where a process meets the outside, and between."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass

from libs.events.faults import Faults
from libs.events.ports import Unavailable
from tests.simulation.process import check_alive, current
from tests.simulation.trace import Trace

SLOW = 0.5
"""Seconds from which a wait is told."""


@dataclass(frozen=True, slots=True)
class Climate:
    """How often, per point met: `fail` (the call, before it has an effect or after it), `crash` (the process), `wait` (up to
    `longest` seconds). Of a run, some climates are mild and some are not."""

    fail: float = 0.0
    crash: float = 0.0
    wait: float = 0.0
    longest: float = 0.05

    @classmethod
    def drawn(cls, chance: random.Random) -> Climate:
        return cls(
            fail=chance.choice((0.0, 0.002, 0.01, 0.03)),
            crash=chance.choice((0.0, 0.0005, 0.002)),
            wait=chance.choice((0.0, 0.02, 0.1)),
            longest=chance.choice((0.01, 0.05, 2.0)),
        )


CALM = Climate()


class Weather(Faults):
    """One part of the world's faults (a database, the broker). Counts what it did, so that a run in which the rare thing never
    happened is told from one that withstood it."""

    def __init__(self, name: str, climate: Climate, chance: random.Random, trace: Trace, happened: Counter[str]) -> None:
        self.name, self.climate, self._chance, self._trace, self._happened = name, climate, chance, trace, happened

    async def at(self, point: str) -> None:
        check_alive()
        process, climate = current(), self.climate
        if process is None or climate is CALM:
            return
        self._trace.note(process.name, point)
        drawn = self._chance.random()
        if drawn < climate.crash:
            await self._crash(point)
        elif drawn < climate.crash + climate.fail:
            self._count(f"{_kind(point)} failed {_when(point)}")
            raise Unavailable(f"{self.name}: {point}")
        elif drawn < climate.crash + climate.fail + climate.wait:
            seconds = self._chance.random() * climate.longest
            if seconds >= SLOW:
                self._count(f"{_kind(point)} slow")
            await asyncio.sleep(seconds)
            check_alive()

    async def _crash(self, point: str) -> None:
        process = current()
        assert process is not None
        self._count(f"crashed {_when(point)} {_kind(point)}")
        process.kill()
        await asyncio.get_running_loop().create_future()

    def _count(self, what: str) -> None:
        self._happened[what] += 1
        process = current()
        self._trace.note(process.name if process else "world", what)


def _kind(point: str) -> str:
    return point.partition(".")[0]


def _when(point: str) -> str:
    """`after`: the effect is there, its reply is lost."""
    when = point.partition(".")[2]
    return when if when in ("after", "within") else "before"
