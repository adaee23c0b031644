"""The relay over the real wire protocols: killed in mid-batch, and before a broker that lost everything."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from deploy.local.embedded import Embedded
from deploy.local.kafka import Kafka
from libs.chassis.mongo import MongoDatabase
from libs.chassis.system import SystemClock, SystemIds
from libs.events.bus import KafkaBus
from libs.events.documents import MongoDocuments
from libs.events.envelope import topic
from libs.events.ports import Bus, Delivery, Unavailable
from libs.events.relay import RELAYS, Relay
from libs.events.store import MongoCommitLog
from libs.events.testing import eventually
from tests.kernel.commits import new_commit
from tests.kernel.relays import fill, running


class Topic:
    """What a plain consumer group reads from a real topic."""

    def __init__(self, bus: Bus, service: str) -> None:
        self.deliveries: list[Delivery] = []
        self._subscription = bus.subscribe(f"{service}.reader", [topic(service)], self._take)

    async def _take(self, batch: Sequence[Delivery]) -> None:
        self.deliveries += batch

    def positions(self) -> set[int]:
        return {int(delivery.headers["ce_position"]) for delivery in self.deliveries}

    def skips(self) -> list[str]:
        """Streams of which a version came before its predecessor."""
        highest: dict[str, int] = {}
        skipped = []
        for delivery in self.deliveries:
            version, before = int(delivery.headers["ce_streamversion"]), highest.get(delivery.key, 0)
            if version > before + 1:
                skipped.append(delivery.key)
            highest[delivery.key] = max(version, before)
        return skipped

    async def __aenter__(self) -> Topic:
        await self._subscription.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._subscription.stop()


async def test_a_relay_killed_in_mid_batch_is_succeeded(
    mongo: str, kafka: str, database: MongoDatabase, service_name: str
) -> None:
    clock, ids = SystemClock(), SystemIds()
    log, documents, bus = MongoCommitLog(database, clock, ids), MongoDocuments(database, ids), KafkaBus(kafka, clock, ids)
    commits = await fill(log, streams=20, rounds=30)
    victim = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.kernel.relay_process", mongo, kafka, service_name, "victim"
    )

    async def checkpoint() -> int:
        found = (await documents.get(RELAYS, [service_name])).get(service_name)
        return int(found.body["position"]) if found else 0

    async def has_begun() -> bool:
        return await checkpoint() > 0

    await eventually(has_begun, timeout=20.0, every=0.001)
    victim.kill()
    await victim.wait()
    assert 0 < await checkpoint() < len(commits), "it was killed too late to be in mid-batch"
    successor = Relay(service_name, log, documents, bus, clock, ids, "successor", lease=2.0)
    async with Topic(bus, service_name) as heard, running(successor):
        await eventually(lambda: heard.positions() >= set(range(1, len(commits) + 1)), timeout=20.0)
    assert heard.skips() == []
    await bus.stop()


@pytest.fixture
def own_kafka(local_kafka: Kafka, tmp_path: Path) -> Iterator[Embedded]:
    """A broker of this test's own, to lose everything."""
    server = local_kafka.server(tmp_path / "data").start()
    yield server
    server.kill()


async def test_a_broker_that_lost_everything_is_given_it_again(
    own_kafka: Embedded, database: MongoDatabase, service_name: str
) -> None:
    clock, ids = SystemClock(), SystemIds()
    log, documents = MongoCommitLog(database, clock, ids), MongoDocuments(database, ids)
    bus = KafkaBus(f"127.0.0.1:{own_kafka.port}", clock, ids, patience=3.0)
    await fill(log, streams=5, rounds=4)
    async with running(Relay(service_name, log, documents, bus, clock, ids, "a", check=0.2)) as relay:
        await eventually(lambda: relay.position == 20)
        own_kafka.kill()
        own_kafka.wipe()
        own_kafka.start()
        await log.append(new_commit("jar_after"))

        async def is_there_again() -> bool:
            try:
                return sum((await bus.ends(topic(service_name))).values()) >= 41
            except Unavailable:
                return False

        await eventually(is_there_again, timeout=30.0, every=0.1)
        async with Topic(bus, service_name) as heard:
            await eventually(lambda: heard.positions() == set(range(1, 22)))
        assert heard.skips() == []
    await bus.stop()
