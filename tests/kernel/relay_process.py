"""A relay in a process of its own: `python -m tests.kernel.relay_process URL BOOTSTRAP SERVICE OWNER`, with a lease of 2 s."""

from __future__ import annotations

import asyncio
import sys

from libs.chassis.mongo import MongoClient
from libs.chassis.system import SystemClock, SystemIds
from libs.events.bus import KafkaBus
from libs.events.documents import MongoDocuments
from libs.events.relay import Relay
from libs.events.store import MongoCommitLog


async def main(url: str, bootstrap: str, service: str, owner: str) -> None:
    clock, ids = SystemClock(), SystemIds()
    database = MongoClient(url).database(f"limelight_{service}")
    log, documents, bus = MongoCommitLog(database, clock, ids), MongoDocuments(database, ids), KafkaBus(bootstrap, clock, ids)
    await Relay(service, log, documents, bus, clock, ids, owner, page=20, lease=2.0).run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:5]))
