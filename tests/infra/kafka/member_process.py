"""A member of the group in a process of its own: `python -m tests.infra.kafka.member_process BOOTSTRAP URL SERVICE`. It says
`handling` before each batch, and takes its time over it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

from libs.chassis.mongo import MongoClient
from libs.chassis.system import SystemIds
from libs.events.documents import MongoDocuments
from libs.events.ports import Delivery
from tests.infra.kafka.flow import Member, bus_of


class Slow(Member):
    async def deliver(self, batch: Sequence[Delivery]) -> None:
        sys.stdout.write("handling\n")
        sys.stdout.flush()
        await asyncio.sleep(0.2)
        await super().deliver(batch)


async def main(bootstrap: str, url: str, service: str) -> None:
    documents = MongoDocuments(MongoClient(url).database(f"limelight_{service}"), SystemIds())
    member = Slow(service, bus_of(bootstrap), documents, [])
    await member.start()
    await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4]))
