"""A follower: what it keeps is as far as it says, in the log's order, over restarts and outages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from libs.events.decider import Kind, Refusal
from libs.events.envelope import Commit, Fact
from libs.events.failures import OfAnotherLog
from libs.events.faults import Faults
from libs.events.follower import Follower
from libs.events.memory import LoopClock, MemoryCommitLog, MemoryDatabase, MemoryDocuments, SeededIds
from libs.events.ports import CommitLog, Unavailable
from libs.events.store import MongoCommitLog
from libs.events.testing import eventually, run_virtual
from libs.events.views import LiveViews
from tests.kernel.commits import new_commit
from tests.kernel.jars import JARS, SERVICE, CoinAdded


class Purse:
    """Keeps the coins that it was given, and how far they reach, as a disk does."""

    name, of = "purse", (CoinAdded,)

    def __init__(self) -> None:
        self.position, self.cents = 0, list[int]()
        self.takes, self.settlings = list[int](), 0
        self.full = False

    async def open(self) -> int:
        return self.position

    async def take(self, events: Sequence[Fact], position: int) -> None:
        await asyncio.sleep(0.01)
        if self.full:
            raise Unavailable("no room")
        self.takes.append(len(events))
        self.cents += [fact.data["cents"] for fact in events]
        self.position = position

    async def settled(self) -> None:
        self.settlings += 1

    async def close(self) -> None:
        pass


class Rough(Faults):
    """The log cannot be read for a while."""

    def __init__(self) -> None:
        self.failing = 0

    async def at(self, point: str) -> None:
        if point == "log.read" and self.failing:
            self.failing -= 1
            raise Unavailable(point)


@asynccontextmanager
async def following(purse: Purse, log: CommitLog, batch: int = 20_000) -> AsyncIterator[Follower]:
    follower = Follower(SERVICE, purse, log, LoopClock(), SeededIds(), known=JARS, batch=batch)
    task = asyncio.ensure_future(follower.run())
    yield follower
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def added(log: MemoryCommitLog, *cents: int) -> list[Commit]:
    return [(await log.append(new_commit(data={"cents": one}))).commit for one in cents]


def test_half_of_what_a_process_keeps_for_itself_is_no_answer() -> None:
    async def main() -> None:
        log, purse = MemoryCommitLog(), Purse()
        await added(log, 1)
        async with following(purse, log) as follower:
            views = LiveViews(MemoryDocuments(), (), LoopClock(), [follower])
            with pytest.raises(Refusal) as refused:
                views.check_filled(["purse"])
            assert (refused.value.kind, refused.value.code) == (Kind.UNAVAILABLE, "VIEW_NOT_READY")
            await eventually(lambda: follower.caught_up)
            views.check_filled(["purse"])

    run_virtual(main())


def test_what_is_there_is_taken_in_together_and_upcast_and_then_it_has_caught_up() -> None:
    async def main() -> None:
        log, purse = MemoryCommitLog(), Purse()
        await added(log, 1, 2, 3)
        async with following(purse, log) as follower:
            await eventually(lambda: follower.caught_up)
            assert (purse.cents, purse.takes, follower.position, purse.settlings) == ([1, 2, 3], [3], 3, 1)
            await added(log, 4)
            await eventually(lambda: follower.position == 4)
            assert purse.settlings == 1

    run_virtual(main())


def test_it_catches_up_in_bounded_batches() -> None:
    async def main() -> None:
        log, purse = MemoryCommitLog(), Purse()
        await added(log, *range(2_500))
        async with following(purse, log, batch=1_000) as follower:
            await eventually(lambda: follower.caught_up)
        assert purse.cents == list(range(2_500))
        assert max(purse.takes) <= 1_000

    run_virtual(main())


class ReadOn(Faults):
    """Tells that the log was read once more."""

    def __init__(self) -> None:
        self.again = asyncio.Event()

    async def at(self, point: str) -> None:
        if point == "log.read":
            self.again.set()


def test_behind_a_full_batch_the_next_one_is_read_while_it_is_taken_in() -> None:
    read_on = ReadOn()

    class Slow(Purse):
        async def take(self, events: Sequence[Fact], position: int) -> None:
            if not self.takes:
                read_on.again.clear()
                await asyncio.wait_for(read_on.again.wait(), 1.0)
            await super().take(events, position)

    async def main() -> None:
        database, purse = MemoryDatabase(read_on), Slow()
        theirs, ours = (MongoCommitLog(database, LoopClock(), SeededIds(name)) for name in ("theirs", "ours"))
        for cents in range(7):
            await theirs.append(new_commit(data={"cents": cents}))
        async with following(purse, ours, batch=3) as follower:
            await eventually(lambda: follower.caught_up)
        assert purse.cents == list(range(7))

    run_virtual(main())


def test_what_another_process_appends_is_taken_in_within_a_second_however_much_comes() -> None:
    async def main() -> None:
        database, purse = MemoryDatabase(), Purse()
        theirs, ours = (MongoCommitLog(database, LoopClock(), SeededIds(name)) for name in ("theirs", "ours"))

        async def reaches(position: int) -> None:
            await eventually(lambda: purse.position >= position, timeout=1.0)

        waiting = []
        async with following(purse, ours):
            for _ in range(300):
                appended = await theirs.append(new_commit(data={"cents": 1}))
                waiting.append(asyncio.create_task(reaches(appended.commit.position)))
                await asyncio.sleep(0.007)
            await asyncio.gather(*waiting)
        assert len(purse.takes) < 100, "many small commits become few"

    run_virtual(main())


def test_it_goes_on_where_it_was() -> None:
    async def main() -> None:
        log, purse = MemoryCommitLog(), Purse()
        await added(log, 1, 2)
        async with following(purse, log) as follower:
            await eventually(lambda: follower.caught_up)
        await added(log, 3)
        async with following(purse, log) as follower:
            await eventually(lambda: follower.position == 3)
        assert purse.cents == [1, 2, 3]

    run_virtual(main())


def test_it_outlasts_a_log_that_cannot_be_read_and_a_disk_that_is_full() -> None:
    async def main() -> None:
        rough = Rough()
        log, purse = MemoryCommitLog(rough), Purse()
        await added(log, 1)
        rough.failing, purse.full = 3, True
        async with following(purse, log) as follower:
            await asyncio.sleep(3)  # virtual seconds, in which nothing may come of it
            assert (follower.position, follower.caught_up) == (0, False)
            purse.full = False
            await eventually(lambda: follower.caught_up)
        assert purse.cents == [1]

    run_virtual(main())


def test_it_takes_in_nothing_from_a_log_that_is_not_the_one_it_was_made_from() -> None:
    async def main() -> None:
        purse, another = Purse(), MemoryCommitLog()
        purse.position, purse.cents = 3, [1, 2, 3]
        await added(another, 7, 8)
        follower = Follower(SERVICE, purse, another, LoopClock(), SeededIds(), known=JARS)
        with pytest.raises(OfAnotherLog, match="is at 3, the log ends at 2"):
            await follower.run()
        assert (purse.cents, follower.caught_up) == ([1, 2, 3], False)

    run_virtual(main())


def test_commits_of_no_interest_move_it_on() -> None:
    async def main() -> None:
        log, purse = MemoryCommitLog(), Purse()
        await log.append(new_commit(events=2))
        purse.of = ()  # type: ignore[assignment]
        async with following(purse, log) as follower:
            await eventually(lambda: follower.caught_up)
        assert (purse.position, purse.cents) == (1, [])

    run_virtual(main())
