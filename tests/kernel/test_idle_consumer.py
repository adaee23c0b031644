"""A consumer with nothing to do costs next to nothing, and hears at once what comes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.fetch import FetchRequest

from libs.chassis.system import SystemClock, SystemIds
from libs.events.bus import KafkaBus
from libs.events.kafka_consumer import REST_MOST
from libs.events.ports import Delivery, Message
from libs.events.testing import eventually

A_WHILE = 2.0
"""Seconds without a message, once the rests have grown."""


async def test_a_consumer_with_nothing_to_do_asks_seldom_and_hears_at_once(
    kafka: str, service_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic, heard, asked = f"limelight.{service_name}.events.v1", list[int](), list[float]()
    send = AIOKafkaClient.send

    async def counted(self: Any, node: int, request: Any, **how: Any) -> Any:
        if isinstance(request, FetchRequest):
            asked.append(time.monotonic())
        return await send(self, node, request, **how)

    async def take(batch: Sequence[Delivery]) -> None:
        heard.extend(len(asked) for _ in batch)

    monkeypatch.setattr(AIOKafkaClient, "send", counted)
    bus = KafkaBus(kafka, SystemClock(), SystemIds())
    member = bus.subscribe(service_name, [topic], take)
    await member.start()
    try:
        await bus.publish(topic, [Message("jar_1", b"first")])
        await eventually(lambda: heard, timeout=20.0)
        await eventually(lambda: len(asked) > 1 and asked[-1] - asked[-2] >= REST_MOST, timeout=20.0)
        asked.clear()
        await asyncio.sleep(A_WHILE)
        seldom = len(asked)
        await bus.publish(topic, [Message("jar_1", b"second")])
        sent = len(asked)
        await eventually(lambda: len(heard) == 2, timeout=20.0)
    finally:
        await member.stop()
        await bus.stop()
    assert 1 <= seldom <= 1.5 * A_WHILE / REST_MOST
    assert heard[1] - sent <= 2, "the question under way when it came, or the next one, brought it"
