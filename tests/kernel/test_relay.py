"""The relay: in order, at least once, one at a time, also when it, the broker or the broker's memory goes away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pytest

from libs.events.envelope import topic
from libs.events.failures import OfAnotherLog
from libs.events.faults import Faults
from libs.events.memory import LoopClock, MemoryBus, MemoryCommitLog, MemoryDocuments, SeededIds
from libs.events.ports import Bus, Delivery, Message, Unavailable, Write
from libs.events.progress import mark_of, sift
from libs.events.relay import RELAYS, Lease, Relay
from libs.events.testing import eventually
from tests.kernel.commits import new_commit
from tests.kernel.relays import fill, running

SERVICE = "jars"


class Marketplace:
    """The twins of one service, and what was heard on its topic."""

    def __init__(self, faults: Faults | None = None, lease: float = 1.0) -> None:
        self.log, self.documents, self.bus = MemoryCommitLog(), MemoryDocuments(), MemoryBus(faults or Faults())
        self.lease = lease

    def relay(self, owner: str, bus: Bus | None = None) -> Relay:
        ids = SeededIds(owner)
        arguments = (SERVICE, self.log, self.documents, bus or self.bus, LoopClock(), ids, owner)
        return Relay(*arguments, page=10, lease=self.lease, poll=0.02, check=0.1)

    def heard(self) -> list[int]:
        """Positions on the topic, per partition in order."""
        partitions = self.bus._topics.get(topic(SERVICE), [])
        return [int(message.headers["ce_position"]) for kept in partitions for message in kept]

    def has_heard(self, count: int) -> Callable[[], bool]:
        return lambda: set(self.heard()) >= set(range(1, count + 1))

    async def stored(self) -> Lease:
        found = (await self.documents.get(RELAYS, [SERVICE]))[SERVICE]
        return Lease.of(found.revision, found.body)


async def test_what_is_committed_is_published_once_and_in_order() -> None:
    market = Marketplace()
    await fill(market.log, streams=4, rounds=5)
    async with running(market.relay("a")) as relay:
        await eventually(market.has_heard(20))
        await fill(market.log, streams=1, rounds=0)
        await market.log.append(new_commit("jar_new"))
        await eventually(lambda: relay.position == 21)
    assert sorted(market.heard()) == sorted([*range(1, 21)] * 2 + [21])
    for kept in market.bus._topics[topic(SERVICE)]:
        versions: dict[str, int] = {}
        for message in kept:
            version = int(message.headers["ce_streamversion"])
            assert version == versions.get(message.key, 0) + 1
            versions[message.key] = version


async def test_stopping_gives_the_lease_back_and_the_next_goes_on() -> None:
    market = Marketplace(lease=1_000.0)
    await market.log.append(new_commit())
    async with running(market.relay("a")):
        await eventually(market.has_heard(1))
    assert (await market.stored()).owner == ""
    await market.log.append(new_commit())
    async with running(market.relay("b")):
        await eventually(market.has_heard(2))
    assert sorted(market.heard()) == [1, 2]
    assert (await market.stored()).epoch == 2


async def test_one_relay_is_active_and_the_other_takes_over_when_it_dies() -> None:
    market = Marketplace(lease=0.3)
    first = asyncio.ensure_future(market.relay("a").run())
    await market.log.append(new_commit())
    await eventually(market.has_heard(1))
    async with running(market.relay("b")) as second:
        assert second.position == 0
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        await market.log.append(new_commit())
        await eventually(market.has_heard(2))
    assert sorted(market.heard()) == [1, 2]


class Frozen(MemoryBus):
    """A broker connection that stands still in the middle of a publish, as a paused process would."""

    def __init__(self, real: MemoryBus) -> None:
        super().__init__()
        self._real = real
        self.entered, self.thaw = asyncio.Event(), asyncio.Event()

    async def read(self, topic: str, offsets: Mapping[int, int]) -> dict[int, Delivery]:
        return await self._real.read(topic, offsets)

    async def publish(self, topic: str, messages: Sequence[object]) -> dict[int, int]:
        self.entered.set()
        await self.thaw.wait()
        return await self._real.publish(topic, messages)  # type: ignore[arg-type]


async def test_a_zombie_may_repeat_but_never_moves_the_checkpoint_back() -> None:
    market = Marketplace(lease=0.2)
    frozen = Frozen(market.bus)
    await fill(market.log, streams=1, rounds=3)
    async with running(market.relay("zombie", frozen)) as zombie:
        await frozen.entered.wait()
        async with running(market.relay("b")) as successor:
            await fill_more(market, 30)
            await eventually(lambda: successor.position == 33)
            frozen.thaw.set()
            await eventually(lambda: zombie.position == 0)
            lease = await market.stored()
            assert (lease.owner, lease.position, lease.epoch) == ("b", 33, 2)
    assert set(market.heard()) == set(range(1, 34))


async def fill_more(market: Marketplace, count: int) -> None:
    for _ in range(count):
        await market.log.append(new_commit())


class Outage(Faults):
    """Publishing fails: before anything happened, or with the reply lost."""

    def __init__(self, points: Sequence[str]) -> None:
        self.points = list(points)

    async def at(self, point: str) -> None:
        if self.points and point == self.points[0]:
            self.points.pop(0)
            raise Unavailable(point)


async def test_an_outage_loses_nothing_and_keeps_the_order() -> None:
    faults = Outage(["publish.before", "publish.after", "publish.after", "publish.before"])
    market = Marketplace(faults)
    await fill(market.log, streams=3, rounds=6)
    async with running(market.relay("a")):
        await eventually(market.has_heard(18))
    assert faults.points == []
    for kept in market.bus._topics[topic(SERVICE)]:
        highest: dict[str, int] = {}
        for message in kept:
            version, before = int(message.headers["ce_streamversion"]), highest.get(message.key, 0)
            assert version <= before + 1, "a version was skipped"
            highest[message.key] = max(version, before)


async def test_a_topic_that_was_lost_is_published_again() -> None:
    market = Marketplace()
    await fill(market.log, streams=3, rounds=4)
    async with running(market.relay("a")):
        await eventually(market.has_heard(12))
        market.bus.lose(topic(SERVICE))
        assert market.heard() == []
        await eventually(market.has_heard(12))


async def test_a_lost_topic_is_noticed_by_the_next_publish_as_well() -> None:
    market = Marketplace()
    await fill(market.log, streams=3, rounds=4)
    ids = SeededIds(0)
    relay = Relay(SERVICE, market.log, market.documents, market.bus, LoopClock(), ids, "a", poll=0.02, check=1_000.0)
    async with running(relay):
        await eventually(market.has_heard(12))
        market.bus.lose(topic(SERVICE))
        await market.log.append(new_commit("jar_0", after=(await market.log.stream("jar_0"))[-1]))
        await eventually(market.has_heard(13))


async def test_a_loss_is_noticed_although_the_next_page_is_longer_than_what_was_lost() -> None:
    market = Marketplace()
    await fill(market.log, streams=1, rounds=3)
    ids = SeededIds(0)
    relay = Relay(SERVICE, market.log, market.documents, market.bus, LoopClock(), ids, "a", poll=0.02, check=1_000.0)
    async with running(relay):
        await eventually(market.has_heard(3))
        market.bus.lose(topic(SERVICE))
        last = (await market.log.stream("jar_0"))[-1]
        await market.log.append(new_commit("jar_0", after=last, events=20))
        await eventually(market.has_heard(4))


@pytest.mark.parametrize("rounds", [1, 3])
async def test_a_log_that_was_set_back_is_not_published_over_what_it_once_held(rounds: int) -> None:
    """It ends before, or others have been stored since."""
    market = Marketplace()
    await fill(market.log, streams=3, rounds=2)
    async with running(market.relay("a")):
        await eventually(market.has_heard(6))
    before, market.log = market.heard(), MemoryCommitLog()
    await fill(market.log, streams=3, rounds=rounds)
    with pytest.raises(OfAnotherLog, match="what the log of jars does not"):
        await market.relay("b").run()
    assert market.heard() == before


async def test_a_topic_in_which_others_have_written_is_published_to() -> None:
    market = Marketplace()
    await market.bus.publish(topic(SERVICE), [Message("jar_0", b"?", ()), Message("jar_1", b"?", (("ce_position", b"x"),))])
    await fill(market.log, streams=2, rounds=1)
    async with running(market.relay("a")) as relay:
        await eventually(lambda: relay.position == 2)


async def test_each_message_names_the_one_before_it_in_its_partition() -> None:
    market = Marketplace()
    await fill(market.log, streams=40, rounds=2)
    async with running(market.relay("a")):
        await eventually(market.has_heard(80))
    await market.log.append(new_commit("jar_0", after=(await market.log.stream("jar_0"))[-1], events=3))
    async with running(market.relay("b")):
        await eventually(market.has_heard(81))
    for kept in market.bus._topics[topic(SERVICE)]:
        told = [(int(one.headers["ce_follows"]), int(one.headers["ce_followsversion"])) for one in kept]
        assert told == [(0, 0), *map(mark_of, kept)][: len(kept)]


class Lost(Faults):
    """Once there is a `bus`: between two messages of a page it loses the topic, takes the second into the new one, and breaks
    off."""

    def __init__(self) -> None:
        self.bus: MemoryBus | None = None

    async def at(self, point: str) -> None:
        if self.bus is None or point not in ("publish.within", "publish.after"):
            return
        if point == "publish.after":
            self.bus = None
            raise Unavailable(point)
        self.bus.lose(topic(SERVICE))
        self.bus.sends_again = lambda: True  # type: ignore[method-assign]


async def test_a_loss_is_noticed_although_a_page_was_sent_again_into_the_new_topic_and_then_failed() -> None:
    """As many messages stand there again as before, but not those."""
    lost = Lost()
    market = Marketplace(lost)
    first = await market.log.append(new_commit("jar_0"))
    async with running(market.relay("a")) as relay:
        await eventually(lambda: relay.position == 1)
        lost.bus = market.bus
        await market.log.append(new_commit("jar_0", after=first.commit, events=2))
        await eventually(market.has_heard(2))
    [kept] = [kept for kept in market.bus._topics[topic(SERVICE)] if kept]
    assert sift(kept, {}).early, "the page came first"
    versions = [int(message.headers["ce_streamversion"]) for message in sift(kept, {}).ready]
    assert list(dict.fromkeys(versions)) == [1, 2, 3]


def test_a_lease_is_read_back_as_it_was_written() -> None:
    lease = Lease("a", 3, 1_700, 42, {0: 7, 11: 9}, {0: (41, 1), 11: (42, 17)}, 5)
    assert Lease.of(5, lease.body()) == lease
    assert replace(lease, owner="").body()["owner"] == ""


@pytest.mark.parametrize("unknown", [{"versions"}, {"tails", "versions"}])
async def test_a_lease_of_older_code_is_taken_over_without_publishing_anything_again(unknown: set[str]) -> None:
    market = Marketplace()
    first = await market.log.append(new_commit("jar_0"))
    async with running(market.relay("a")):
        await eventually(market.has_heard(1))
    stored = (await market.documents.get(RELAYS, [SERVICE]))[SERVICE]
    older = {name: value for name, value in stored.body.items() if name not in unknown}
    assert not await market.documents.put(RELAYS, [Write(SERVICE, stored.revision, older)])
    await market.log.append(new_commit("jar_0", after=first.commit))
    async with running(market.relay("b")):
        await eventually(market.has_heard(2))
    assert market.heard() == [1, 2]
