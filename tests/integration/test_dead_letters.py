"""An operator and a parked event: seen, replayed when its cause is mended, or given up. A real worker, the real command."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from libs.chassis.mongo import MongoClient
from libs.chassis.system import SystemClock, SystemIds
from libs.events.bus import KafkaBus
from libs.events.catalog.campaigns import BrandVerified
from libs.events.consumer import Consumer, Limits
from libs.events.deadletter import DeadLetters
from libs.events.documents import MongoDocuments
from libs.events.envelope import Recorded, topic
from libs.events.ports import Message, Ports
from libs.events.store import MongoCommitLog
from libs.events.testing import eventually

KEY = "brd_01kdvdna00tqsaf1fesa8b3nrg"


class Worker:
    """Handles brands, but one of them only once its cause is `mended`."""

    def __init__(self) -> None:
        self.mended = False
        self.handled: list[str] = []

    async def handle(self, events: Sequence[Recorded[Any]]) -> None:
        for event in events:
            if event.stream == KEY and not self.mended:
                raise ValueError("the brand's name is not what it should be")
            seen = f"{event.stream}@{event.version}"
            if seen not in self.handled:  # at least once: a worker's effects are idempotent
                self.handled.append(seen)


def message(key: str, version: int) -> Message:
    headers = {
        "ce_specversion": "1.0",
        "ce_id": f"{key}/{version}",
        "ce_type": "limelight.campaigns.BrandVerified.v1",
        "ce_source": "/limelight/campaigns",
        "ce_subject": key,
        "ce_time": "2026-01-01T00:00:00.000Z",
        "ce_streamversion": str(version),
        "ce_position": str(version),
    }
    value = BrandVerified(brand_id=key, name="Glow").model_dump_json().encode()
    return Message(key, value, tuple((name, text.encode()) for name, text in headers.items()))


@pytest.fixture
async def ports(kafka: str, mongo: str) -> AsyncIterator[Ports]:
    """Of the campaigns service: the command looks into its database."""
    client, clock, ids = MongoClient(mongo), SystemClock(), SystemIds()
    database, bus = client.database("limelight_campaigns"), KafkaBus(kafka, clock, ids)
    yield Ports(MongoCommitLog(database, clock, ids), MongoDocuments(database, ids), bus, clock, ids)
    await bus.stop()
    await client.drop_database("limelight_campaigns")
    client.close()


async def limelight(mongo: str, *arguments: str) -> str:
    """What the command prints."""
    ran = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "cli.main",
        *arguments,
        env={"MONGO_URL": mongo, "COLUMNS": "200", "PATH": ""},
        stdout=subprocess.PIPE,
    )
    told, _ = await ran.communicate()
    assert ran.returncode == 0
    return told.decode()


async def test_a_parked_event_is_seen_replayed_in_order_and_the_rest_flows(ports: Ports, mongo: str) -> None:
    worker, group, other = Worker(), "limelight.campaigns.trial", "brd_01kdvdna00000000000000000z"
    name = topic("campaigns")
    consumer = Consumer(group, [name], [BrandVerified], worker.handle, ports=ports, limits=Limits(replay_every=0.1))
    await ports.bus.ensure(name)
    await consumer.start()
    try:
        await ports.bus.publish(name, [message(KEY, 1), message(other, 1), message(KEY, 2)])
        letters = DeadLetters(ports.documents, ports.clock)
        await eventually(lambda: _count(letters, 2))
        await eventually(lambda: worker.handled == [f"{other}@1"])  # the other key flows

        listed = await limelight(mongo, "dlq", "list", "--service", "campaigns")
        first = next(word for word in listed.split() if word.startswith("campaigns/"))
        assert "not what it should be" in await limelight(mongo, "dlq", "show", first)

        worker.mended = True
        assert "flows again" in await limelight(mongo, "dlq", "replay", first)
        assert worker.handled == [f"{other}@1", f"{KEY}@1", f"{KEY}@2"], "in its order"
        assert "Nothing is parked" in await limelight(mongo, "dlq", "list")
    finally:
        await consumer.stop()


async def test_a_parked_event_can_be_given_up(ports: Ports, mongo: str) -> None:
    worker, name = Worker(), topic("campaigns")
    consumer = Consumer("limelight.campaigns.trial2", [name], [BrandVerified], worker.handle, ports=ports)
    await ports.bus.ensure(name)
    await consumer.start()
    try:
        await ports.bus.publish(name, [message(KEY, 3)])
        letters = DeadLetters(ports.documents, ports.clock)
        await eventually(lambda: _count(letters, 1))
        listed = await limelight(mongo, "dlq", "list")
        for letter in [word for word in listed.split() if word.startswith("campaigns/")]:
            assert "Discarded" in await limelight(mongo, "dlq", "discard", "--yes", letter)
        assert "Nothing is parked" in await limelight(mongo, "dlq", "list")
    finally:
        await consumer.stop()


async def _count(letters: DeadLetters, least: int) -> bool:
    return len(await letters.list()) >= least
