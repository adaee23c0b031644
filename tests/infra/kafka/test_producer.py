"""The producer is idempotent: what it sends again after a doubtful answer stands in the log once."""

from __future__ import annotations

import asyncio
import logging

import pytest

from libs.events.envelope import topic
from libs.events.ports import Message
from libs.events.testing import eventually
from tests.infra.kafka.checks import read_all
from tests.infra.kafka.cluster import BROKERS, Cluster
from tests.infra.kafka.conftest import Report
from tests.infra.kafka.flow import bus_of

pytestmark = [pytest.mark.apache, pytest.mark.timeout(300)]

JAR = "jar_00000000001"


def page(number: int, size: int = 5) -> list[Message]:
    return [Message(JAR, b"%d" % (number * size + index)) for index in range(size)]


async def test_batches_carry_their_producer_and_count_up(cluster: Cluster, service_name: str) -> None:
    bus, name = bus_of(cluster.bootstrap), topic(service_name)
    await bus.ensure(name)
    for number in range(3):
        await bus.publish(name, page(number))
    await bus.stop()
    leader = (await cluster.leaders(name))[bus.partition(JAR)]
    batches = list(cluster.batches(leader, name, bus.partition(JAR)))
    assert len({batch.producer_id for batch in batches}) == 1
    assert batches[0].producer_id >= 0, "minus one is a producer without memory"
    assert [batch.base_sequence for batch in batches] == [0, 5, 10]


async def test_a_batch_that_is_sent_again_stands_in_the_log_once(
    cluster: Cluster, service_name: str, report: Report, caplog: pytest.LogCaptureFixture
) -> None:
    """The followers are frozen, so that the leader has appended and cannot acknowledge yet; then the connection breaks."""
    bus, name = bus_of(cluster.bootstrap, patience=30.0), topic(service_name)
    place = bus.partition(JAR)
    await bus.ensure(name)
    await bus.publish(name, page(0))
    leader = (await cluster.leaders(name))[place]
    followers = [number for number in BROKERS if number != leader]
    caplog.set_level(logging.WARNING, "aiokafka")
    cluster.freeze(*followers)
    try:
        publishing = asyncio.create_task(bus.publish(name, page(1)))
        await eventually(lambda: len(list(cluster.batches(leader, name, place))) == 2)
        assert not publishing.done()
        assert bus._producer is not None
        for connection in list(bus._producer.client._conns.values()):
            connection.close()
        await eventually(lambda: "Got error produce response" in caplog.text)
    finally:
        cluster.thaw(*followers)
    assert await publishing == {place: 9}, "it is told the offset of the first try"
    await bus.stop()
    assert [one.value for one in await read_all(cluster.bootstrap, name)] == [b"%d" % number for number in range(10)]
    report(
        "idempotent producer: a batch that was appended, its answer lost, and that is sent again",
        "Kafka: enable.idempotence writes it once",
        "in the log once, told with its first offset",
    )
