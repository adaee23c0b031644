"""What a relay is given to publish, and one that runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from libs.events.envelope import Commit
from libs.events.ports import CommitLog
from libs.events.relay import Relay
from tests.kernel.commits import new_commit


@asynccontextmanager
async def running(relay: Relay) -> AsyncIterator[Relay]:
    task = asyncio.ensure_future(relay.run())
    yield relay
    relay.stop()
    await task


async def fill(log: CommitLog, streams: int, rounds: int) -> list[Commit]:
    commits: list[Commit | None] = [None] * streams
    every: list[Commit] = []
    for _ in range(rounds):
        news = [new_commit(f"jar_{i}", after=commits[i], events=2) for i in range(streams)]
        placed = [appended.commit for appended in await asyncio.gather(*map(log.append, news))]
        commits = [*placed]
        every += placed
    return every
