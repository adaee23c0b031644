"""relay: how fast what the commit log holds reaches Kafka: read, put into CloudEvents, published, checkpointed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import count

from aiokafka import AIOKafkaProducer

from bench.driver import databases, fill
from bench.harness import Contest, Row, timed
from bench.subject import history, post_ids
from bench.world import World
from libs.chassis.system import SystemClock, SystemIds
from libs.events.bus import KafkaBus
from libs.events.database import Database
from libs.events.documents import MongoDocuments
from libs.events.envelope import topic
from libs.events.partitions import partition
from libs.events.ports import Message
from libs.events.relay import Relay, messages_of
from libs.events.store import MongoCommitLog
from libs.events.testing import eventually

STREAMS, EVENTS = 1_000, 50
TOTAL = STREAMS * EVENTS
SETTINGS = {"acks": "all", "enable_idempotence": True, "linger_ms": 0, "max_batch_size": 262_144}
"""Of our bus's producer."""
PATIENCE, LOOK = 300.0, 0.005
"""Seconds that a round may take, and between two looks whether it is through."""


class Ours:
    """A relay that has published nothing yet, on a topic of its own each round."""

    def __init__(self, database: Database, bus: KafkaBus) -> None:
        self._clock, self._ids = SystemClock(), SystemIds()
        self._log = MongoCommitLog(database, self._clock, self._ids)
        self._documents, self._bus, self._rounds = MongoDocuments(database, self._ids), bus, count()

    async def round(self) -> float:
        service = f"bench-ours-{next(self._rounds)}"
        await self._bus.ensure(topic(service))
        relay = Relay(service, self._log, self._documents, self._bus, self._clock, self._ids, "bench")

        async def work() -> None:
            running = asyncio.create_task(relay.run())
            await eventually(lambda: relay.position >= TOTAL or running.done(), timeout=PATIENCE, every=LOOK)
            relay.stop()
            await running

        return await timed(TOTAL, work)


class Send:
    """`send` of the same bytes, made beforehand."""

    def __init__(self, bus: KafkaBus, bootstrap: str, messages: Sequence[Message]) -> None:
        self._bus, self._bootstrap, self._rounds = bus, bootstrap, count()
        self._sent = [(one.value, one.key.encode(), list(one.headers)) for one in messages]

    async def round(self) -> float:
        name = topic(f"bench-raw-{next(self._rounds)}")
        await self._bus.ensure(name)
        producer = AIOKafkaProducer(bootstrap_servers=self._bootstrap, **SETTINGS)
        await producer.start()

        async def work() -> None:
            sent = [await producer.send(name, value, key, headers=headers) for value, key, headers in self._sent]
            await asyncio.gather(*sent)

        try:
            return await timed(TOTAL, work)
        finally:
            await producer.stop()


@asynccontextmanager
async def prepare(world: World) -> AsyncIterator[Contest]:
    url, bootstrap = await world.mongo(), await world.kafka()
    bus = KafkaBus(bootstrap, SystemClock(), SystemIds())
    async with databases(url) as given:
        log = list(history(post_ids(STREAMS), EVENTS))
        await fill(given.ours, log)
        try:
            yield Contest(Ours(given.ours, bus).round, Send(bus, bootstrap, messages_of(log, "bench", partition, {})).round)
        finally:
            await bus.stop()


ROW = Row(
    name="relay",
    work="publish 50,000 stored events",
    limit="aiokafka `send` of the same bytes, same settings",
    unit="events/s",
    target=0.6,
    prepare=prepare,
)
