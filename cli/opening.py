"""Opens a service's own database for commands that look into it or repair it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from cli import state
from libs.chassis.mongo import MongoClient
from libs.chassis.system import SystemClock, SystemIds
from libs.events.documents import MongoDocuments
from libs.events.store import MongoCommitLog


@dataclass(frozen=True, slots=True)
class Opened:
    """What a service has stored."""

    service: str
    log: MongoCommitLog
    documents: MongoDocuments
    clock: SystemClock


@asynccontextmanager
async def opened(service: str, data: Path) -> AsyncIterator[Opened]:
    """Raises `Unavailable` when the database does not answer."""
    client, clock, ids = MongoClient(state.mongo_address(data), application="limelight-cli"), SystemClock(), SystemIds()
    try:
        await client.ping()
        database = client.database(f"limelight_{service}")
        yield Opened(service, MongoCommitLog(database, clock, ids), MongoDocuments(database, ids), clock)
    finally:
        client.close()
