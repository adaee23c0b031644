"""Servers for the tests: those that `KAFKA_BOOTSTRAP_SERVERS` and `MONGO_URL` name, else some on free ports. `KAFKA` says which
Kafka, as it does for `limelight up`: `embedded` (default) or `apache`; or `containers`: the official image."""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from deploy.local.embedded import Embedded, NotInstalled, free_port
from deploy.local.kafka import Kafka
from libs.chassis.mongo import MongoClient, MongoDatabase
from tests.containers import official_kafka

CHOSEN_KAFKA = os.environ.get("KAFKA") or Kafka.EMBEDDED
CONTAINERS = "containers"


@pytest.fixture(scope="session")
def local_kafka() -> Kafka:
    """The Kafka that tests start as a process of this machine. Skips where it is not to be had."""
    if CHOSEN_KAFKA == CONTAINERS:
        pytest.skip("starts a Kafka of its own, which is no container: KAFKA=apache or nothing")
    chosen = Kafka(CHOSEN_KAFKA)
    try:
        chosen.argv(free_port(), Path())
    except NotInstalled as missing:
        pytest.skip(str(missing))
    return chosen


@pytest.fixture(scope="session")
def kafka(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Bootstrap servers."""
    if given := os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        yield given
    elif CHOSEN_KAFKA == CONTAINERS:
        with official_kafka() as bootstrap:
            yield bootstrap
    else:
        chosen: Kafka = request.getfixturevalue("local_kafka")
        yield from _running(chosen.server(_data(tmp_path_factory, "kafka")), "127.0.0.1:{port}")


@pytest.fixture(scope="session")
def mongo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL."""
    if given := os.environ.get("MONGO_URL"):
        yield given
    else:
        yield from _running(Embedded.mongo(_data(tmp_path_factory, "mongo")), "mongodb://127.0.0.1:{port}")


@pytest.fixture
def service_name() -> str:
    """A service that no other test knows: its topics, groups and database are this test's alone."""
    return f"test{uuid.uuid4().hex[:12]}"


@pytest.fixture
async def mongo_client(mongo: str) -> AsyncIterator[MongoClient]:
    client = MongoClient(mongo)
    yield client
    client.close()


@pytest.fixture
async def database(mongo_client: MongoClient, service_name: str) -> AsyncIterator[MongoDatabase]:
    """An empty database, dropped afterwards."""
    name = f"limelight_{service_name}"
    yield mongo_client.database(name)
    await mongo_client.drop_database(name)


def _data(factory: pytest.TempPathFactory, name: str) -> Path:
    return factory.mktemp(name) / "data"


def _running(server: Embedded, address: str) -> Iterator[str]:
    server.start()
    try:
        yield address.format(port=server.port)
    finally:
        server.stop(grace=5.0)
        server.wipe()
