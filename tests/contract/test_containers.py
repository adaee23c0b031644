"""The kernel on Apache Kafka and MongoDB themselves, where a container engine answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime

import pytest

from libs.chassis.mongo import MongoClient
from libs.chassis.system import SystemClock, SystemIds
from libs.events.bus import KafkaBus
from libs.events.documents import MongoDocuments
from libs.events.envelope import GENESIS, Meta, NewCommit, StoredEvent, topic
from libs.events.ports import ConcurrencyError, Delivery
from libs.events.relay import Relay
from libs.events.store import MongoCommitLog
from libs.events.testing import eventually
from libs.events.verify import verify_log
from tests.containers import official_kafka, official_mongo

pytestmark = [pytest.mark.containers, pytest.mark.timeout(300)]

SERVICE = "containers"


@pytest.fixture(scope="module")
def kafka_image() -> Iterator[str]:
    with official_kafka() as bootstrap:
        yield bootstrap


@pytest.fixture(scope="module")
def mongo_image() -> Iterator[str]:
    with official_mongo() as url:
        yield url


@pytest.fixture
async def client(mongo_image: str) -> AsyncIterator[MongoClient]:
    client = MongoClient(mongo_image)
    yield client
    client.close()


def commit(stream: str, number: int) -> NewCommit:
    event = StoredEvent(f"{stream}-{number}", "limelight.containers.Happened", 1, {"number": number})
    return NewCommit(stream, 0, GENESIS, f"{stream}-{number}", datetime(2026, 1, 1, tzinfo=UTC), Meta("test", "test"), (event,))


async def test_a_commit_is_stored_once_refused_when_stale_and_published_in_order(client: MongoClient, kafka_image: str) -> None:
    clock, ids = SystemClock(), SystemIds()
    database = client.database("limelight_containers")
    log, documents = MongoCommitLog(database, clock, ids), MongoDocuments(database, ids)
    bus = KafkaBus(kafka_image, clock, ids)
    await bus.ensure(topic(SERVICE))
    got: list[Delivery] = []

    async def deliver(batch: Sequence[Delivery]) -> None:
        got.extend(batch)

    for stream in ("str_1", "str_2", "str_3"):
        await log.append(commit(stream, 1))
    assert (await log.append(commit("str_1", 1))).duplicate
    with pytest.raises(ConcurrencyError):
        await log.append(commit("str_1", 2))

    subscription = bus.subscribe("limelight.containers.test", [topic(SERVICE)], deliver)
    await subscription.start()
    relay = Relay(SERVICE, log, documents, bus, clock, ids, "test")
    publishing = asyncio.create_task(relay.run())
    try:
        await eventually(lambda: sorted(one.key for one in got) == ["str_1", "str_2", "str_3"], timeout=60)
    finally:
        relay.stop()
        await publishing
        await subscription.stop()
        await bus.stop()

    assert await verify_log(log) is None
