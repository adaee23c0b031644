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
    """Both followers are frozen: the leader appends, and tells then that too few replicas have it; the producer sends it again
    and again, until the followers are back."""
    bus, name = bus_of(cluster.bootstrap, patience=60.0), topic(service_name)
    await bus.ensure(name)
    await bus.publish(name, page(0))
    leader = (await cluster.leaders(name))[bus.partition(JAR)]
    followers = [number for number in BROKERS if number != leader]

    def sent_again() -> int:
        return sum("NotEnoughReplicas" in record.getMessage() for record in caplog.records)

    caplog.set_level(logging.WARNING, "aiokafka")
    cluster.freeze(*followers)
    try:
        publishing = asyncio.create_task(bus.publish(name, page(1)))
        await eventually(lambda: sent_again() >= 2, timeout=50.0)
    finally:
        cluster.thaw(*followers)
    assert await publishing == {bus.partition(JAR): 9}
    await bus.stop()
    assert [one.value for one in await read_all(cluster.bootstrap, name)] == [b"%d" % number for number in range(10)]
    report(
        "idempotent producer: a batch that was appended, answered with an error and sent again",
        "Kafka: enable.idempotence writes it once",
        f"sent again {sent_again()} times, in the log once",
    )
