"""append-64: how much of the driver's bulk insert is left when 64 callers each send a command to a new stream."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

from bench import peers
from bench.driver import BATCH, databases, first_commits, indexed
from bench.harness import Contest, Row, timed
from bench.service import Posts
from bench.subject import post_ids
from bench.world import World

CALLERS, COMMANDS = 64, 5_000


class BulkInsert:
    """One caller, documents made beforehand."""

    def __init__(self, commits: Any) -> None:
        self._commits, self._positions = commits, count(1, COMMANDS)

    async def round(self) -> float:
        documents = first_commits(post_ids(COMMANDS), next(self._positions))

        async def work() -> None:
            for start in range(0, COMMANDS, BATCH):
                await self._commits.insert_many(documents[start : start + BATCH])

        return await timed(COMMANDS, work)


@asynccontextmanager
async def prepare(world: World) -> AsyncIterator[Contest]:
    url = await world.mongo()
    async with databases(url) as given, peers.posts(url, given.peer) as others:
        ours, raw = Posts(given.ours), BulkInsert(await indexed(given.raw))
        yield Contest(lambda: ours.append(CALLERS, COMMANDS), raw.round, others.append(CALLERS), others.absent)


ROW = Row(
    name="append-64",
    work="64 concurrent one-event commands on new streams",
    limit="`insert_many` of 500 equal documents, one caller",
    unit="commands/s",
    target=0.85,
    prepare=prepare,
)
