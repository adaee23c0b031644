"""The kernel on Apache Kafka and MongoDB themselves, where a container engine answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime

import pytest

from deploy.local.embedded import free_port
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
from tests.contract.manifests import compose

pytestmark = [pytest.mark.containers, pytest.mark.timeout(300)]

SERVICE = "containers"


@pytest.fixture(scope="module")
def engine() -> None:
    """Skips where no container engine answers."""
    import docker
    from docker.errors import DockerException

    try:
        docker.from_env(timeout=5).ping()
    except DockerException as error:
        pytest.skip(f"no container engine answers: {error}")


@pytest.fixture(scope="module")
def official_kafka(engine: None) -> Iterator[str]:
    """Bootstrap servers of the image that compose.yaml runs."""
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.waiting_utils import wait_for_logs

    port, body = free_port(), compose()["services"]["kafka"]
    container = DockerContainer(body["image"]).with_bind_ports(9092, port)
    environment = {name: str(value) for name, value in body["environment"].items()}
    environment["KAFKA_ADVERTISED_LISTENERS"] = f"PLAINTEXT://localhost:{port}"
    for name, value in environment.items():
        container.with_env(name, value)
    with container:
        wait_for_logs(container, "Kafka Server started", timeout=90)
        yield f"localhost:{port}"


@pytest.fixture(scope="module")
def official_mongo(engine: None) -> Iterator[str]:
    """URL of the image that compose.yaml runs."""
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.waiting_utils import wait_for_logs

    container = DockerContainer(compose()["services"]["mongo"]["image"]).with_exposed_ports(27017)
    with container:
        wait_for_logs(container, "Waiting for connections", timeout=90)
        yield f"mongodb://{container.get_container_host_ip()}:{container.get_exposed_port(27017)}"


@pytest.fixture
async def client(official_mongo: str) -> AsyncIterator[MongoClient]:
    client = MongoClient(official_mongo)
    yield client
    client.close()


def commit(stream: str, number: int) -> NewCommit:
    event = StoredEvent(f"{stream}-{number}", "limelight.containers.Happened", 1, {"number": number})
    return NewCommit(stream, 0, GENESIS, f"{stream}-{number}", datetime(2026, 1, 1, tzinfo=UTC), Meta("test", "test"), (event,))


async def test_a_commit_is_stored_once_refused_when_stale_and_published_in_order(
    client: MongoClient, official_kafka: str
) -> None:
    clock, ids = SystemClock(), SystemIds()
    database = client.database("limelight_containers")
    log, documents = MongoCommitLog(database, clock, ids), MongoDocuments(database, ids)
    bus = KafkaBus(official_kafka, clock, ids)
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
