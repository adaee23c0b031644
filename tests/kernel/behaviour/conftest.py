"""Each port twice: the in-memory twin, and the real one over the wire. The same suite runs on both."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from libs.chassis.mongo import MongoDatabase
from libs.chassis.system import SystemClock, SystemIds
from libs.events.bus import KafkaBus
from libs.events.documents import MongoDocuments
from libs.events.memory import LoopClock, MemoryBus, MemoryCommitLog, MemoryDatabase, MemoryDocuments, SeededIds
from libs.events.ports import Bus, Clock, CommitLog, Documents
from libs.events.store import MongoCommitLog
from libs.events.subscription import SubscriptionSettings


@pytest.fixture(params=["memory", "mongo on memory", "mongo"])
def log(request: pytest.FixtureRequest) -> CommitLog:
    if request.param == "memory":
        return MemoryCommitLog()
    if request.param == "mongo on memory":
        return MongoCommitLog(MemoryDatabase(), LoopClock(), SeededIds())
    database: MongoDatabase = request.getfixturevalue("database")
    return MongoCommitLog(database, SystemClock(), SystemIds())


@pytest.fixture(params=["memory", "mongo"])
def documents(request: pytest.FixtureRequest) -> Documents:
    if request.param == "memory":
        return MemoryDocuments()
    database: MongoDatabase = request.getfixturevalue("database")
    return MongoDocuments(database, SystemIds())


@pytest.fixture(params=["memory", "kafka"])
async def bus(request: pytest.FixtureRequest) -> AsyncIterator[Bus]:
    if request.param == "memory":
        yield MemoryBus()
    else:
        settings = SubscriptionSettings(instance="one")
        real = KafkaBus(request.getfixturevalue("kafka"), SystemClock(), SeededIds(), subscriptions=settings)
        yield real
        await real.stop()


@pytest.fixture
async def other_bus(bus: Bus, request: pytest.FixtureRequest) -> AsyncIterator[Bus]:
    """The same broker as another process sees it, one that is told of several servers and that gives its place in a group up
    when it stops."""
    if isinstance(bus, MemoryBus):
        yield bus
    else:
        servers = request.getfixturevalue("kafka")
        real = KafkaBus(f"{servers},{servers}", SystemClock(), SeededIds())
        yield real
        await real.stop()


@pytest.fixture(params=["memory", "system"])
def clock(request: pytest.FixtureRequest) -> Clock:
    return LoopClock() if request.param == "memory" else SystemClock()
