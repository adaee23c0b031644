"""A service of jars in memory: its ports, its relay in one line, and faults to inject."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from libs.events.consumer import Consumer, Limits
from libs.events.envelope import Recorded, topic
from libs.events.faults import Faults
from libs.events.handler import CommandHandler
from libs.events.ids import Ids
from libs.events.memory import LoopClock, MemoryBus, MemoryCommitLog, MemoryDocuments, SeededIds
from libs.events.ports import Bus, Clock, CommitLog, Delivery, Documents, Message, Ports, Unavailable
from libs.events.relay import messages_of
from tests.kernel.jars import ANN, JARS, SERVICE, AddCoin, CoinAdded, JarOpened, OpenJar, jar, jar_id, key

TOPIC, GROUP = topic(SERVICE), f"limelight.{SERVICE}.tests"


class Faulty(Faults):
    """Fails at a point while `failing` says so; counts how often each point was met."""

    def __init__(self) -> None:
        self.met: Counter[str] = Counter()
        self.failing: Callable[[str], bool] = lambda point: False

    async def at(self, point: str) -> None:
        self.met[point] += 1
        if self.failing(point):
            raise Unavailable(point)


def now_and_then(seed: int, *points: str) -> Callable[[str], bool]:
    """Fails a third of the time, at these points (none: at all)."""
    chance = random.Random(seed)
    return lambda point: (not points or point in points) and chance.random() < 1 / 3


class World:
    """One service's ports. `publish` relays what was committed since."""

    def __init__(
        self,
        *,
        log: CommitLog | None = None,
        documents: Documents | None = None,
        bus: Bus | None = None,
        clock: Clock | None = None,
        ids: Ids | None = None,
    ) -> None:
        self.faults = Faulty()
        self.log = log or MemoryCommitLog(self.faults)
        self.documents = documents or MemoryDocuments(self.faults)
        self.bus = bus or MemoryBus()
        self.clock = clock or LoopClock()
        self.ports = Ports(self.log, self.documents, self.bus, self.clock, ids or SeededIds())
        self.handler = CommandHandler(self.log, self.clock, known=JARS)
        self.published = 0

    async def open(self, *numbers: int) -> None:
        for number in numbers:
            await self.handler.handle(jar, OpenJar(jar_id=jar_id(number)), actor=ANN, commit_id=key("open", number))

    async def add(self, number: int, *cents: int) -> None:
        for index, amount in enumerate(cents):
            version = (await self.handler.load(jar, jar_id(number))).version
            command = AddCoin(jar_id=jar_id(number), cents=amount)
            await self.handler.handle(jar, command, actor=ANN, commit_id=key("add", number, version, index))

    async def deliveries(self, after: int = 0) -> list[Delivery]:
        """Every event since a position, as the bus would deliver it."""
        messages = messages_of(await self.log.read(after, 100_000), SERVICE, self.bus.partition, {})
        return [
            Delivery(TOPIC, self.bus.partition(one.key), offset, one.key, one.value, dict(one.headers))
            for offset, one in enumerate(messages)
        ]

    async def publish(self, *, again: bool = False) -> None:
        """Relays; `again`: everything from the beginning, as after a crash before the checkpoint."""
        after = 0 if again else self.published
        messages = [Message(d.key, d.value, tuple(d.headers.items())) for d in await self.deliveries(after)]
        if messages:
            await self.bus.publish(TOPIC, messages)
        self.published = await self.log.head()


class Recorder:
    """A handler that remembers, and fails on what it is told to."""

    def __init__(self) -> None:
        self.handled: list[tuple[str, int]] = []
        self.fails: Callable[[Recorded[Any]], Exception | None] = lambda event: None
        self.calls = 0

    async def __call__(self, events: Sequence[Recorded[Any]]) -> None:
        self.calls += 1
        for event in events:
            failure = self.fails(event)
            if failure is not None:
                raise failure
        self.handled += [(event.stream, event.version) for event in events]

    def of(self, number: int) -> list[int]:
        """Versions of a jar in the order in which they were first handled."""
        return list(dict.fromkeys(version for stream, version in self.handled if stream == jar_id(number)))


def consumer(world: World, recorder: Recorder, page: int | None = None, **limits: float) -> Consumer:
    return Consumer(
        GROUP,
        [TOPIC],
        [JarOpened, CoinAdded],
        recorder,
        ports=world.ports,
        known=JARS,
        limits=Limits(**limits),  # type: ignore[arg-type]
        page=page,
    )


async def filled(jars: int = 3, coins: int = 3) -> World:
    world = World()
    await world.open(*range(jars))
    for _ in range(coins):
        for number in range(jars):
            await world.add(number, 1)
    return world
