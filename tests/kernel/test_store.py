"""The commit log over the real wire: racing processes, a database that dies, replies that get lost, altered bytes."""

from __future__ import annotations

import asyncio
import itertools
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from deploy.local.embedded import Embedded
from libs.chassis.mongo import MongoClient, MongoDatabase
from libs.chassis.system import SystemClock, SystemIds
from libs.events.database import BsonDocument, Swap
from libs.events.envelope import Commit
from libs.events.faults import Faults
from libs.events.memory import LoopClock, MemoryDatabase, SeededIds
from libs.events.ports import ConcurrencyError, Unavailable
from libs.events.store import COMMITS, MongoCommitLog, commit_of, document_of
from libs.events.testing import eventually, run_virtual
from libs.events.verify import verify_log
from tests.kernel.commits import new_commit


def log_of(database: Any) -> MongoCommitLog:
    return MongoCommitLog(database, SystemClock(), SystemIds())


async def appenders(url: str, database: str, count: int, seconds: float) -> list[Process]:
    """Processes that begin together."""
    arguments = [("-m", "tests.kernel.appender_process", url, database, f"p{i}", str(seconds)) for i in range(count)]
    processes = [await asyncio.create_subprocess_exec(sys.executable, *a, stdin=PIPE, stdout=PIPE) for a in arguments]
    for process in processes:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"go\n")
    return processes


async def acknowledged(process: Process) -> dict[str, int]:
    """Commit id -> position, of a process that ended well."""
    output, _ = await process.communicate()
    assert process.returncode == 0
    return {commit_id: int(position) for commit_id, position in map(str.split, output.decode().splitlines())}


async def everything(log: MongoCommitLog) -> list[Commit]:
    commits: list[Commit] = []
    while page := await log.read(commits[-1].position if commits else 0, 1_000):
        commits += page
    return commits


async def test_racing_processes_leave_one_gapless_order(mongo: str, service_name: str, database: MongoDatabase) -> None:
    name = f"limelight_{service_name}"
    processes = await appenders(mongo, name, 3, 4.0)
    told = await asyncio.gather(*map(acknowledged, processes))
    commits = await everything(log_of(database))
    assert [commit.position for commit in commits] == list(range(1, len(commits) + 1))
    assert {c.commit_id: c.position for c in commits} == {**told[0], **told[1], **told[2]}
    assert await verify_log(log_of(database)) is None
    writers = [commit.stream.split("_")[1] for commit in commits]
    assert sum(a != b for a, b in itertools.pairwise(writers)) >= 2, "the processes did not race"


@pytest.fixture
def own_mongo(tmp_path: Path) -> Iterator[Embedded]:
    """A database of this test's own, to be killed."""
    server = Embedded.mongo(tmp_path / "data").start()
    yield server
    server.kill()


async def test_what_was_acknowledged_survives_a_killed_database(own_mongo: Embedded) -> None:
    url = f"mongodb://127.0.0.1:{own_mongo.port}"
    client = MongoClient(url)
    database = client.database("limelight_killed")
    processes = await appenders(url, "limelight_killed", 2, 3.0)

    async def appended() -> int:
        return await database.count(COMMITS, {})

    await eventually(lambda: at_least(appended, 50))
    own_mongo.kill()
    own_mongo.start()
    told = await asyncio.gather(*map(acknowledged, processes))
    commits = await everything(log_of(database))
    assert [commit.position for commit in commits] == list(range(1, len(commits) + 1))
    assert {c.commit_id: c.position for c in commits} == {**told[0], **told[1]}
    assert await verify_log(log_of(database)) is None
    client.close()


async def at_least(count: Any, wanted: int) -> bool:
    return bool(await count() >= wanted)


class Unreliable:
    """A database that loses replies: `lost` inserts take effect and their outcome stays unknown; `refused` never arrive."""

    def __init__(self, real: MongoDatabase, *, lost: int = 0, refused: int = 0) -> None:
        self._real, self._lost, self._refused = real, lost, refused
        self.inserts: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    async def insert_in_order(self, collection: str, documents: Sequence[BsonDocument]) -> int:
        self.inserts.append(len(documents))
        if self._refused:
            self._refused -= 1
            raise Unavailable("did not arrive")
        inserted = await self._real.insert_in_order(collection, documents)
        if self._lost:
            self._lost -= 1
            raise Unavailable("the reply is lost")
        return inserted


async def test_a_lost_reply_is_found_to_be_stored(database: MongoDatabase) -> None:
    log = log_of(Unreliable(database, lost=1))
    outcomes = await asyncio.gather(*(log.append(new_commit(f"jar_{i}")) for i in range(20)))
    assert sorted(outcome.commit.position for outcome in outcomes) == list(range(1, 21))
    assert await log.head() == 20
    assert await verify_log(log) is None


async def test_an_insert_that_did_not_arrive_is_repeated(database: MongoDatabase) -> None:
    log = log_of(Unreliable(database, refused=2))
    first = (await log.append(new_commit("jar_1"))).commit
    assert (first.position, await log.head()) == (1, 1)


async def test_an_outage_is_told_in_the_end_and_harms_no_later_append(database: MongoDatabase) -> None:
    log = log_of(Unreliable(database, refused=5))
    outcomes = await asyncio.gather(*(log.append(new_commit(f"jar_{i}")) for i in range(3)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [Unavailable] * 3
    assert (await log.append(new_commit("jar_1"))).commit.position == 1


async def test_concurrent_appends_share_an_insert(database: MongoDatabase) -> None:
    watched = Unreliable(database)
    log = log_of(watched)
    await asyncio.gather(*(log.append(new_commit(f"jar_{i}")) for i in range(64)))
    assert watched.inserts == [64]


async def test_a_refused_append_does_not_hold_up_its_batch(database: MongoDatabase) -> None:
    """Another process took jar_7 meanwhile: this one's cache cannot know, the index does."""
    watched = Unreliable(database)
    ours, theirs = log_of(watched), log_of(database)
    await ours.append(new_commit("jar_0"))
    await theirs.append(new_commit("jar_7"))
    appends = (ours.append(new_commit(f"jar_{i}")) for i in range(1, 20))
    outcomes = await asyncio.gather(*appends, return_exceptions=True)
    assert [i for i, outcome in enumerate(outcomes, 1) if isinstance(outcome, ConcurrencyError)] == [7]
    assert await ours.head() == 20
    assert await verify_log(ours) is None


async def test_a_document_that_cannot_be_stored_fails_alone(database: MongoDatabase) -> None:
    log = log_of(database)
    news = [new_commit("jar_1"), new_commit("jar_2", data={"huge": 2**70}), new_commit("jar_3")]
    outcomes = await asyncio.gather(*map(log.append, news), return_exceptions=True)
    assert [isinstance(outcome, Exception) for outcome in outcomes] == [False, True, False]
    assert await log.head() == 2


async def test_positions_are_stored_as_int64(database: MongoDatabase) -> None:
    commit = (await log_of(database).append(new_commit("jar_1"))).commit
    assert document_of(commit)["_id"].__class__.__name__ == "Int64"
    assert await database.count(COMMITS, {"_id": {"$type": "long"}}) == 1


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("events.0.data.cents", 99, "content"),
        ("meta.actor", "brand:brd_2", "content"),
        ("at", 0, "content"),
        ("hash", "0" * 64, "content"),
        ("prev", "1" * 64, "commit before it"),
    ],
)
async def test_one_altered_byte_is_found(database: MongoDatabase, path: str, value: Any, reason: str) -> None:
    log = log_of(database)
    previous = None
    for _ in range(4):
        previous = (await log.append(new_commit("jar_1", after=previous, events=2))).commit
        await log.append(new_commit())
    assert await verify_log(log) is None
    [document] = await database.find(COMMITS, {"_id": 5})
    alter(document, path, value if path != "at" else document["at"].replace(year=2027))
    await replace(database, document)
    fault = await verify_log(log)
    assert fault is not None
    assert (fault.position, fault.stream) == (5, "jar_1")
    assert reason in fault.reason


def test_nobody_reads_in_vain_while_another_process_is_slow_to_commit_what_comes_first() -> None:
    class SlowAnswer(Faults):
        """Of the first append: readers with read concern `majority` do not see it for a second."""

        first = True

        async def at(self, point: str) -> None:
            if point == "append.after" and self.first:
                self.first = False
                await asyncio.sleep(1.0)

    async def main() -> None:
        loop, database = asyncio.get_running_loop(), MemoryDatabase(SlowAnswer())
        other, ours = (MongoCommitLog(database, LoopClock(), SeededIds(name)) for name in ("other", "ours"))
        slow = loop.create_task(other.append(new_commit("jar_1")))
        await asyncio.sleep(0.1)
        assert (await ours.append(new_commit("jar_2"))).commit.position == 2
        waited = 0
        while not await ours.read(0, 10):
            await ours.wait(0, 0.1)
            waited += 1
            assert waited <= 10, f"{waited} reads in {loop.time()} s"
        await slow

    run_virtual(main())


async def test_a_missing_commit_is_found(database: MongoDatabase) -> None:
    log = log_of(database)
    for _ in range(5):
        await log.append(new_commit())
    [document] = await database.find(COMMITS, {"_id": 3})
    await remove(database, document)
    fault = await verify_log(log)
    assert fault is not None
    assert fault.position == 4
    assert "position 3 is missing" in fault.reason


def alter(document: BsonDocument, path: str, value: Any) -> None:
    *parents, name = path.split(".")
    place: Any = document
    for parent in parents:
        place = place[int(parent)] if isinstance(place, list) else place[parent]
    place[name] = value
    assert commit_of(document)


async def replace(database: MongoDatabase, document: BsonDocument) -> None:
    assert await database.swap(COMMITS, [Swap({"_id": document["_id"]}, document)]) == 1


async def remove(database: MongoDatabase, document: BsonDocument) -> None:
    assert await database.swap(COMMITS, [Swap({"_id": document["_id"]}, None)]) == 1
