"""The broker of a simulation: the bus's twin, with habits of its own, and how a process sees it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence

from libs.events.memory import MemoryBus, MemorySubscription
from libs.events.memory_bus import Place
from libs.events.ports import Deliver, Delivery, Message, Unavailable
from tests.simulation.process import check_alive
from tests.simulation.weather import Weather


class Broker(MemoryBus):
    """Partitions are read in any order, batches end anywhere, and what a group had come to may be forgotten."""

    def __init__(self, weather: Weather, chance: random.Random, happened: Counter[str]) -> None:
        super().__init__(weather, max_records=200)
        self._chance, self._happened = chance, happened
        self.restless = False

    def sends_again(self) -> bool:
        """A client that lost its connection, as clients of Kafka do: what was on its way then comes first in the new topic."""
        return self.restless and self._chance.random() < 0.5

    def subscribe(self, group: str, topics: Sequence[str], deliver: Deliver) -> MemorySubscription:
        if self._group(group).members:
            self._happened["a group shared its partitions anew"] += 1
        return super().subscribe(group, topics, deliver)

    def generations(self) -> Counter[str]:
        return self._generations.copy()

    def generation(self, topic: str) -> int:
        """How often the topic was lost."""
        return self._generations[topic]

    def groups(self) -> list[str]:
        return sorted(self._groups)

    def arrived(self, topic: str, seen: dict[tuple[str, int, int], int]) -> Iterator[Delivery]:
        """What came into the topic since the last look, partition by partition. `seen` remembers how far it looked."""
        generation = self._generations[topic]
        for number, kept in enumerate(self._topics.get(topic, [])):
            place = (topic, generation, number)
            before = seen.get(place, 0)
            if len(kept) > before:
                seen[place] = len(kept)
                yield from kept[before:]

    def behind(self, group: str) -> int:
        """Messages that the group's members have not handled."""
        read = {topic for member in self._groups[group].members for topic in member.topics}
        return sum(self.lag(group, topic) for topic in read)

    def forget(self, group: str) -> None:
        """Offsets that were committed a moment ago are lost, as after a crash of the broker: duplicates come."""
        committed = self._group(group).committed
        for place in sorted(committed):
            committed[place] -= self._chance.randint(0, min(3, committed[place]))
        for member in self._group(group).members:
            member.ring()

    def _next_batch(self, places: Collection[Place], committed: dict[Place, int]) -> list[Delivery]:
        topics = self._topics
        waiting = [
            place for place in places if place[0] in topics and len(topics[place[0]][place[1]]) > committed.get(place, 0)
        ]
        if not waiting:
            return []
        if self.restless:
            self._chance.shuffle(waiting)
        batch = super()._next_batch(waiting, committed)
        return batch[: self._chance.randint(1, len(batch))] if self.restless else batch


class Membership:
    """The bus as one process sees it: its subscriptions end with it, but not at once."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._members: list[MemorySubscription] = []
        self._connected = broker.generations()

    async def ensure(self, topic: str) -> None:
        check_alive()
        await self._broker.ensure(topic)

    async def publish(self, topic: str, messages: Sequence[Message]) -> dict[int, int]:
        """A broker that loses a topic loses its connections as well: whoever was publishing is told, or sends it again over a
        new one without a word."""
        generation = self._broker.generation(topic)
        if self._connected[topic] != generation:
            self._connected[topic] = generation
            if not self._broker.sends_again():
                raise Unavailable("the connection was lost")
        return await self._broker.publish(topic, messages)

    async def ends(self, topic: str) -> dict[int, int]:
        check_alive()
        return await self._broker.ends(topic)

    async def read(self, topic: str, offsets: Mapping[int, int]) -> dict[int, Delivery]:
        check_alive()
        return await self._broker.read(topic, offsets)

    def partition(self, key: str) -> int:
        return self._broker.partition(key)

    def subscribe(self, group: str, topics: Sequence[str], deliver: Deliver) -> MemorySubscription:
        member = self._broker.subscribe(group, topics, deliver)
        self._members.append(member)
        return member

    def expire(self) -> None:
        """The process died, and its sessions are over: the groups share its partitions among those that are left."""
        for member in self._members:
            member.kill()
