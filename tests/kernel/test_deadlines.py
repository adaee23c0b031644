"""Deadlines: commands that come when they are due, once, however many runners look and whatever fails."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime, timedelta

import pytest

from libs.events.commands import CommandTable
from libs.events.deadlines import DEADLINES, PAGE, Deadline, DeadlineRunner, Deadlines
from libs.events.decider import Command
from libs.events.envelope import Meta
from libs.events.handler import CommandHandler
from libs.events.memory import LoopClock
from libs.events.ports import Clock, Page, Write
from libs.events.testing import eventually, run_virtual
from tests.kernel.jars import ANN, JARS, SERVICE, AddCoin, Closed, CloseIfEmpty, CloseJar, Open, jar, jar_id, key
from tests.kernel.memory_world import World, now_and_then

CAUSE = Meta("service:jars", "story", "cause", "00-1-2-01")


def deadlines(world: World) -> Deadlines:
    return Deadlines(world.documents, CommandTable([jar]))


def runner(world: World, clock: Clock | None = None) -> DeadlineRunner:
    """A process's; `clock`: its own, where it differs from the world's."""
    clock = clock or world.clock
    handler = CommandHandler(world.log, clock, known=JARS)
    return DeadlineRunner(SERVICE, [jar], handler, world.documents, clock)


async def set_on(world: World, command: Command, seconds: float, commit_id: str = "") -> datetime:
    due = world.clock.now() + timedelta(seconds=seconds)
    await deadlines(world).schedule(Deadline(due, command), commit_id=commit_id or key(command, seconds), cause=CAUSE)
    return due


async def left(world: World) -> int:
    return await world.documents.count(DEADLINES, {})


def test_a_deadline_is_delivered_when_it_is_due_and_not_before() -> None:
    async def main() -> None:
        world = World()
        await world.open(0)
        due = await set_on(world, CloseIfEmpty(jar_id=jar_id(0)), 3_600)
        running = asyncio.create_task(runner(world).run())
        await world.clock.sleep(3_599)
        assert await world.log.head() == 1
        await world.clock.sleep(2)
        commit = (await world.log.read(1, 1))[0]
        assert due <= commit.at <= due + timedelta(seconds=1)
        assert (commit.meta.actor, commit.meta.correlation_id, commit.meta.causation_id, commit.meta.traceparent) == (
            "service:jars",
            "story",
            "cause",
            "00-1-2-01",
        )
        assert await left(world) == 0
        running.cancel()

    run_virtual(main())


def test_it_is_set_once_per_commit_id() -> None:
    async def main() -> None:
        world = World()
        for _ in range(3):
            await set_on(world, CloseJar(jar_id=jar_id(0)), 10, key("same"))
        assert await left(world) == 1

    run_virtual(main())


@pytest.mark.parametrize("seed", range(10))
def test_several_runners_deliver_each_deadline_once(seed: int) -> None:
    async def main() -> None:
        world = World()
        await world.open(*range(5))
        for number in range(5):
            for coin in range(1, 4):
                await set_on(world, AddCoin(jar_id=jar_id(number), cents=coin), coin)
        running = [asyncio.create_task(runner(world).run()) for _ in range(3)]
        await eventually(lambda: _none_left(world))
        for number in range(5):
            assert (await world.handler.load(jar, jar_id(number))).state == Open(ANN.party or "", 6)
        for task in running:
            task.cancel()

    run_virtual(main(), seed=seed)


@pytest.mark.parametrize("seed", range(10))
def test_each_of_ten_thousand_is_one_event_by_replicas_that_disagree_about_the_time_and_die(seed: int) -> None:
    """Row 20, a thousand for each seed: clocks five seconds ahead and behind, lost replies, and a process that is killed with a
    page in hand and started again."""
    jars, coins, skews = 100, 10, (-5.0, 0.0, 5.0)

    async def main() -> None:
        world = World()
        await world.open(*range(jars))
        dues = {}
        for number in range(jars):
            for coin in range(1, coins + 1):
                dues[jar_id(number), coin] = await set_on(world, AddCoin(jar_id=jar_id(number), cents=coin), coin * 5)
        clocks = [LoopClock(skew=skew) for skew in skews]
        running = [asyncio.create_task(runner(world, clock).run()) for clock in clocks]
        world.faults.failing = now_and_then(seed, "append.after", "put.after")
        while await left(world):
            await world.clock.sleep(3.1)
            assert not any(task.done() for task in running), "a runner lives through lost replies"
            running.pop(0).cancel()
            clocks.append(clocks.pop(0))
            running.append(asyncio.create_task(runner(world, clocks[-1]).run()))
        for task in running:
            task.cancel()
        commits = await world.log.read(jars, 1_000_000)
        told = Counter((event.data["jar_id"], event.data["cents"]) for commit in commits for event in commit.events)
        assert (len(told), set(told.values())) == (jars * coins, {1})
        late = [commit.at - dues[commit.stream, event.data["cents"]] for commit in commits for event in commit.events]
        assert min(late) >= timedelta(0), "not before it is due, by the clock of whoever delivers it"

    run_virtual(main(), seed=seed)


async def _none_left(world: World) -> bool:
    return await left(world) == 0


def test_what_no_longer_applies_is_done_with() -> None:
    async def main() -> None:
        world = World()
        await world.open(0)
        await world.add(0, 5)
        await set_on(world, CloseIfEmpty(jar_id=jar_id(0)), 1)
        await set_on(world, AddCoin(jar_id=jar_id(9), cents=1), 1)
        here = runner(world)
        await world.clock.sleep(2)
        assert await here.run_once() == 2
        assert (here.counts["delivered"], here.counts["refused"], await left(world)) == (1, 1, 0)
        assert await world.log.head() == 2

    run_virtual(main())


def test_an_outage_postpones_and_a_lost_reply_does_not_deliver_twice() -> None:
    async def main() -> None:
        world = World()
        await world.open(0)
        await set_on(world, AddCoin(jar_id=jar_id(0), cents=1), 1)
        await world.clock.sleep(2)
        here = runner(world)
        world.faults.failing = lambda point: point == "append.after"
        assert await here.run_once() == 0
        assert here.counts["postponed"] == 1
        world.faults.failing = lambda point: False
        assert await here.run_once() == 1
        assert await world.log.head() == 2

    run_virtual(main())


def test_a_runner_outlives_an_outage_of_its_store() -> None:
    async def main() -> None:
        world = World()
        await world.open(0)
        await set_on(world, CloseJar(jar_id=jar_id(0)), 1)
        world.faults.failing = lambda point: True
        running = asyncio.create_task(runner(world).run())
        await world.clock.sleep(60)
        world.faults.failing = lambda point: False
        await eventually(lambda: _none_left(world))
        assert isinstance((await world.handler.load(jar, jar_id(0))).state, Closed)
        running.cancel()

    run_virtual(main())


def test_one_that_can_never_be_delivered_is_kept_with_its_reason_and_stands_in_nobodys_way() -> None:
    async def main() -> None:
        world = World()
        await world.open(0)
        body = {"due": "2026-01-01T00:00:00.000Z", "command": "PaintJar", "fields": {}, "correlation_id": "c"}
        broken = [Write(key("broken", number), 0, body) for number in range(PAGE)]
        await world.documents.put(DEADLINES, broken)
        await set_on(world, CloseJar(jar_id=jar_id(0)), 1)
        await world.clock.sleep(2)
        here = runner(world)
        while await here.run_once():
            pass
        assert isinstance((await world.handler.load(jar, jar_id(0))).state, Closed)
        kept = await world.documents.find(DEADLINES, {}, Page())
        assert len(kept) == PAGE
        assert "PaintJar" in kept[0].body["failed"]

    run_virtual(main())


def test_a_deadline_for_a_command_that_the_service_does_not_know_is_refused_when_it_is_set() -> None:
    class PaintJar(Command):
        jar_id: str

    async def main() -> None:
        with pytest.raises(LookupError):
            await set_on(World(), PaintJar(jar_id=jar_id(0)), 1)

    run_virtual(main())


def test_two_commands_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="called OpenJar"):
        CommandTable([jar, jar])
