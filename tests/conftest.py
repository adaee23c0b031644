"""Servers for the tests: those that `KAFKA_BOOTSTRAP_SERVERS` and `MONGO_URL` name, else embedded ones on free ports."""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from deploy.local.embedded import Embedded
from libs.chassis.mongo import MongoClient, MongoDatabase


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Bootstrap servers."""
    if given := os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        yield given
    else:
        yield from _embedded(Embedded.kafka(_data(tmp_path_factory, "kafka")), "127.0.0.1:{port}")


@pytest.fixture(scope="session")
def mongo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL."""
    if given := os.environ.get("MONGO_URL"):
        yield given
    else:
        yield from _embedded(Embedded.mongo(_data(tmp_path_factory, "mongo")), "mongodb://127.0.0.1:{port}")


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


def _embedded(server: Embedded, address: str) -> Iterator[str]:
    server.start()
    try:
        yield address.format(port=server.port)
    finally:
        server.stop(grace=3.0)
        server.wipe()
