"""What a service does by itself: relay its commits, keep its read models, react, meet its deadlines."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from typing import Any, Final

import structlog

from libs.chassis.rpcs import Aggregate
from libs.events.builds import ProjectionBuilds
from libs.events.commands import CommandTable
from libs.events.consumer import Consumer
from libs.events.deadlines import DeadlineRunner, Deadlines
from libs.events.envelope import topic
from libs.events.follower import Follower
from libs.events.handler import CommandHandler
from libs.events.ports import Ports
from libs.events.projection import Projection
from libs.events.reactions import PAGE, Reaction, ReactionRunner, reaction_group
from libs.events.registry import Registry
from libs.events.relay import Relay

ROLES: Final = ("all", "api", "worker", "relay")
PROBE = 2.0
"""Seconds that database and broker have to answer a probe."""
BUS_PROBED = 5.0
"""Seconds for which the broker's answer counts."""
GUARD = 1.0
"""Seconds between two looks at the builds."""
LAST_PAGE = 4.0
"""Seconds that a relay which is stopped has for the page in its hand. A broker that is away would take all that the process
has; what was not published then is published by the next one."""

log = structlog.get_logger(__name__)


class Workers:
    """The parts of one process that run between `start` and `stop`; which ones, the role says."""

    def __init__(
        self,
        service: str,
        ports: Ports,
        handler: CommandHandler,
        aggregates: Sequence[Aggregate],
        reactions: Sequence[Reaction],
        projections: Sequence[Projection],
        known: Registry,
        followers: Sequence[Follower] = (),
        instance: str = "",
    ) -> None:
        """`instance`: this replica's name, which outlives a restart; its relay then takes its own lease up again at once."""
        self._service, self._ports, self._handler, self._known = service, ports, handler, known
        self._instance = instance
        self._deciders = [aggregate.decider for aggregate in aggregates]
        self._reactions, self._projections, self._followers = reactions, projections, followers
        self._role: str | None = None
        self._started = False
        self._builds: ProjectionBuilds | None = None
        self._reacting: Consumer | None = None
        self._relay: Relay | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._cancelled_at_stop: list[asyncio.Task[None]] = []
        self._bus_answered: float | None = None
        self._stopping = asyncio.Event()

    async def start(self, role: str) -> None:
        """Raises `ValueError` for a role that there is not, `Unavailable` when database or broker do not answer."""
        if role not in ROLES:
            raise ValueError(f"no such role: {role}")
        self._role = role
        self._stopping.clear()
        if role in ("api", "all"):
            for follower in self._followers:
                self._cancelled_at_stop.append(self._own(follower.run(), follower.name))
        if role in ("worker", "all"):
            await self._start_working()
        if role in ("relay", "all"):
            self._start_relaying()
        self._started = True

    async def stop(self) -> None:
        """Consumers and deadlines first, each with the batch in its hand; the relay last, so that what they did leaves too."""
        self._started = False
        self._stopping.set()
        for task in self._cancelled_at_stop:
            task.cancel()
        working = [part.stop() for part in (self._reacting, self._builds) if part]
        await asyncio.gather(*working)
        if self._relay:
            self._relay.stop()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=LAST_PAGE)
            for task in late:
                task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        self._cancelled_at_stop.clear()
        self._builds = self._reacting = self._relay = self._role = None

    async def crash(self) -> None:
        """Returns when stopped. Raises what ended a part that was to run on."""
        stopped = asyncio.create_task(self._stopping.wait())
        try:
            done, _ = await asyncio.wait([stopped, *self._tasks], return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopped.cancel()
        for task in done - {stopped}:
            if not self._stopping.is_set():
                task.result()
                raise RuntimeError(f"{task.get_name()} ended by itself")

    async def readiness(self) -> list[str]:
        """Why the role cannot be played now; empty: it can."""
        if not self._started:
            return ["not started"]
        probes = [self._answers("MongoDB", self._ports.log.head)]
        if self._role != "api":
            probes.append(self._answers("Kafka", self._probe_bus))
        outages = [reason for reason in await asyncio.gather(*probes) if reason]
        return [*outages, *self._idle()]

    def _idle(self) -> Iterator[str]:
        for task in self._tasks:
            if task.done():
                yield f"{task.get_name()} ended"
        for follower in self._followers if self._role in ("api", "all") else ():
            if not follower.caught_up:
                yield f"{follower.name} is catching up: it is at {follower.position}"
        for consumer in self._consumers():
            if consumer.halted:
                yield str(consumer.halted)
            elif not consumer.ready():
                yield f"{consumer.group} does not consume"

    def _consumers(self) -> Iterator[Consumer]:
        if self._reacting:
            yield self._reacting
        if self._builds:
            yield from self._builds.consumers()

    async def _answers(self, what: str, probe: Callable[[], Awaitable[Any]]) -> str | None:
        try:
            async with asyncio.timeout(PROBE):
                await probe()
        except Exception as error:
            return f"{what} does not answer ({type(error).__name__})"
        return None

    async def _probe_bus(self) -> None:
        """A probe of the broker opens a connection, so an answer counts for a while."""
        now = self._ports.clock.monotonic()
        if self._bus_answered is None or now - self._bus_answered >= BUS_PROBED:
            self._bus_answered = None
            await self._ports.bus.ends(topic(self._service))
            self._bus_answered = now

    async def _start_working(self) -> None:
        ports, runner = self._ports, self._runner()
        for name in sorted({topic(self._service), *runner.topics(), *self._projected()}):
            await ports.bus.ensure(name)
        await Deadlines(ports.documents, CommandTable(self._deciders)).prepare()
        self._builds = ProjectionBuilds(self._service, self._projections, ports, known=self._known)
        await self._builds.start()
        self._cancelled_at_stop.append(self._own(self._guard(self._builds), "builds"))
        if self._reactions:
            self._reacting = Consumer(
                reaction_group(self._service),
                runner.topics(),
                runner.types(),
                runner.handle,
                ports=ports,
                known=self._known,
                page=PAGE,
            )
            await self._reacting.start()
        deadlines = DeadlineRunner(self._service, self._deciders, self._handler, ports.documents, ports.clock)
        self._cancelled_at_stop.append(self._own(deadlines.run(), "deadlines"))

    def _start_relaying(self) -> None:
        ports = self._ports
        owner = self._instance or ports.ids.new("rly", ports.clock.now())
        self._relay = Relay(self._service, ports.log, ports.documents, ports.bus, ports.clock, ports.ids, owner)
        self._own(self._relay.run(), "relay")

    def _runner(self) -> ReactionRunner:
        return ReactionRunner(self._service, self._reactions, self._deciders, self._handler, self._ports.documents)

    def _projected(self) -> Iterator[str]:
        for projection in self._projections:
            yield from map(topic, projection.sources())

    async def _guard(self, builds: ProjectionBuilds) -> None:
        """Raises when the builds' own loop has ended: all their consumers are well, and yet they are not ready."""
        while builds.ready() or not all(map(Consumer.ready, builds.consumers())):
            await self._ports.clock.sleep(GUARD)
        raise RuntimeError("the builds of projections ended")

    def _own(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work, name=f"{name} of {self._service}")
        self._tasks.append(task)
        return task
