"""The limit on MongoDB: Motor set up as our client is, the commit log's own documents and indexes, and nothing around it."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

from motor.motor_asyncio import AsyncIOMotorClient

from bench.subject import alone, tracked
from libs.chassis.mongo import MongoClient
from libs.events.database import Database
from libs.events.envelope import GENESIS, Commit
from libs.events.store import COMMITS, document_of

BATCH = 500
"""Documents in one `insert_many`."""


@dataclass(frozen=True, slots=True)
class Databases:
    """New databases of one server: ours by our client, the limit's by Motor, a peer's by its name."""

    ours: Database
    raw: Any
    peer: str


@asynccontextmanager
async def databases(mongo_url: str) -> AsyncIterator[Databases]:
    """They are dropped in the end."""
    names = [f"bench_{uuid.uuid4().hex[:8]}_{side}" for side in ("ours", "raw", "peer")]
    ours = MongoClient(mongo_url, patience=10)
    bare = AsyncIOMotorClient(mongo_url, tz_aware=True, w="majority", journal=True)
    try:
        yield Databases(ours.database(names[0]), bare[names[1]], names[2])
    finally:
        for name in names:
            await bare.drop_database(name)
        ours.close()
        bare.close()


async def indexed(database: Any) -> Any:
    """The collection of commits with the commit log's indexes."""
    commits = database[COMMITS]
    await commits.create_index([("stream", 1), ("first", 1)], unique=True)
    await commits.create_index([("commit_id", 1)], unique=True)
    await commits.create_index([("page", 1)])
    return commits


async def load(given: Databases, log: Sequence[Commit]) -> None:
    """Gives ours and the limit's the same past."""
    commits = await indexed(given.raw)
    for start in range(0, len(log), BATCH):
        await commits.insert_many(map(document_of, log[start : start + BATCH]))
    await fill(given.ours, log)


async def fill(ours: Database, log: Iterable[Commit]) -> None:
    """Gives ours a past."""
    documents = map(document_of, log)
    while batch := list(islice(documents, BATCH)):
        await ours.insert_in_order(COMMITS, batch)


def first_commits(streams: Sequence[str], position: int) -> list[dict[str, Any]]:
    """The documents that tracking these posts makes, from this position on."""
    return [
        document_of(alone(stream, 0, GENESIS, tracked(stream)).at_position(position + number))
        for number, stream in enumerate(streams)
    ]
