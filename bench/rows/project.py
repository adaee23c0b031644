"""project: events into a read model in batches: decoded, folded, each document read and written once per batch."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

from pymongo import ReplaceOne

from bench.driver import databases
from bench.harness import Contest, Row, timed
from bench.subject import history, post_ids
from bench.world import World
from libs.chassis.system import SystemClock, SystemIds
from libs.events.consumer import Consumer
from libs.events.database import Database
from libs.events.documents import MongoDocuments
from libs.events.envelope import Commit, Mark, recorded, topic
from libs.events.memory import MemoryBus, MemoryCommitLog, MemoryDocuments
from libs.events.partitions import partition
from libs.events.ports import Delivery, Ports
from libs.events.projection import ProjectionRunner
from libs.events.relay import messages_of
from services.analytics.projections import campaign_dashboards

SOURCE = "analytics"
CAMPAIGNS, EVENTS, BATCH = 1_000, 50, 10_000
TOTAL = CAMPAIGNS * EVENTS


class Ours:
    """A consumer's batches into a collection of its own each round."""

    def __init__(self, database: Database, batches: Sequence[Sequence[Delivery]]) -> None:
        clock, ids = SystemClock(), SystemIds()
        self._ports = Ports(MemoryCommitLog(), MongoDocuments(database, ids), MemoryBus(), clock, ids)
        self._batches, self._rounds = batches, count()

    async def round(self) -> float:
        name = f"dashboards_{next(self._rounds)}"
        runner = ProjectionRunner(campaign_dashboards, self._ports.documents, name)
        await runner.prepare()
        consumer = Consumer(name, [topic(SOURCE)], campaign_dashboards.of, runner.handle, ports=self._ports)

        async def work() -> None:
            for batch in self._batches:
                await consumer.deliver(batch)

        return await timed(TOTAL, work)


class BulkUpserts:
    """The documents that each batch ends with, made beforehand, by one `bulk_write` per batch."""

    def __init__(self, database: Any, batches: Sequence[Sequence[ReplaceOne[Any]]]) -> None:
        self._database, self._batches, self._rounds = database, batches, count()

    async def round(self) -> float:
        dashboards = self._database[f"dashboards_{next(self._rounds)}"]
        for fields in campaign_dashboards.indexes:
            await dashboards.create_index([(field, 1) for field in fields])

        async def work() -> None:
            for batch in self._batches:
                await dashboards.bulk_write(batch, ordered=False)

        return await timed(TOTAL, work)


def deliveries(batch: Sequence[Commit], tails: dict[int, Mark]) -> list[Delivery]:
    """As they come from the topic. `tails` moves on."""
    return [
        Delivery(topic(SOURCE), partition(one.key), offset, one.key, one.value, dict(one.headers))
        for offset, one in enumerate(messages_of(batch, SOURCE, partition, tails), batch[0].position)
    ]


async def upserts(batches: Sequence[Sequence[Commit]]) -> list[list[ReplaceOne[Any]]]:
    """The documents as they stand after each batch."""
    documents = MemoryDocuments()
    runner, writes = ProjectionRunner(campaign_dashboards, documents, "dashboards"), []
    for batch in batches:
        events = [event for commit in batch for event in recorded(commit, SOURCE)]
        await runner.handle(events)
        keys = dict.fromkeys(str(event.data.campaign_id) for event in events)
        stored = await documents.get("dashboards", list(keys))
        writes.append([ReplaceOne({"_id": id_}, {"_id": id_, **one.body}, upsert=True) for id_, one in stored.items()])
    return writes


@asynccontextmanager
async def prepare(world: World) -> AsyncIterator[Contest]:
    async with databases(await world.mongo()) as given:
        log = list(history(post_ids(CAMPAIGNS), EVENTS))
        batches = [log[start : start + BATCH] for start in range(0, TOTAL, BATCH)]
        tails: dict[int, Mark] = {}
        ours = Ours(given.ours, [deliveries(batch, tails) for batch in batches])
        yield Contest(ours.round, BulkUpserts(given.raw, await upserts(batches)).round)


ROW = Row(
    name="project",
    work="50,000 events of 1,000 campaigns into the campaign dashboard, batches of 10,000",
    limit="`bulk_write` upserts of the same final documents per batch",
    unit="events/s",
    target=0.7,
    prepare=prepare,
)
