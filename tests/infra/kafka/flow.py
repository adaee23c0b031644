"""Coins put into jars at a steady pace, relayed to Kafka and counted by a group's members: what goes in must come out. The
relay, the bus, the consumers and the projection are the real ones."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from libs.chassis.system import SystemClock, SystemIds
from libs.events.bus import KafkaBus
from libs.events.consumer import Consumer
from libs.events.envelope import Commit, topic
from libs.events.memory import MemoryCommitLog, MemoryDocuments
from libs.events.ports import Bus, Delivery, Documents, Page, Ports
from libs.events.projection import ProjectionRunner, shown
from libs.events.relay import Relay
from libs.events.subscription import SubscriptionSettings
from libs.events.testing import eventually
from tests.infra.kafka.checks import is_gapless, polls_skip_nothing, positions, read_all, streams_skip_nothing
from tests.kernel.commits import new_commit
from tests.kernel.jars import JARS, CoinAdded, jar_id, savings

STREAMS = 24
EVERY = 0.01
"""Seconds between two coins."""
SUBSCRIBED = SubscriptionSettings(session_timeout=3.0, rebalance_timeout=6.0)
"""A member that is silent for this long is given up."""


def bus_of(bootstrap: str, patience: float = 5.0) -> KafkaBus:
    return KafkaBus(bootstrap, SystemClock(), SystemIds(), replication=3, patience=patience, subscriptions=SUBSCRIBED)


def group_of(service: str) -> str:
    return f"limelight.{service}.savings"


class Member(Consumer):
    """One process's share of the group that counts the coins. `polls`: what it was given, in the order in which it came to all
    who share the list."""

    def __init__(self, service: str, bus: Bus, documents: Documents, polls: list[Sequence[Delivery]]) -> None:
        self._polls = polls
        runner = ProjectionRunner(savings, documents, "savings")
        ports = Ports(MemoryCommitLog(), documents, bus, SystemClock(), SystemIds())
        super().__init__(group_of(service), [topic(service)], [CoinAdded], runner.handle, ports=ports, known=JARS)

    async def deliver(self, batch: Sequence[Delivery]) -> None:
        self._polls.append(batch)
        await super().deliver(batch)


class Flow:
    """One service's coins. `polls`: what all members were given."""

    def __init__(self, bootstrap: str, service: str, documents: Documents | None = None, *, patience: float = 5.0) -> None:
        self.bootstrap, self.service, self.topic = bootstrap, service, topic(service)
        self.bus = bus_of(bootstrap, patience)
        self.documents = documents or MemoryDocuments()
        self.polls: list[Sequence[Delivery]] = []
        self.longest_silence = 0.0
        """Seconds between two polls that brought something, at most."""
        self._log, clock, ids = MemoryCommitLog(), SystemClock(), SystemIds()
        self._relay = Relay(service, self._log, MemoryDocuments(), self.bus, clock, ids, "relay", page=100, check=1.0)
        self._last: dict[str, Commit] = {}

    @asynccontextmanager
    async def running(self, member: bool = True) -> AsyncIterator[Flow]:
        """Coins flow inside. Afterwards everything has arrived, and is checked. `member`: one counts from begin to end."""
        await self.bus.ensure(self.topic)
        counting = self.member(self.bus)
        if member:
            await counting.start()
        relaying, adding = asyncio.create_task(self._relay.run()), asyncio.create_task(self._add_coins())
        watching = asyncio.create_task(self._time_silence())
        try:
            yield self
            watching.cancel()
            adding.cancel()
            await self._arrived()
        finally:
            for task in (watching, adding):
                task.cancel()
            self._relay.stop()
            await relaying
            await counting.stop()
            await self.bus.stop()

    def member(self, bus: Bus) -> Member:
        return Member(self.service, bus, self.documents, self.polls)

    @property
    def added(self) -> int:
        """Coins so far."""
        return sum(commit.last for commit in self._last.values())

    @property
    def published(self) -> int:
        return self._relay.position

    @property
    def delivered(self) -> int:
        return sum(map(len, self.polls))

    async def goes_on(self, coins: int = 100) -> None:
        """Returns when so many more are published than were added when it was asked."""
        wanted = self.added + coins
        await eventually(lambda: self.published >= wanted, timeout=60.0)

    async def _add_coins(self) -> None:
        number = 0
        while True:
            stream = jar_id(number % STREAMS)
            coin = new_commit(stream, after=self._last.get(stream), data={"jar_id": stream, "cents": 1})
            self._last[stream] = (await self._log.append(coin)).commit
            number += 1
            await asyncio.sleep(EVERY)

    async def _time_silence(self) -> None:
        before, since = 0, time.monotonic()
        while True:
            if len(self.polls) > before:
                before, since = len(self.polls), time.monotonic()
            self.longest_silence = max(self.longest_silence, time.monotonic() - since)
            await asyncio.sleep(0.01)

    async def _arrived(self) -> None:
        await eventually(lambda: self.published == self.added, timeout=60.0)
        await eventually(self._is_counted, timeout=60.0, every=0.1)

    async def _is_counted(self) -> bool:
        """The view equals the fold of what was committed."""
        found = await self.documents.find("savings", {}, Page(limit=1_000))
        coins = {one.id: shown(one.body)["coins"] for one in found}
        assert coins == {stream: commit.last for stream, commit in self._last.items()}
        return True

    async def check(self) -> int:
        """All that was committed is published and read in order, once or more; returns how many stand in Kafka twice."""
        log = await read_all(self.bootstrap, self.topic)
        is_gapless(log)
        streams_skip_nothing(log)
        polls_skip_nothing(self.polls, log)
        streams_skip_nothing(delivery for poll in self.polls for delivery in poll)
        everything = set(range(1, self.added + 1))
        assert positions(log) == everything
        assert positions(delivery for poll in self.polls for delivery in poll) == everything
        return len(log) - len(everything)
