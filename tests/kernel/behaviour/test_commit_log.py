"""What every commit log does."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from libs.events.envelope import Commit
from libs.events.ports import CommitLog, ConcurrencyError
from libs.events.verify import verify_log, verify_stream
from tests.kernel.commits import new_commit


async def append(log: CommitLog, **about: object) -> Commit:
    return (await log.append(new_commit(**about))).commit  # type: ignore[arg-type]


async def test_a_commit_is_read_back_as_it_was_stored(log: CommitLog) -> None:
    data = {"text": "naïve ✓", "number": 2**53 - 1, "fraction": 0.1, "none": None, "list": [1, {"a": True}], "empty": {}}
    stored = await log.append(new_commit("jar_1", events=3, data=data))
    assert not stored.duplicate
    assert (stored.commit.position, stored.commit.first, stored.commit.last) == (1, 1, 3)
    assert await log.stream("jar_1") == [stored.commit]
    assert await log.read(0, 10) == [stored.commit]
    assert await log.find(stored.commit.commit_id) == stored.commit
    assert stored.commit.events[0].data == data
    assert stored.commit.recompute() == stored.commit.hash


async def test_an_empty_log_has_nothing_at_position_zero(log: CommitLog) -> None:
    assert await log.head() == 0
    assert await log.read(0, 10) == []
    assert await log.stream("jar_1") == []
    assert await log.find(str(uuid.uuid4())) is None
    assert await log.find_all([str(uuid.uuid4())]) == {}


async def test_many_are_found_at_once_and_those_that_are_not_there_are_left_out(log: CommitLog) -> None:
    one, other = await append(log, stream="jar_1"), await append(log, stream="jar_2")
    wanted = [other.commit_id, str(uuid.uuid4()), one.commit_id]
    assert await log.find_all(wanted) == {one.commit_id: one, other.commit_id: other}


async def test_positions_are_the_next_integers_across_streams(log: CommitLog) -> None:
    commits = [await append(log, stream=f"jar_{i}") for i in range(5)]
    assert [commit.position for commit in commits] == [1, 2, 3, 4, 5]
    assert await log.head() == 5
    assert [commit.position for commit in await log.read(2, 2)] == [3, 4]


async def test_versions_of_a_stream_follow_each_other(log: CommitLog) -> None:
    first = await append(log, stream="jar_1", events=2)
    second = await append(log, after=first, events=3)
    assert (second.first, second.last, second.prev) == (3, 5, first.hash)
    assert await log.stream("jar_1", after=2) == [second]
    assert verify_stream(await log.stream("jar_1")) is None


async def test_streams_are_read_at_once_and_those_that_are_not_there_are_left_out(log: CommitLog) -> None:
    first, other = await append(log, stream="jar_1", events=2), await append(log, stream="jar_2")
    second = await append(log, after=first)
    await append(log, stream="jar_3")
    assert await log.streams(["jar_2", "jar_1", "jar_9"]) == {"jar_1": [first, second], "jar_2": [other]}


async def test_a_stream_that_moved_on_refuses(log: CommitLog) -> None:
    first = await append(log, stream="jar_1")
    await append(log, after=first)
    with pytest.raises(ConcurrencyError):
        await append(log, after=first)
    with pytest.raises(ConcurrencyError):
        await append(log, stream="jar_1")
    assert await log.head() == 2


async def test_a_version_inside_a_commit_is_no_place_to_append(log: CommitLog) -> None:
    first = await append(log, stream="jar_1", events=3)
    with pytest.raises(ConcurrencyError):
        await append(log, after=first, expected=2)
    assert await log.head() == 1


async def test_a_version_that_is_not_there_yet_refuses(log: CommitLog) -> None:
    first = await append(log, stream="jar_1")
    with pytest.raises(ConcurrencyError):
        await append(log, after=first, expected=7)


async def test_a_commit_id_is_stored_once(log: CommitLog) -> None:
    first = await append(log, stream="jar_1")
    await append(log, after=first)
    again = await log.append(new_commit("jar_1", commit_id=first.commit_id))
    assert again.duplicate
    assert again.commit == first
    assert await log.head() == 2


async def test_a_commit_id_is_known_on_any_stream(log: CommitLog) -> None:
    first = await append(log, stream="jar_1")
    again = await log.append(new_commit("jar_2", commit_id=first.commit_id))
    assert again.duplicate
    assert again.commit.stream == "jar_1"
    assert await log.stream("jar_2") == []


async def test_a_commit_without_events_is_an_error(log: CommitLog) -> None:
    with pytest.raises(ValueError, match="at least one event"):
        await log.append(new_commit("jar_1", events=0))


async def test_of_concurrent_appends_to_a_stream_one_wins(log: CommitLog) -> None:
    outcomes = await asyncio.gather(*(log.append(new_commit("jar_1")) for _ in range(8)), return_exceptions=True)
    assert sum(isinstance(outcome, ConcurrencyError) for outcome in outcomes) == 7
    assert await log.head() == 1


async def test_a_commit_id_sent_twice_at_once_is_stored_once(log: CommitLog) -> None:
    commit_id = str(uuid.uuid4())
    outcomes = await asyncio.gather(*(log.append(new_commit(f"jar_{i % 2}", commit_id=commit_id)) for i in range(6)))
    assert len({outcome.commit.hash for outcome in outcomes}) == 1
    assert sorted(outcome.duplicate for outcome in outcomes) == [False, *[True] * 5]
    assert await log.head() == 1


async def test_concurrent_appends_leave_no_gap(log: CommitLog) -> None:
    async def fill(jar: int) -> None:
        commit = None
        for _ in range(10):
            commit = await append(log, stream=f"jar_{jar}", after=commit)

    await asyncio.gather(*(fill(jar) for jar in range(20)))
    assert [commit.position for commit in await log.read(0, 1_000)] == list(range(1, 201))
    assert await verify_log(log) is None


async def test_a_cancelled_caller_harms_nobody(log: CommitLog) -> None:
    callers = [asyncio.ensure_future(log.append(new_commit(f"jar_{i}"))) for i in range(40)]
    await asyncio.sleep(0)
    for caller in callers[::3]:
        caller.cancel()
    outcomes = await asyncio.gather(*callers, return_exceptions=True)
    kept = {outcome.commit.stream for outcome in outcomes if not isinstance(outcome, BaseException)}
    await append(log, stream="jar_after")
    stored = await log.read(0, 100)
    assert kept <= {commit.stream for commit in stored}
    assert [commit.position for commit in stored] == list(range(1, len(stored) + 1))


async def test_the_doorbell_rings_on_an_append(log: CommitLog) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    waiting = asyncio.ensure_future(log.wait(0, 30.0))
    await asyncio.sleep(0)
    await append(log, stream="jar_1")
    await waiting
    await log.wait(0, 30.0)
    assert loop.time() - began < 15.0


async def test_the_doorbell_is_given_up_after_the_timeout(log: CommitLog) -> None:
    await append(log, stream="jar_1")
    loop = asyncio.get_running_loop()
    began = loop.time()
    await log.wait(1, 0.05)
    assert loop.time() - began >= 0.04
