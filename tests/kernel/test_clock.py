"""A machine's clock is set, and what hangs on time goes on: leases, signs of life, what is published."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from libs.chassis.system import SystemIds
from libs.events.bus import KafkaBus
from libs.events.envelope import milliseconds, topic
from libs.events.memory import LoopClock, MemoryBus, MemoryCommitLog, MemoryDocuments, SeededIds
from libs.events.ports import Delivery, Message, Write
from libs.events.relay import RELAYS, Lease, Relay
from libs.events.testing import eventually
from tests.kernel.commits import new_commit

HOUR, DAY = 3_600.0, 86_400.0
SPAN = 0.4
"""Seconds of a lease."""


@pytest.mark.parametrize("ahead", [HOUR, DAY])
async def test_a_relay_that_died_with_its_clock_ahead_is_succeeded_after_its_span(ahead: float) -> None:
    log, documents, clock = MemoryCommitLog(), MemoryDocuments(), LoopClock()
    left_behind = Lease("dead", 1, milliseconds(clock.now()) + round(1000 * ahead))
    await documents.put(RELAYS, [Write("jars", 0, left_behind.body())])
    await log.append(new_commit())
    relay = Relay("jars", log, documents, MemoryBus(), clock, SeededIds(), "successor", lease=SPAN, poll=0.02)
    leading = asyncio.create_task(relay.run())
    try:
        await eventually(lambda: relay.position == 1, timeout=10 * SPAN)
    finally:
        relay.stop()
        await leading


@pytest.mark.parametrize("step", [HOUR, -HOUR])
async def test_an_idle_leader_renews_its_lease_when_its_clock_is_set(step: float) -> None:
    documents, clock = MemoryDocuments(), LoopClock()
    leader = Relay("jars", MemoryCommitLog(), documents, MemoryBus(), clock, SeededIds(), "leader", lease=SPAN, poll=0.02)
    leading = asyncio.create_task(leader.run())

    async def beyond(revision: int) -> int:
        stored = (await documents.get(RELAYS, ["jars"])).get("jars")
        return stored.revision if stored and stored.revision > revision else 0

    try:
        before = await eventually(lambda: beyond(0))
        clock.skew = step
        for _ in range(2):
            before = await eventually(lambda before=before: beyond(before), timeout=10 * SPAN)
    finally:
        leader.stop()
        await leading


@pytest.mark.parametrize("step", [HOUR, -HOUR])
async def test_a_consumer_is_not_taken_for_deaf_when_its_clock_is_set(kafka: str, service_name: str, step: float) -> None:
    """aiokafka notes by the system's clock when it heard."""
    clock, heard = _right_clock(), asyncio.Event()
    bus = KafkaBus(kafka, clock, SystemIds())

    async def hear(batch: Sequence[Delivery]) -> None:
        heard.set()

    subscription = bus.subscribe(f"{service_name}.ears", [topic(service_name)], hear)
    await subscription.start()
    try:
        await bus.publish(topic(service_name), [Message("jar_0", b"clink")])
        await asyncio.wait_for(heard.wait(), 30)
        clock.skew, since = step, clock.monotonic() + 1.0
        await eventually(lambda: subscription.polled() > since, timeout=10)
    finally:
        await subscription.stop()
        await bus.stop()


async def test_what_is_published_is_stamped_by_our_clock(kafka: str, service_name: str) -> None:
    """A broker refuses what is more than an hour ahead of its own clock, and the system's clock may be."""
    clock, name = _right_clock(), topic(service_name)
    clock.skew = HOUR / 2
    bus, heard = KafkaBus(kafka, clock, SystemIds()), AIOKafkaConsumer(bootstrap_servers=kafka, auto_offset_reset="earliest")
    await bus.ensure(name)
    await heard.start()
    try:
        place = TopicPartition(name, bus.partition("jar_0"))
        heard.assign([place])
        before = milliseconds(clock.now())
        await bus.publish(name, [Message("jar_0", b"clink")])
        assert before <= (await asyncio.wait_for(heard.getone(), 30)).timestamp <= milliseconds(clock.now())
    finally:
        await heard.stop()
        await bus.stop()


def _right_clock() -> LoopClock:
    return LoopClock(datetime.now(UTC) - timedelta(seconds=asyncio.get_running_loop().time()))
