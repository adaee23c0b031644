"""What every bus does."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence

import pytest
from aiokafka.partitioner import DefaultPartitioner

from libs.events.handler import LARGEST_EVENT
from libs.events.ports import Bus, Delivery, Message, Unavailable
from libs.events.testing import eventually


@pytest.fixture
def topic(service_name: str) -> str:
    return f"limelight.{service_name}.events.v1"


def messages(count: int, keys: int = 5, begin: int = 0) -> list[Message]:
    return [
        Message(f"jar_{i % keys}", b"%d" % i, (("ce_id", b"%d" % i), ("bytes", b"\xff"))) for i in range(begin, begin + count)
    ]


class Received:
    """Takes what is delivered; `failures`: how many batches it refuses first."""

    def __init__(self, failures: int = 0) -> None:
        self.deliveries: list[Delivery] = []
        self.batches = 0
        self._failures = failures

    async def __call__(self, batch: Sequence[Delivery]) -> None:
        self.batches += 1
        if self.batches <= self._failures:
            raise RuntimeError("not now")
        self.deliveries += batch

    def has(self, count: int) -> Callable[[], bool]:
        return lambda: len(self.deliveries) >= count

    @property
    def values(self) -> list[int]:
        return [int(delivery.value) for delivery in self.deliveries]


def in_order_per_key(values: list[int], keys: int = 5) -> bool:
    return all([v for v in values if v % keys == k] == sorted(v for v in values if v % keys == k) for k in range(keys))


async def test_keys_go_where_every_kafka_client_sends_them(bus: Bus) -> None:
    places = list(range(12))
    for key in ("jar_1", "cmp_01h00000000000000000000000", "", "ü"):
        assert bus.partition(key) == DefaultPartitioner()(key.encode(), places, places)


async def test_a_topic_that_is_not_there_has_no_ends(bus: Bus, topic: str) -> None:
    assert await bus.ends(topic) == {}


async def test_a_topic_has_twelve_partitions_and_is_created_once(bus: Bus, topic: str) -> None:
    await bus.ensure(topic)
    await bus.publish(topic, messages(3, keys=1))
    await bus.ensure(topic)
    assert await bus.ends(topic) == {number: 3 if number == bus.partition("jar_0") else 0 for number in range(12)}


async def test_a_topic_that_several_create_at_once_is_there_for_each_of_them(bus: Bus, other_bus: Bus, topic: str) -> None:
    async def created(by: Bus) -> int:
        await by.ensure(topic)
        return len(await by.ends(topic))

    assert await asyncio.gather(*(created(by) for by in (bus, other_bus) * 4)) == [12] * 8


async def test_the_largest_event_is_taken(bus: Bus, topic: str) -> None:
    """Of random bytes, so that no compression helps, with headers such as ours have."""
    await bus.ensure(topic)
    largest = Message("jar_1", random.Random(1).randbytes(LARGEST_EVENT), tuple((f"ce_{n}", b"x" * 64) for n in range(20)))
    partition = bus.partition("jar_1")
    last = await bus.publish(topic, [largest])
    found = (await bus.read(topic, last))[partition]
    assert (found.value, len(found.headers)) == (largest.value, 20)


async def test_publishing_tells_the_last_offsets(bus: Bus, topic: str) -> None:
    await bus.ensure(topic)
    per_partition = Counter(bus.partition(message.key) for message in messages(50))
    assert await bus.publish(topic, messages(50)) == {number: count - 1 for number, count in per_partition.items()}
    assert await bus.publish(topic, messages(50)) == {number: 2 * count - 1 for number, count in per_partition.items()}
    assert await bus.publish(topic, []) == {}


async def test_what_stands_at_an_offset_can_be_read(bus: Bus, topic: str) -> None:
    assert await bus.read(topic, {0: 0}) == {}
    await bus.ensure(topic)
    assert await bus.read(topic, {0: 0, 5: 7}) == {}
    last = await bus.publish(topic, messages(50))
    found = await bus.read(topic, last)
    assert {number: one.offset for number, one in found.items()} == last
    expected = {number: max(m for m in range(50) if bus.partition(f"jar_{m % 5}") == number) for number in last}
    assert {number: int(one.value) for number, one in found.items()} == expected
    [(number, offset), *_] = last.items()
    assert (await bus.read(topic, {number: offset - 1}))[number].offset == offset - 1
    assert await bus.read(topic, {number: offset + 1}) == {}


async def test_publishing_to_a_topic_that_is_not_there_creates_it_whole(bus: Bus, topic: str) -> None:
    async def published() -> bool:
        try:
            await bus.publish(topic, messages(1))
        except Unavailable:
            return False
        return True

    await eventually(published)
    assert len(await bus.ends(topic)) == 12


async def test_large_batches_keep_their_order(bus: Bus, topic: str) -> None:
    await bus.ensure(topic)
    large = [Message("jar_0", b"%d" % i + b" " * 100_000) for i in range(12)]
    received = Received()
    subscription = bus.subscribe(f"{topic}.g", [topic], received)
    await bus.publish(topic, large)
    await subscription.start()
    await eventually(received.has(12))
    await subscription.stop()
    assert received.values == list(range(12))


async def test_a_new_group_is_given_everything_from_the_beginning(bus: Bus, topic: str) -> None:
    await bus.ensure(topic)
    await bus.publish(topic, messages(40))
    received = Received()
    subscription = bus.subscribe(f"{topic}.g", [topic], received)
    await subscription.start()
    await eventually(received.has(40))
    await bus.publish(topic, messages(10, begin=40))
    await eventually(received.has(50))
    await subscription.stop()
    assert sorted(received.values) == list(range(50))
    assert in_order_per_key(received.values)
    first = next(delivery for delivery in received.deliveries if delivery.value == b"0")
    assert (first.topic, first.partition, first.offset, first.key) == (topic, bus.partition("jar_0"), 0, "jar_0")
    assert first.headers == {"ce_id": b"0", "bytes": b"\xff"}


async def test_a_batch_that_was_not_handled_is_delivered_again_and_nothing_is_skipped(bus: Bus, topic: str) -> None:
    await bus.ensure(topic)
    await bus.publish(topic, messages(40))
    received = Received(failures=3)
    subscription = bus.subscribe(f"{topic}.g", [topic], received)
    await subscription.start()
    await eventually(received.has(40))
    await bus.publish(topic, messages(10, begin=40))
    await eventually(received.has(50))
    await subscription.stop()
    assert received.batches > 3
    assert set(received.values) == set(range(50))
    assert in_order_per_key(received.values)


async def test_a_group_goes_on_where_it_stopped(bus: Bus, topic: str) -> None:
    await bus.ensure(topic)
    await bus.publish(topic, messages(20))
    before, after = Received(), Received()
    first = bus.subscribe(f"{topic}.g", [topic], before)
    await first.start()
    await eventually(before.has(20))
    await first.stop()
    await bus.publish(topic, messages(10, begin=20))
    second = bus.subscribe(f"{topic}.g", [topic], after)
    await second.start()
    await eventually(after.has(10))
    await second.stop()
    assert sorted(after.values) == list(range(20, 30))


async def test_stopping_finishes_the_batch_in_hand(bus: Bus, topic: str) -> None:
    await bus.ensure(topic)
    entered, leave, done = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def slow(batch: Sequence[Delivery]) -> None:
        entered.set()
        await leave.wait()
        done.set()

    subscription = bus.subscribe(f"{topic}.g", [topic], slow)
    await subscription.start()
    await bus.publish(topic, messages(1))
    await entered.wait()
    stopping = asyncio.ensure_future(subscription.stop())
    await asyncio.sleep(0)
    leave.set()
    await stopping
    assert done.is_set()
    later = Received()
    again = bus.subscribe(f"{topic}.g", [topic], later)
    await again.start()
    await bus.publish(topic, messages(1, begin=1))
    await eventually(later.has(1))
    await again.stop()
    assert later.values == [1]


async def test_members_of_a_group_share_the_work_and_take_over(bus: Bus, other_bus: Bus, topic: str) -> None:
    await bus.ensure(topic)
    ours, theirs = Received(), Received()
    one = bus.subscribe(f"{topic}.g", [topic], ours)
    two = other_bus.subscribe(f"{topic}.g", [topic], theirs)
    await one.start()
    await two.start()
    sent = 0

    async def both_work() -> bool:
        nonlocal sent
        await bus.publish(topic, messages(60, keys=60, begin=sent))
        sent += 60
        return bool(ours.deliveries and theirs.deliveries)

    await eventually(both_work, timeout=30.0, every=0.2)
    await eventually(lambda: len({*ours.values, *theirs.values}) == sent)
    await two.stop()
    await bus.publish(topic, messages(60, keys=60, begin=sent))
    await eventually(lambda: set(range(sent, sent + 60)) <= set(ours.values), timeout=30.0)
    await one.stop()
    assert {*ours.values, *theirs.values} == set(range(sent + 60))


async def test_groups_do_not_disturb_each_other(bus: Bus, topic: str) -> None:
    await bus.ensure(topic)
    well, unwell = Received(), Received(failures=1_000)
    subscriptions = [bus.subscribe(f"{topic}.{i}", [topic], received) for i, received in enumerate((well, unwell))]
    for subscription in subscriptions:
        await subscription.start()
    await bus.publish(topic, messages(20))
    await eventually(well.has(20))
    await eventually(lambda: unwell.batches >= 2)
    for subscription in subscriptions:
        await subscription.stop()
    assert sorted(well.values) == list(range(20))
    assert unwell.deliveries == []


async def test_an_idle_subscription_gives_signs_of_life(bus: Bus, topic: str) -> None:
    received = Received()
    subscription = bus.subscribe(f"{topic}.g", [topic], received)
    await subscription.start()
    began = subscription.polled()
    await eventually(lambda: subscription.polled() > began + 0.2)
    await subscription.stop()
