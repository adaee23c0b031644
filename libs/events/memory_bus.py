"""The in-memory twin of the bus: partitions, groups with committed offsets, redelivery of what was not handled."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from libs.events.faults import NO_FAULTS, Faults
from libs.events.partitions import PARTITIONS, partition
from libs.events.ports import Deliver, Delivery, Message, Unavailable

Place = tuple[str, int]
"""A partition of a topic."""

PAUSE_AFTER_FAILURE = 0.1
"""Seconds until a batch that was not handled is delivered again."""
SIGN_OF_LIFE = 5.0
"""Seconds from one to the next while there is nothing to deliver."""


@dataclass(slots=True)
class _Group:
    """Consumers that share the work. `committed`: the next offset to deliver; `shares`: who has which partitions, forgotten
    whenever a member comes or goes."""

    committed: dict[Place, int] = field(default_factory=dict)
    members: list[MemorySubscription] = field(default_factory=list)
    shares: dict[MemorySubscription, dict[Place, None]] = field(default_factory=dict)


class MemoryBus:
    """One broker for all services of a process. `max_records`: the largest batch delivered."""

    def __init__(self, faults: Faults = NO_FAULTS, max_records: int = 1_000) -> None:
        self._topics: dict[str, list[list[Delivery]]] = {}
        self._groups: dict[str, _Group] = {}
        self._generations: Counter[str] = Counter()  # of a topic: how often it was lost
        self._faults, self._max_records = faults, max_records

    async def ensure(self, topic: str) -> None:
        self._topics.setdefault(topic, [[] for _ in range(PARTITIONS)])

    async def publish(self, topic: str, messages: Sequence[Message]) -> dict[int, int]:
        generation = self._generations[topic]
        await self._faults.at("publish.before")
        await self.ensure(topic)
        last: dict[int, int] = {}
        try:
            for sent, message in enumerate(messages):
                if sent:
                    await self._faults.at("publish.within")
                if self._generations[topic] != generation and not self.sends_again():
                    raise Unavailable(f"{topic} was lost, and the connection with it")
                await self.ensure(topic)
                number = partition(message.key)
                kept = self._topics[topic][number]
                last[number] = len(kept)
                kept.append(Delivery(topic, number, len(kept), message.key, message.value, dict(message.headers)))
        finally:
            self._ring(topic)  # what is there is read, whatever became of the rest
        await self._faults.at("publish.after")
        return last

    def sends_again(self) -> bool:
        """Whether a publish goes on, as a client of Kafka may, when its topic was lost meanwhile."""
        return False

    async def ends(self, topic: str) -> dict[int, int]:
        return {number: len(kept) for number, kept in enumerate(self._topics.get(topic, []))}

    async def read(self, topic: str, offsets: Mapping[int, int]) -> dict[int, Delivery]:
        kept = self._topics.get(topic, [])
        return {n: kept[n][offset] for n, offset in offsets.items() if kept and offset < len(kept[n])}

    def partition(self, key: str) -> int:
        return partition(key)

    def subscribe(self, group: str, topics: Sequence[str], deliver: Deliver) -> MemorySubscription:
        return MemorySubscription(self, group, tuple(topics), deliver)

    def lose(self, topic: str) -> None:
        """The broker lost the topic: its messages and what every group had committed on it."""
        self._topics.pop(topic, None)
        self._generations[topic] += 1
        for group in self._groups.values():
            group.committed = {place: offset for place, offset in group.committed.items() if place[0] != topic}
        self._ring(topic)

    def lag(self, group: str, topic: str) -> int:
        """Messages that the group has not handled yet."""
        committed = self._group(group).committed
        return sum(end - committed.get((topic, n), 0) for n, end in enumerate(map(len, self._topics.get(topic, []))))

    def _group(self, name: str) -> _Group:
        return self._groups.setdefault(name, _Group())

    def _ring(self, topic: str) -> None:
        for group in self._groups.values():
            for member in group.members:
                if topic in member.topics:
                    member.ring()

    def _next_batch(self, places: Collection[Place], committed: dict[Place, int]) -> list[Delivery]:
        batch: list[Delivery] = []
        for topic, number in places:
            kept = self._topics[topic][number] if topic in self._topics else []
            start = committed.get((topic, number), 0)
            batch += kept[start : start + self._max_records - len(batch)]
            if len(batch) == self._max_records:
                break
        return batch


class MemorySubscription:
    """One member of a group. Partitions are dealt out anew whenever a member comes or goes."""

    def __init__(self, bus: MemoryBus, group: str, topics: tuple[str, ...], deliver: Deliver) -> None:
        self.topics = topics
        self._bus, self._group, self._deliver = bus, bus._group(group), deliver
        self._bell = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self._polled = 0.0

    async def start(self) -> None:
        for topic in self.topics:
            await self._bus.ensure(topic)
        self._stopping = False
        self._group.members.append(self)
        self._group.shares.clear()
        self._lives()
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        self._stopping = True
        self.ring()
        if self._task is not None:
            await self._task
            self._task = None
        self._leave()

    def kill(self) -> None:
        """The process died: the batch in hand is neither finished nor acknowledged."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._leave()

    def polled(self) -> float:
        return self._polled

    def ring(self) -> None:
        self._bell.set()

    def _leave(self) -> None:
        if self in self._group.members:
            self._group.members.remove(self)
            self._group.shares.clear()
        for member in self._group.members:
            member.ring()

    def _assigned(self) -> Mapping[Place, None]:
        """In order."""
        shares = self._group.shares
        if self not in shares:
            shares[self] = dict.fromkeys(self._share())
        return shares[self]

    def _share(self) -> Iterator[Place]:
        for topic in self.topics:
            sharing = [member for member in self._group.members if topic in member.topics]
            if self in sharing:
                yield from ((topic, n) for n in range(PARTITIONS) if sharing[n % len(sharing)] is self)

    async def _run(self) -> None:
        while not self._stopping:
            self._lives()
            self._bell.clear()
            batch = self._bus._next_batch(self._assigned(), self._group.committed)
            if not batch:
                await self._rest()
            elif not await self._handle(batch):
                await asyncio.sleep(PAUSE_AFTER_FAILURE)

    async def _handle(self, batch: list[Delivery]) -> bool:
        generations = self._bus._generations
        born = dict(generations)
        try:
            await self._bus._faults.at("deliver")
            await self._deliver(batch)
            await self._bus._faults.at("commit")
        except Exception:  # whatever it was, nothing of the batch is acknowledged: that is the contract
            return False
        mine = self._assigned()
        for place, offset in {(one.topic, one.partition): one.offset for one in batch}.items():
            if place in mine and generations[place[0]] == born.get(place[0], 0):
                self._group.committed[place] = max(self._group.committed.get(place, 0), offset + 1)
        return True

    async def _rest(self) -> None:
        """Until the bell rings; after a while it rings by itself."""
        sign = asyncio.get_running_loop().call_later(SIGN_OF_LIFE, self.ring)
        try:
            await self._bell.wait()
        finally:
            sign.cancel()

    def _lives(self) -> None:
        self._polled = asyncio.get_running_loop().time()
