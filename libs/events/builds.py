"""Builds of projections, blue and green: a new version, or a rebuild, fills a collection of its own beside the live one and
takes its place once it has caught up. The document of a projection in `projections` holds which is which."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from libs.events.consumer import LIMITS, Consumer, Limits
from libs.events.envelope import milliseconds, topic
from libs.events.failures import is_transient
from libs.events.ports import Bus, Documents, Ports, Stored, Unavailable, Write
from libs.events.progress import Reached, read_progress
from libs.events.projection import Projection, ProjectionRunner
from libs.events.registry import Registry, registry

logger = logging.getLogger(__name__)

PROJECTIONS = "projections"
EVERY = 0.5
"""Seconds between two looks at the builds."""
RETIRED_FOR = 10.0
"""Seconds that a replaced collection is kept, for queries and consumers that have not noticed yet."""

Ends = dict[str, dict[str, int]]
"""Topic -> partition -> the offset, or the position, to reach."""


@dataclass(frozen=True, slots=True)
class Build:
    """One filling of a read model. What there was when it began: `ends`, the next offsets (None: asked for, not begun), and
    `served`, the positions that the live one had reached. The former go when the broker loses the topic, the latter do not."""

    version: int
    generation: int
    collection: str
    group: str
    ends: Ends | None = None
    served: Ends = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Retired:
    collection: str
    at: int
    """Milliseconds since 1970."""


@dataclass(frozen=True, slots=True)
class Builds:
    live: Build
    building: Build | None = None
    retired: tuple[Retired, ...] = ()
    revision: int = field(default=0, compare=False)

    def all(self) -> tuple[Build, ...]:
        return (self.live,) if self.building is None else (self.live, self.building)


def build_of(service: str, name: str, version: int, generation: int, ends: Ends | None = None) -> Build:
    collection = f"{name}__v{version}_{generation}"
    return Build(version, generation, collection, f"limelight.{service}.{name}.v{version}-{generation}", ends)


async def read_builds(documents: Documents, name: str) -> Builds | None:
    return (await _read(documents, [name])).get(name)


async def _read(documents: Documents, names: Sequence[str]) -> dict[str, Builds]:
    """By projection; those that were never begun are missing."""
    return {name: _builds_of(stored) for name, stored in (await documents.get(PROJECTIONS, names)).items()}


def _builds_of(stored: Stored) -> Builds:
    body = stored.body
    building = None if body["building"] is None else Build(**body["building"])
    return Builds(Build(**body["live"]), building, tuple(Retired(**one) for one in body["retired"]), stored.revision)


async def request_rebuild(documents: Documents, service: str, name: str) -> bool:
    """Asks the service's workers to build the projection anew. False: there is no such projection, or it is being built."""
    builds = await read_builds(documents, name)
    if builds is None or builds.building is not None:
        return False
    wanted = build_of(service, name, builds.live.version, builds.live.generation + 1)
    return await _write(documents, name, replace(builds, building=wanted))


class ProjectionBuilds:
    """Runs the consumers of a service's builds in this process, and switches to what has caught up. Several processes may."""

    def __init__(
        self,
        service: str,
        projections: Iterable[Projection],
        ports: Ports,
        *,
        known: Registry = registry,
        limits: Limits = LIMITS,
        retired_for: float = RETIRED_FOR,
    ) -> None:
        self._service, self._ports, self._known, self._limits = service, ports, known, limits
        self._projections = {one.name: one for one in projections}
        self._retired_for = retired_for
        self._retired_since: dict[str, float] = {}
        """When this process first saw a collection retired, by the steady clock."""
        self._running: dict[str, Consumer] = {}
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        found = await _read(self._ports.documents, list(self._projections))
        for projection in self._projections.values():
            await self._reconcile(projection, found.get(projection.name))
        self._task = asyncio.get_running_loop().create_task(self._run(), name=f"builds of {self._service}")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await asyncio.gather(*(consumer.stop() for consumer in self._running.values()))
        self._running.clear()

    def consumers(self) -> Sequence[Consumer]:
        return tuple(self._running.values())

    def ready(self) -> bool:
        return self._task is not None and not self._task.done() and all(map(Consumer.ready, self._running.values()))

    async def _run(self) -> None:
        while True:
            await self._ports.clock.sleep(EVERY)
            try:
                found = await _read(self._ports.documents, list(self._projections))
            except Unavailable as failed:
                logger.warning("the builds of %s wait: %s", self._service, failed)
                continue
            for projection in self._projections.values():
                try:
                    await self._reconcile(projection, found.get(projection.name))
                except Exception as failed:
                    if not is_transient(failed):
                        raise
                    logger.warning("the builds of %s wait: %s", projection.name, failed)

    async def _reconcile(self, projection: Projection, found: Builds | None) -> None:
        """Brings the builds one step on, and the consumers in line with them."""
        documents, name = self._ports.documents, projection.name
        if found is None:
            following = Builds(build_of(self._service, name, projection.version, 1, {}))
        else:
            following = await self._following(projection, found)
        if following != found:
            await _write(documents, name, following)
            found = await read_builds(documents, name)
        if found is not None:
            await self._run_consumers(projection, found)

    async def _following(self, projection: Projection, builds: Builds) -> Builds:
        """The next state of the builds; the same where nothing is to be done."""
        now = milliseconds(self._ports.clock.now())
        building, name = builds.building, projection.name
        if building is None and projection.version > builds.live.version:
            return replace(builds, building=build_of(self._service, name, projection.version, builds.live.generation + 1))
        if building is not None and building.version != projection.version:
            newer = projection.version > building.version or building.ends is None
            begun = build_of(self._service, name, projection.version, building.generation + 1)
            retired = (*builds.retired, Retired(building.collection, now))
            return replace(builds, building=begun, retired=retired) if newer else builds
        if building is not None and building.ends is None:
            return replace(builds, building=await self._begun(projection, builds.live, building))
        if building is not None and await self._caught_up(building):
            logger.info("%s is now served by %s", name, building.collection)
            return Builds(building, None, (*builds.retired, Retired(builds.live.collection, now)), builds.revision)
        if builds.retired and self._is_over(builds.retired[0], now):
            await self._ports.documents.drop(builds.retired[0].collection)
            self._retired_since.pop(builds.retired[0].collection, None)
            return replace(builds, retired=builds.retired[1:])
        return builds

    def _is_over(self, retired: Retired, now: int) -> bool:
        """By the clock, and by how long this process has seen it retired: where time leapt the others have not noticed yet, and
        would find their documents gone."""
        tick = self._ports.clock.monotonic()
        seen = tick - self._retired_since.setdefault(retired.collection, tick)
        return now - retired.at >= self._retired_for * 1000 and seen >= self._retired_for

    async def _begun(self, projection: Projection, live: Build, building: Build) -> Build:
        ends, served = Ends(), Ends()
        for name in (topic(source) for source in sorted(projection.sources())):
            await self._ports.bus.ensure(name)
            ends[name] = {str(n): end for n, end in (await self._ports.bus.ends(name)).items()}
            reached = await self._reached(live, name, ends[name])
            served[name] = {n: to.position for n, to in reached.items()}
        return replace(building, ends=ends, served=served)

    async def _reached(self, build: Build, name: str, partitions: Iterable[str]) -> dict[str, Reached]:
        places = {n: (name, int(n)) for n in partitions}
        reached = await read_progress(self._ports.documents, build.group, list(places.values()))
        return {n: reached[place] for n, place in places.items()}

    async def _caught_up(self, build: Build) -> bool:
        """Every end was reached; of a topic that the broker lost meanwhile, the end that it has now. And it has all that the
        live one had: of such a topic, when it came again."""
        for name, ends in (build.ends or {}).items():
            reached = await self._reached(build, name, ends)
            if any(reached[n].position < position for n, position in build.served.get(name, {}).items()):
                return False
            behind = {n: end for n, end in ends.items() if reached[n].offset < end}
            if behind and any(reached[n].offset < end for n, end in (await _current(self._ports.bus, name, behind)).items()):
                return False
        return True

    # --- consumers -----------------------------------------------------------------------------------------------

    async def _run_consumers(self, projection: Projection, builds: Builds) -> None:
        """Of the builds of this code's version: what another version fills, only that version understands."""
        prefix = f"limelight.{self._service}.{projection.name}.v"
        wanted = {one.group: one for one in builds.all() if one.version == projection.version and one.ends is not None}
        for group in [group for group in self._running if group.startswith(prefix) and group not in wanted]:
            await self._running.pop(group).stop()
        for group, build in wanted.items():
            if group not in self._running:
                self._running[group] = await self._start_consumer(projection, build)

    async def _start_consumer(self, projection: Projection, build: Build) -> Consumer:
        runner = ProjectionRunner(projection, self._ports.documents, build.collection)
        await runner.prepare()
        consumer = Consumer(
            build.group,
            [topic(source) for source in sorted(projection.sources())],
            projection.of,
            runner.handle,
            ports=self._ports,
            known=self._known,
            limits=self._limits,
        )
        await consumer.start()
        return consumer


async def _current(bus: Bus, name: str, behind: Mapping[str, int]) -> dict[str, int]:
    now = await bus.ends(name)
    return {n: min(end, now.get(int(n), 0)) for n, end in behind.items()}


async def _write(documents: Documents, name: str, builds: Builds) -> bool:
    """False: another process was faster."""
    body: dict[str, Any] = {
        "live": asdict(builds.live),
        "building": None if builds.building is None else asdict(builds.building),
        "retired": [asdict(one) for one in builds.retired],
    }
    return not await documents.put(PROJECTIONS, [Write(name, builds.revision, body)])
