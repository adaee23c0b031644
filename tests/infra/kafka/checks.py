"""Jepsen's checks of a log: what was acknowledged is read, an offset has one value, an order is kept, a poll skips nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition

from libs.events.partitions import PARTITIONS
from libs.events.ports import Delivery


async def read_all(bootstrap: str, topic: str) -> list[Delivery]:
    """Everything that stands in the topic, read by a plain client without a group; in order within each partition."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest")
    await consumer.start()
    try:
        places = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        found: list[Delivery] = []
        while len(found) < sum(ends.values()):
            for records in (await consumer.getmany(timeout_ms=500)).values():
                for record in records:
                    headers, key = dict(record.headers), record.key.decode()
                    found.append(Delivery(record.topic, record.partition, record.offset, key, record.value, headers))
        return found
    finally:
        await consumer.stop()


def is_gapless(log: Iterable[Delivery]) -> None:
    """Offsets count up by one in each partition."""
    following: Counter[int] = Counter()
    for delivery in log:
        assert delivery.offset == following[delivery.partition], f"{delivery.partition} goes on with {delivery.offset}"
        following[delivery.partition] += 1


def polls_skip_nothing(polls: Iterable[Sequence[Delivery]], log: Iterable[Delivery]) -> None:
    """Within a poll the offsets of a partition count up by one, and each has the value that everyone else reads there."""
    written = {(one.partition, one.offset): one.value for one in log}
    for poll in polls:
        last: dict[int, int] = {}
        for one in poll:
            assert one.offset == last.get(one.partition, one.offset - 1) + 1, f"a poll skips to {one.partition}/{one.offset}"
            last[one.partition] = one.offset
            assert one.value == written[one.partition, one.offset], f"{one.partition}/{one.offset} has two values"


def streams_skip_nothing(deliveries: Iterable[Delivery]) -> None:
    """The next version of a stream never comes before its predecessor; what comes again is allowed."""
    highest: Counter[str] = Counter()
    for delivery in deliveries:
        version = int(delivery.headers["ce_streamversion"])
        assert version <= highest[delivery.key] + 1, f"{delivery.key}: {version} comes after {highest[delivery.key]}"
        highest[delivery.key] = max(version, highest[delivery.key])


def positions(deliveries: Iterable[Delivery]) -> set[int]:
    """The commits that were read."""
    return {int(delivery.headers["ce_position"]) for delivery in deliveries}
