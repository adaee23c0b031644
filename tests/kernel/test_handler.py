"""How a command becomes a commit: once, on the newest state, however stale a cache or lossy a network."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import orjson
import pytest

from libs.events.decider import Actor, Kind, Refusal, Role
from libs.events.faults import Faults
from libs.events.handler import LARGEST_EVENT, CommandHandler
from libs.events.memory import LoopClock, MemoryCommitLog
from libs.events.ports import Unavailable
from libs.events.testing import run_virtual
from tests.kernel.jars import (
    ANN,
    BEN,
    JAR,
    JARS,
    Absent,
    AddCoin,
    AddPair,
    Closed,
    CloseIfEmpty,
    CloseJar,
    Open,
    OpenJar,
    jar,
    jar_id,
    key,
    total,
)


class Failing(Faults):
    """Fails `times` times at one point."""

    def __init__(self, point: str, times: int = 1) -> None:
        self.point, self.times, self.met = point, times, 0

    async def at(self, point: str) -> None:
        if point == self.point:
            self.met += 1
            if self.met <= self.times:
                raise Unavailable(point)


class Counting(Faults):
    def __init__(self) -> None:
        self.points: list[str] = []

    async def at(self, point: str) -> None:
        self.points.append(point)


def handler(log: MemoryCommitLog, **settings: int) -> CommandHandler:
    return CommandHandler(log, LoopClock(), known=JARS, **settings)


async def opened(log: MemoryCommitLog) -> CommandHandler:
    here = handler(log)
    await here.handle(jar, OpenJar(jar_id=JAR), actor=ANN, commit_id=key("open"))
    return here


def test_a_command_is_stamped_decided_and_committed_with_who_and_why() -> None:
    async def main() -> None:
        log = MemoryCommitLog()
        here = await opened(log)
        done = await here.handle(
            jar,
            AddCoin(jar_id=JAR, cents=5),
            actor=ANN,
            commit_id=key("coin"),
            input_hash="h",
            correlation_id="corr",
            causation_id="cause",
            traceparent="00-1-2-01",
        )
        commit = (await log.read(1, 10))[0]
        assert (done.version, done.position, done.state, done.duplicate) == (2, 2, Open(ANN.party or "", 5), False)
        assert done.commit == commit
        meta = commit.meta
        assert (meta.actor, meta.correlation_id, meta.causation_id, meta.traceparent, meta.input_hash) == (
            "brand:brd_ann0000000",
            "corr",
            "cause",
            "00-1-2-01",
            "h",
        )
        assert commit.recompute() == commit.hash
        assert commit.prev == (await log.read(0, 1))[0].hash

    run_virtual(main())


def test_many_commands_at_once_on_one_stream_all_count() -> None:
    async def main() -> None:
        log = MemoryCommitLog()
        here = await opened(log)
        there = handler(log)
        await asyncio.gather(
            *(
                (here, there)[n % 2].handle(jar, AddCoin(jar_id=JAR, cents=1), actor=ANN, commit_id=key("coin", n))
                for n in range(40)
            )
        )
        assert (await here.load(jar, JAR)).state == Open(ANN.party or "", 40)

    for seed in range(10):
        run_virtual(main(), seed=seed)


def test_commands_of_one_process_on_one_stream_do_not_conflict() -> None:
    async def main() -> None:
        faults = Counting()
        log = MemoryCommitLog(faults)
        here = await opened(log)
        faults.points.clear()
        await asyncio.gather(
            *(here.handle(jar, AddCoin(jar_id=JAR, cents=1), actor=ANN, commit_id=key("coin", n)) for n in range(20))
        )
        assert faults.points == ["append.before", "append.after"] * 20

    run_virtual(main())


def test_a_new_stream_costs_one_append_and_nothing_else() -> None:
    async def main() -> None:
        faults = Counting()
        await opened(MemoryCommitLog(faults))
        assert faults.points == ["append.before", "append.after"]

    run_virtual(main())


def test_what_is_taken_for_new_and_is_not_is_refused_as_what_it_is() -> None:
    async def main() -> None:
        log = MemoryCommitLog()
        await opened(log)
        with pytest.raises(Refusal, match="OpenJar is not possible while Open") as refused:
            await handler(log).handle(jar, OpenJar(jar_id=JAR), actor=ANN, commit_id=key("again"))
        assert refused.value.details["legal"] == ["AddCoin", "AddPair", "CloseJar", "CloseIfEmpty"]
        assert await log.head() == 1

    run_virtual(main())


def test_a_stale_cache_neither_refuses_nor_ignores_what_is_right_by_now() -> None:
    async def main() -> None:
        log = MemoryCommitLog()
        here, there = await opened(log), handler(log)
        second = jar_id(2)
        assert (await here.load(jar, second)).version == 0
        await there.handle(jar, OpenJar(jar_id=second), actor=ANN, commit_id=key("open", 2))
        done = await here.handle(jar, AddCoin(jar_id=second, cents=3), actor=ANN, commit_id=key("coin"))
        assert done.version == 2
        await there.handle(jar, CloseJar(jar_id=JAR), actor=ANN, commit_id=key("close"))
        with pytest.raises(Refusal, match="while Closed"):
            await here.handle(jar, AddCoin(jar_id=JAR, cents=3), actor=ANN, commit_id=key("late"))

    run_virtual(main())


def test_a_command_that_is_sent_twice_is_done_once_also_when_it_would_now_be_refused() -> None:
    async def main() -> None:
        log = MemoryCommitLog()
        here = await opened(log)
        first = await here.handle(jar, AddCoin(jar_id=JAR, cents=7), actor=ANN, commit_id=key("coin"), input_hash="a")
        await here.handle(jar, CloseJar(jar_id=JAR), actor=ANN, commit_id=key("close"))
        for process in (here, handler(log)):
            again = await process.handle(jar, AddCoin(jar_id=JAR, cents=7), actor=ANN, commit_id=key("coin"), input_hash="a")
            assert again.duplicate
            assert (again.version, again.position, again.state, again.commit) == (2, 2, first.state, first.commit)
        assert total(await log.read(0, 100)) == 7

    run_virtual(main())


def test_a_repetition_is_recognised_before_its_stale_version_is() -> None:
    async def main() -> None:
        log = MemoryCommitLog()
        here = await opened(log)
        for _ in range(2):
            done = await here.handle(jar, AddCoin(jar_id=JAR, cents=7), actor=ANN, commit_id=key("coin"), expected=1)
            assert done.version == 2

    run_virtual(main())


@pytest.mark.parametrize("command", [AddCoin(jar_id=JAR, cents=8), AddCoin(jar_id=JAR, cents=0), AddCoin(jar_id=JAR, cents=-1)])
def test_an_idempotency_key_is_not_taken_for_another_request(command: AddCoin) -> None:
    async def main() -> None:
        log = MemoryCommitLog()
        here = await opened(log)
        await here.handle(jar, AddCoin(jar_id=JAR, cents=7), actor=ANN, commit_id=key("coin"), input_hash="a")
        with pytest.raises(Refusal) as refused:
            await here.handle(jar, command, actor=ANN, commit_id=key("coin"), input_hash="b")
        assert (refused.value.code, refused.value.kind) == ("IDEMPOTENCY_KEY_REUSED", Kind.ALREADY_EXISTS)
        assert await log.head() == 2

    run_virtual(main())


def test_a_version_that_moved_on_is_refused_and_the_current_one_is_not() -> None:
    async def main() -> None:
        log = MemoryCommitLog()
        here, there = await opened(log), handler(log)
        await there.handle(jar, AddPair(jar_id=JAR, cents=1), actor=ANN, commit_id=key("pair"))
        for inside in (1, 2, 9):
            with pytest.raises(Refusal) as refused:
                await here.handle(jar, AddCoin(jar_id=JAR, cents=1), actor=ANN, commit_id=key("coin", inside), expected=inside)
            assert (refused.value.code, refused.value.kind) == ("VERSION_MISMATCH", Kind.ABORTED)
        done = await here.handle(jar, AddCoin(jar_id=JAR, cents=1), actor=ANN, commit_id=key("coin"), expected=3)
        assert done.version == 4

    run_virtual(main())


def test_whose_it_is_not_is_told_that_it_does_not_exist_whatever_else_is_wrong() -> None:
    async def main() -> None:
        here = await opened(MemoryCommitLog())
        for command in (AddCoin(jar_id=JAR, cents=-1), OpenJar(jar_id=JAR)):
            with pytest.raises(Refusal) as refused:
                await here.handle(jar, command, actor=BEN, commit_id=key("coin"), expected=9)
            assert refused.value.kind is Kind.NOT_FOUND
        done = await here.handle(jar, CloseIfEmpty(jar_id=JAR), actor=BEN, commit_id=key("anyone"))
        assert isinstance(done.state, Closed)

    run_virtual(main())


def test_a_command_that_changes_nothing_writes_nothing() -> None:
    async def main() -> None:
        log = MemoryCommitLog()
        here = await opened(log)
        done = await here.handle(jar, AddCoin(jar_id=JAR, cents=0), actor=ANN, commit_id=key("coin"))
        assert (done.commit, done.version, done.position, done.duplicate) == (None, 1, 1, False)
        assert await log.head() == 1

    run_virtual(main())


def test_what_no_broker_would_take_is_refused_before_it_is_stored() -> None:
    """Row 15: behind an event that cannot be published nothing would be, ever again."""

    async def main() -> None:
        log, spare = MemoryCommitLog(), len(orjson.dumps({"jar_id": "jar_", "party": ANN.party}))
        here, fits = handler(log), "jar_" + "x" * (LARGEST_EVENT - spare)
        with pytest.raises(Refusal) as refusal:
            await here.handle(jar, OpenJar(jar_id=fits + "x"), actor=ANN, commit_id=key("too large"))
        assert (refusal.value.code, refusal.value.details["most"]) == ("EVENT_TOO_LARGE", LARGEST_EVENT)
        assert await log.head() == 0
        await here.handle(jar, OpenJar(jar_id=fits), actor=ANN, commit_id=key("just so"))
        assert await log.head() == 1

    run_virtual(main())


def test_nor_a_commit_that_no_database_would_take(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        log = MemoryCommitLog()
        here = await opened(log)
        monkeypatch.setattr("libs.events.handler.LARGEST_COMMIT", 100)
        with pytest.raises(Refusal) as refusal:
            await here.handle(jar, AddPair(jar_id=JAR, cents=1), actor=ANN, commit_id=key("two events"))
        assert (refusal.value.code, refusal.value.details["most"]) == ("EVENT_TOO_LARGE", 100)
        assert await log.head() == 1

    run_virtual(main())


def test_what_was_warmed_is_read_at_once_and_no_append_is_refused() -> None:
    async def main() -> None:
        faults = Counting()
        log, jars = MemoryCommitLog(faults), [jar_id(number) for number in range(5)]
        for number, one in enumerate(jars[:4]):
            await handler(log).handle(jar, OpenJar(jar_id=one), actor=ANN, commit_id=key(f"open {number}"))
        here = handler(log)
        faults.points.clear()
        await here.warm(jar, jars)
        assert faults.points == ["log.read"]
        faults.points.clear()
        for number, one in enumerate(jars[:4]):
            done = await here.handle(jar, AddCoin(jar_id=one, cents=1), actor=ANN, commit_id=key(f"coin {number}"))
            assert done.version == 2
        assert (await here.handle(jar, OpenJar(jar_id=jars[4]), actor=ANN, commit_id=key("open 4"))).version == 1
        assert faults.points == ["append.before", "append.after"] * 5
        await here.warm(jar, jars)
        assert len(faults.points) == 10, "what is cached is not read again"

    run_virtual(main())


def test_a_lost_reply_is_no_conflict_and_no_second_event() -> None:
    """Trap 10: an own write reported as a conflict."""

    async def main() -> None:
        log = MemoryCommitLog(Failing("append.after", times=2))
        here = handler(log)
        done = await here.handle(jar, OpenJar(jar_id=JAR), actor=ANN, commit_id=key("open"))
        assert (done.version, done.state) == (1, Open(ANN.party or ""))
        assert await log.head() == 1
        following = await here.handle(jar, AddCoin(jar_id=JAR, cents=1), actor=ANN, commit_id=key("coin"))
        assert following.version == 2

    run_virtual(main())


def test_an_outage_is_waited_for_a_little_and_then_told() -> None:
    async def main() -> None:
        faults = Failing("append.before", times=10_000)
        with pytest.raises(Unavailable):
            await handler(MemoryCommitLog(faults)).handle(jar, OpenJar(jar_id=JAR), actor=ANN, commit_id=key("open"))
        assert 1 < faults.met <= 5
        assert asyncio.get_running_loop().time() < 2

    run_virtual(main())


def test_refusals_are_not_tried_again() -> None:
    async def main() -> None:
        here = await opened(MemoryCommitLog())
        before = asyncio.get_running_loop().time()
        with pytest.raises(Refusal):
            await here.handle(jar, AddCoin(jar_id=JAR, cents=-1), actor=ANN, commit_id=key("coin"))
        assert asyncio.get_running_loop().time() == before

    run_virtual(main())


def test_an_aggregate_is_read_as_it_stood_at_a_version_or_a_time() -> None:
    async def main() -> None:
        clock, log = LoopClock(), MemoryCommitLog()
        here = await opened(log)
        began = clock.now()
        await clock.sleep(60)
        await here.handle(jar, AddPair(jar_id=JAR, cents=10), actor=ANN, commit_id=key("pair"))
        owner = ANN.party or ""
        assert (await here.load(jar, JAR)).state == Open(owner, 20)
        assert [(await here.load(jar, JAR, version)).state for version in (0, 1, 2, 3)] == [
            Absent(),
            Open(owner),
            Open(owner, 10),
            Open(owner, 20),
        ]
        assert (await here.load(jar, JAR, began + timedelta(seconds=59))).version == 1
        assert (await here.load(jar, JAR, began - timedelta(seconds=1))).version == 0
        with pytest.raises(Refusal, match="VERSION_NOT_REACHED"):
            await here.load(jar, JAR, 4)

    run_virtual(main())


def test_an_id_of_something_else_is_not_found() -> None:
    async def main() -> None:
        here = handler(MemoryCommitLog())
        for ask in (
            here.load(jar, "cmp_00000000001"),
            here.handle(jar, OpenJar(jar_id="cmp_00000000001"), actor=ANN, commit_id=key("open")),
        ):
            with pytest.raises(Refusal) as refused:
                await ask
            assert refused.value.kind is Kind.NOT_FOUND

    run_virtual(main())


def test_the_cache_is_bounded_and_what_left_it_is_read_again() -> None:
    async def main() -> None:
        log = MemoryCommitLog()
        here = handler(log, most_cached=3)
        for number in range(10):
            await here.handle(jar, OpenJar(jar_id=jar_id(number)), actor=ANN, commit_id=key("open", number))
        assert len(here._cache) == 3
        done = await here.handle(jar, AddCoin(jar_id=jar_id(0), cents=1), actor=ANN, commit_id=key("coin"))
        assert done.version == 2

    run_virtual(main())


def test_a_history_that_cannot_be_read_whole_is_decided_on_by_nobody() -> None:
    from libs.events.registry import Registry, UnknownEventType

    async def main() -> None:
        log = MemoryCommitLog()
        await opened(log)
        with pytest.raises(UnknownEventType):
            await CommandHandler(log, LoopClock(), known=Registry()).load(jar, JAR)

    run_virtual(main())


def test_services_may_act_on_what_is_a_brands() -> None:
    async def main() -> None:
        here = await opened(MemoryCommitLog())
        done = await here.handle(
            jar, AddCoin(jar_id=JAR, cents=1), actor=Actor("payments", Role.SERVICE), commit_id=key("coin")
        )
        assert done.commit is not None
        assert done.commit.meta.actor == "service:payments"

    run_virtual(main())
