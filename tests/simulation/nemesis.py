"""Who makes trouble: sets the climate of each part, kills and stops processes, forgets, wipes, and moves the clock."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from libs.events.builds import request_rebuild
from libs.events.envelope import topic
from tests.simulation.invariants import Watch
from tests.simulation.marketplace import SERVICES, Marketplace, projections_of
from tests.simulation.replica import Anything
from tests.simulation.weather import Climate

SHORT_JUMPS = (-60.0, -2.0, 5.0, 45.0, 600.0)
LONG_JUMPS = tuple(
    timedelta(**{unit: n}).total_seconds() for unit, n in (("hours", 2), ("hours", 73), ("days", 8), ("days", 15))
)


class Nemesis:
    """`rage` until it is told to rest; what it does follows from the seed."""

    def __init__(self, marketplace: Marketplace, watch: Watch) -> None:
        self._marketplace, self._watch = marketplace, watch
        self._chance = marketplace.chance("nemesis")
        self._pace = self._chance.choice((0.3, 1.0, 3.0))
        self._deeds: tuple[tuple[float, Callable[[], Awaitable[None]]], ...] = (
            (4, self._kill),
            (2, self._stop),
            (2, self._forget),
            (1, self._wipe),
            (0.3, self._wipe_all),
            (2, self._jump),
            (1, self._wait_long),
            (1, self._take_down),
            (1, self._steal_lease),
            (1, self._build_anew),
        )

    def begin(self) -> None:
        """The weather of this seed."""
        chance, marketplace = self._chance, self._marketplace
        for weather in marketplace.weathers.values():
            weather.climate = Climate.drawn(chance)
        marketplace.broker.restless = chance.random() < 0.7
        marketplace.provider.troubled = chance.choice((0.0, 0.5, 0.9))
        marketplace.edges.lost = chance.choice((0.0, 0.01, 0.05))

    async def rage(self) -> None:
        weights = [weight for weight, _ in self._deeds]
        while True:
            await asyncio.sleep(self._chance.expovariate(1 / self._pace))
            [(_, deed)] = self._chance.choices(self._deeds, weights)
            await deed()

    # --- deeds -------------------------------------------------------------------------------------------------------

    async def _kill(self) -> None:
        victim = self._victim()
        self._did(f"killed a {victim.role}", victim.name)
        victim.kill()

    async def _stop(self) -> None:
        victim = self._victim()
        self._did(f"stopped a {victim.role}", victim.name)
        await victim.stop()

    async def _take_down(self) -> None:
        """A process stays away for a while."""
        victim = self._victim()
        self._did("kept a process down", victim.name)
        victim.keep_down(True)
        victim.kill()
        await asyncio.sleep(self._chance.uniform(1, 8))
        victim.keep_down(False)

    async def _forget(self) -> None:
        groups = self._marketplace.broker.groups()
        if groups:
            group = self._chance.choice(groups)
            self._did("offsets forgotten", group)
            self._marketplace.broker.forget(group)

    async def _wipe(self) -> None:
        self._lose(self._chance.choice(SERVICES))

    async def _wipe_all(self) -> None:
        """The broker comes back with nothing."""
        self._did("the broker wiped", "")
        for service in SERVICES:
            self._lose(service)

    def _lose(self, service: str) -> None:
        self._did("a topic wiped", service)
        self._watch.look()
        self._marketplace.broker.lose(topic(service))
        self._watch.published.lost(service)

    async def _jump(self) -> None:
        seconds = self._chance.choice(SHORT_JUMPS)
        self._did("the clock jumped back" if seconds < 0 else "the clock jumped ahead", f"{seconds:+.0f} s")
        self._marketplace.clock.skew += seconds

    async def _wait_long(self) -> None:
        """Nobody does anything for hours or days: timers fire."""
        seconds = self._chance.choice(LONG_JUMPS)
        self._did("a long silence", f"{seconds:+.0f} s")
        self._marketplace.clock.skew += seconds

    async def _steal_lease(self) -> None:
        """All relays of a service believe for a moment that the lease of the other has run out."""
        self._did("leases ran out", "")
        self._marketplace.clock.skew += 16

    async def _build_anew(self) -> None:
        """An operator has a read model built from the first event on."""
        service = self._chance.choice(SERVICES)
        projection = self._chance.choice(projections_of(service))
        if await request_rebuild(self._marketplace.documents[service], service, projection.name):
            self._did("a read model built anew", f"{service}.{projection.name}")

    def _victim(self) -> Anything:
        return self._marketplace.replicas[self._chance.choice(sorted(self._marketplace.replicas))]

    def _did(self, what: str, whom: str) -> None:
        self._marketplace.happened[what] += 1
        self._marketplace.trace.note("nemesis", f"{what} {whom}")
