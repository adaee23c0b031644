"""Replicas of discovery: each follows the log by itself, and all come to the same."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

from libs.chassis.system import SystemClock, SystemIds
from libs.events.catalog.discovery import (
    AudienceSnapshotRecorded,
    CreatorErased,
    CreatorReinstated,
    CreatorSuspended,
    PerformanceSnapshotRecorded,
    RateCardChanged,
)
from libs.events.catalog.values import Platform
from libs.events.follower import Follower
from libs.events.memory import MemoryCommitLog
from libs.events.registry import Event
from libs.events.testing import AT, eventually
from services.discovery.directory import VERSION, Directory
from services.discovery.domain.criteria import Criteria, EngagementRateRange
from services.discovery.index.tantivy_index import TantivyCreatorIndex
from services.discovery.ports import FACETS, CreatorOrder, Search
from tests.unit.discovery.examples import account, joined, measured, priced, stored, watched

CREATORS, CHANGES = 40, 160


async def lives(log: MemoryCommitLog, chance: random.Random) -> None:
    """Creators join, are measured, change their prices, are suspended and reinstated, and some are erased."""
    there = [f"crt_replica{number:05}" for number in range(CREATORS)]
    for number, creator in enumerate(there):
        followers = account(chance.randrange(10_000, 90_000))
        await stored(log, creator, joined(creator_id=creator, handle=f"ana.{number}", accounts=(followers,)))
    suspended: set[str] = set()
    for _ in range(CHANGES):
        creator = chance.choice(there)
        await stored(log, creator, _change(creator, chance, suspended))
    for creator in there[::9]:
        await stored(log, creator, CreatorErased(creator_id=creator))


def _change(creator: str, chance: random.Random, suspended: set[str]) -> Event:
    if creator in suspended:
        suspended.remove(creator)
        return CreatorReinstated(creator_id=creator)
    match chance.randrange(4):
        case 0:
            taken = measured(AT, followers=chance.randrange(10_000, 90_000), platform=Platform.TIKTOK)
            return PerformanceSnapshotRecorded(creator_id=creator, performance=taken)
        case 1:
            return RateCardChanged(creator_id=creator, rate_card=(priced(chance.randrange(100, 90_000)),))
        case 2:
            return AudienceSnapshotRecorded(creator_id=creator, audience=watched())
        case _:
            suspended.add(creator)
            return CreatorSuspended(creator_id=creator, reason="Bought followers.")


class Replica:
    """One that reads so many events at a time."""

    def __init__(self, disk: Path, log: MemoryCommitLog, batch: int) -> None:
        self.index = TantivyCreatorIndex(disk, VERSION, heap=15_000_000)
        self._follower = Follower("discovery", Directory(self.index), log, SystemClock(), SystemIds(), batch=batch, rest=0.0)
        self._task = asyncio.ensure_future(self._follower.run())

    async def comes_to(self, position: int) -> None:
        await eventually(lambda: self._follower.position >= position, timeout=30, every=0.01)

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


async def test_replicas_that_read_the_same_log_answer_the_same(tmp_path: Path) -> None:
    """One reads it at once; one in small batches, is stopped halfway, and goes on where it was."""
    log = MemoryCommitLog()
    await lives(log, random.Random(4))
    head = await log.head()
    at_once, slowly = Replica(tmp_path / "one", log, 20_000), Replica(tmp_path / "two", log, 7)
    await slowly.comes_to(head // 2)
    await slowly.stop()
    slowly = Replica(tmp_path / "two", log, 11)
    for replica in (at_once, slowly):
        await replica.comes_to(head)
    try:
        answers = [[await replica.index.search(search) for search in searches()] for replica in (at_once, slowly)]
        assert answers[0] == answers[1]
        assert 10 < answers[0][0].total < CREATORS
    finally:
        await at_once.stop()
        await slowly.stop()


def searches() -> list[Search]:
    """Everyone in each order with all facets, and a few filters."""
    filters: list[dict[str, Any]] = [{}, {"niches": ("skincare",)}, {"text": "ana 3"}]
    filters.append({"engagement_rate": EngagementRateRange(method="by_views", least=0.01)})
    return [
        Search(Criteria(**asked), order, 100, AT, facets=FACETS)
        for asked in filters
        for order in CreatorOrder
        if order is not CreatorOrder.RELEVANCE or asked.get("text")
    ]
