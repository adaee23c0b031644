"""`limelight events tail` begins where it was told to, each time."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from typer.testing import CliRunner

from cli.events import app
from libs.chassis.system import SystemIds
from libs.events.bus import KafkaBus
from libs.events.envelope import iso, topic
from libs.events.memory import ManualClock
from libs.events.ports import Message

A_DAY_AGO = datetime.now(UTC) - timedelta(days=1)
SERVICE = "messaging"
OFTEN = 3
"""What may lose a race is asked for more than once."""


@pytest.fixture
async def told(kafka: str) -> list[str]:
    """An event a day ago, and one each in the two hours after, on streams of several partitions."""
    clock = ManualClock(A_DAY_AGO)
    bus = KafkaBus(kafka, clock, SystemIds())
    await bus.ensure(topic(SERVICE))
    said = [f"thr_{number}_{uuid.uuid4().hex}" for number in range(3)]
    for stream in said:
        await bus.publish(topic(SERVICE), [Message(stream, orjson.dumps(stream), (("ce_subject", stream.encode()),))])
        clock.advance(3_600)
    await bus.stop()
    return said


async def tailed(kafka: str, start: str) -> list[str]:
    arguments = ["tail", "--service", SERVICE, "--from", start, "--no-follow", "--json"]
    done = await asyncio.to_thread(CliRunner().invoke, app, arguments, env={"KAFKA_BOOTSTRAP_SERVERS": kafka})
    assert done.exit_code == 0, done.output
    return [str(orjson.loads(line)["data"]) for line in done.output.splitlines()]


async def test_it_begins_where_it_was_told_to(kafka: str, told: list[str]) -> None:
    for _ in range(OFTEN):
        assert set(told) <= set(await tailed(kafka, "beginning"))
        assert set(told) & set(await tailed(kafka, iso(A_DAY_AGO + timedelta(minutes=30)))) == set(told[1:])
        assert not set(told) & set(await tailed(kafka, "now"))
