"""Brokers are stopped, killed and lost while coins flow: what was committed arrives, in order, and counts once."""

from __future__ import annotations

import asyncio

import pytest

from libs.events.envelope import topic
from libs.events.ports import Message, Unavailable
from libs.events.testing import eventually
from tests.infra.kafka.checks import is_gapless, read_all
from tests.infra.kafka.cluster import BROKERS, Cluster
from tests.infra.kafka.conftest import Report
from tests.infra.kafka.flow import Flow, bus_of

pytestmark = [pytest.mark.apache, pytest.mark.timeout(300)]


async def test_brokers_are_restarted_one_by_one(cluster: Cluster, service_name: str, report: Report) -> None:
    flow, changes = Flow(cluster.bootstrap, service_name), 0
    async with flow.running():
        await flow.goes_on()
        for number in BROKERS:
            before = await cluster.leaders(flow.topic)
            await asyncio.to_thread(cluster.stop, number)
            led = await cluster.leaders(flow.topic)
            assert number in before.values()
            assert number not in led.values(), "it handed its partitions over"
            await flow.goes_on()
            await asyncio.to_thread(cluster.start, number)
            await cluster.in_sync(flow.topic)
            await eventually(lambda number=number: _leads(cluster, flow.topic, number), timeout=30.0, every=0.2)
            changes += 2 * list(before.values()).count(number)
    twice = await flow.check()
    report(
        "rolling restart of three brokers, with every leader moved away and back, under publishing",
        "Jepsen (Redpanda): every acknowledged send is read, one value per offset, no gap or inversion in a poll",
        f"{flow.added:,} events over {changes} changes of leader: 0 lost, 0 out of order, {twice} in Kafka twice, "
        f"longest silence {flow.longest_silence:.1f} s",
    )


async def _leads(cluster: Cluster, name: str, broker: int) -> bool:
    """It is the preferred leader of some partitions, and they came back to it."""
    return broker in (await cluster.leaders(name)).values()


async def test_brokers_are_killed(cluster: Cluster, service_name: str, report: Report) -> None:
    flow = Flow(cluster.bootstrap, service_name)
    async with flow.running():
        await flow.goes_on()
        for number in BROKERS:
            cluster.kill(number)
            await flow.goes_on()
            await asyncio.to_thread(cluster.start, number)
            await cluster.in_sync(flow.topic)
    twice = await flow.check()
    report(
        "kill -9 of each broker in turn, under publishing",
        "Jepsen (Redpanda, kill every few seconds): the same checks",
        f"{flow.added:,} events over {len(BROKERS)} kills: 0 lost, 0 out of order, {twice} in Kafka twice, "
        f"longest silence {flow.longest_silence:.1f} s",
    )


async def test_with_one_replica_in_sync_publishing_is_refused_until_another_is_back(
    cluster: Cluster, service_name: str, report: Report
) -> None:
    """A topic of three replicas asks for two in sync: what is acknowledged outlives a broker."""
    bus, name = bus_of(cluster.bootstrap), topic(service_name)
    await bus.ensure(name)
    acknowledged: set[bytes] = set()
    refused, number = 0, 0

    async def publish() -> bool:
        nonlocal number, refused
        number += 1
        page = [Message(f"jar_{jar}", b"%d/%d" % (number, jar)) for jar in range(20)]
        try:
            await bus.publish(name, page)
        except Unavailable:
            refused += 1
            return False
        acknowledged.update(message.value for message in page)
        return True

    try:
        assert all([await publish() for _ in range(20)])
        cluster.kill(1, 2)
        await cluster.in_sync(name, 1)
        assert not await publish(), "it was acknowledged by a single broker"
        before = len(acknowledged)
        await asyncio.to_thread(cluster.start, 1, 2)
        await eventually(publish, timeout=60.0)
        assert all([await publish() for _ in range(20)])
    finally:
        await bus.stop()
    log = await read_all(cluster.bootstrap, name)
    is_gapless(log)
    assert acknowledged <= {one.value for one in log}
    report(
        "loss of min.insync.replicas (two of three brokers killed)",
        "Kafka: acks=all with min.insync.replicas=2 refuses; Jepsen: no acknowledged write is lost",
        f"{refused} publishes refused as unavailable, {before} acknowledged messages before and {len(acknowledged) - before} "
        "after: 0 lost",
    )
