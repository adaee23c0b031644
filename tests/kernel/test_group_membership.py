"""Members of a group that come and go under names of their own: whoever comes back, every partition has its consumer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from aiokafka.cluster import ClusterMetadata
from aiokafka.coordinator.protocol import ConsumerProtocolMemberMetadata
from aiokafka.structs import TopicPartition

from libs.chassis.system import SystemClock, SystemIds
from libs.events.assignor import by_name
from libs.events.bus import KafkaBus
from libs.events.partitions import PARTITIONS
from libs.events.ports import Delivery, Message, Subscription
from libs.events.subscription import SubscriptionSettings
from libs.events.testing import eventually

RESTARTS = 8
"""Each is a throw of a coin for a group in which partitions follow the ids that the broker gives."""


def test_partitions_follow_names_whatever_ids_the_broker_gives_and_whatever_it_tells_of_the_topic() -> None:
    topic, nothing_known = "limelight.jars.events.v1", ClusterMetadata()

    def assigned(ids: dict[str, str]) -> dict[str, list[TopicPartition]]:
        members = {ids[name]: _decoded(by_name(name).metadata([topic])) for name in ids}
        shares = by_name("one").assign(nothing_known, members)
        return {name: shares[ids[name]].partitions() for name in ids}

    before, after = assigned({"one": "a", "two": "b"}), assigned({"one": "y", "two": "b"})
    assert before == after
    assert sorted(before["one"] + before["two"]) == [TopicPartition(topic, n) for n in range(PARTITIONS)]


def _decoded(metadata: ConsumerProtocolMemberMetadata) -> ConsumerProtocolMemberMetadata:
    """As the leader gets it."""
    return ConsumerProtocolMemberMetadata.decode(metadata.encode())


async def test_members_with_names_are_restarted_one_by_one_and_no_partition_is_left(kafka: str, service_name: str) -> None:
    """`make chaos CHAOS=short SEED=4`: both workers had been restarted, and then nobody consumed every second partition."""
    topic, received = f"limelight.{service_name}.events.v1", set[bytes]()

    async def take(batch: Sequence[Delivery]) -> None:
        received.update(delivery.value for delivery in batch)

    bus = KafkaBus(kafka, SystemClock(), SystemIds())

    async def joined(name: str) -> Subscription:
        own = KafkaBus(kafka, SystemClock(), SystemIds(), subscriptions=SubscriptionSettings(instance=name))
        member = own.subscribe(service_name, [topic], take)
        await member.start()
        return member

    members = {name: await joined(name) for name in ("one", "two")}
    try:
        for number in range(RESTARTS):
            name = ("one", "two")[number % 2]
            await members[name].stop()
            members[name] = await joined(name)
            news = {b"%d: %d" % (number, partition) for partition in range(10 * PARTITIONS)}
            await bus.publish(topic, [Message(f"jar_{value.decode()}", value) for value in sorted(news)])
            await eventually(lambda news=news: news <= received, timeout=20.0)
    finally:
        await asyncio.gather(*(member.stop() for member in members.values()))
        await bus.stop()
