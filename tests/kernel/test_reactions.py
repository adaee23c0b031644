"""Reactions: a fact has its effects once, however often and in whatever company it comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import timedelta
from typing import Any

import pytest

from libs.events.consumer import Consumer
from libs.events.deadlines import DEADLINES, Deadline
from libs.events.decider import Refusal
from libs.events.envelope import Recorded, topic
from libs.events.ids import derive
from libs.events.ports import Delivery, Page, Unavailable
from libs.events.reactions import Intent, Keyed, Reaction, ReactionRunner, reaction, reaction_group
from libs.events.testing import AT, OPERATOR, eventually, reacts, recorded_of, run_virtual
from tests.kernel.jars import (
    ANN,
    JARS,
    SERVICE,
    AddCoin,
    CloseIfEmpty,
    CloseJar,
    CoinAdded,
    JarClosed,
    JarOpened,
    OpenJar,
    jar,
    jar_id,
    key,
    open_another,
)
from tests.kernel.memory_world import TOPIC, World, now_and_then

NEXT = derive("jar", jar_id(0), "next")


def runner(world: World, *reactions: Reaction) -> ReactionRunner:
    return ReactionRunner(SERVICE, reactions or (open_another,), [jar], world.handler, world.documents)


def consumer(world: World, reacting: ReactionRunner, group: str = reaction_group(SERVICE)) -> Consumer:
    return Consumer(group, reacting.topics(), reacting.types(), reacting.handle, ports=world.ports, known=JARS)


async def handled(times: int, world: World, reacting: ReactionRunner, batch: Sequence[Delivery]) -> None:
    """As often as that, as by members that died before they could write down that they had."""
    for time in range(times):
        await consumer(world, reacting, f"{reaction_group(SERVICE)}-{time}").deliver(batch)


async def closed() -> World:
    world = World()
    await world.open(0)
    await world.handler.handle(jar, CloseJar(jar_id=jar_id(0)), actor=ANN, commit_id=key("close"), correlation_id="story")
    return world


def test_a_reaction_is_specified_by_an_event_and_its_intents() -> None:
    assert reacts(open_another, JarClosed(jar_id=jar_id(0), cents=0)) == [
        OpenJar(jar_id=NEXT),
        Deadline(AT + timedelta(days=1), CloseIfEmpty(jar_id=NEXT)),
    ]


def test_a_reaction_that_asks_the_outside_is_specified_alike() -> None:
    @reaction("ask", to=JarOpened)
    async def ask(event: Recorded[JarOpened]) -> AsyncIterator[Intent]:
        await asyncio.sleep(3_600)
        yield AddCoin(jar_id=event.stream, cents=1)

    assert reacts(ask, JarOpened(jar_id=jar_id(0), party="x")) == [AddCoin(jar_id=jar_id(0), cents=1)]


def test_an_event_has_its_effects_once_and_they_tell_their_cause() -> None:
    async def main() -> None:
        world = await closed()
        await handled(3, world, runner(world), await world.deliveries())
        _, cause, effect = await world.log.read(0, 10)
        assert await world.log.head() == 3
        assert (effect.stream, effect.meta.actor) == (NEXT, "service:jars")
        assert (effect.meta.correlation_id, effect.meta.causation_id) == ("story", cause.events[0].id)
        deadlines = await world.documents.find(DEADLINES, {}, Page())
        assert len(deadlines) == 1
        assert deadlines[0].body["command"] == "CloseIfEmpty"
        assert deadlines[0].body["correlation_id"] == "story"

    run_virtual(main())


def test_what_a_reaction_reads_may_change_between_two_deliveries_and_each_effect_is_made_once() -> None:
    listening = [1, 2]

    @reaction("a coin to whoever listens", to=JarClosed)
    async def tell(event: Recorded[JarClosed]) -> AsyncIterator[Intent]:
        for number in listening:
            yield Keyed(jar_id(number), AddCoin(jar_id=jar_id(number), cents=1))

    async def main() -> None:
        world = await closed()
        await world.open(1, 2, 3)
        batch = await world.deliveries()
        await handled(1, world, runner(world, tell), batch)
        listening[:] = [3, 2]  # one has left, one has come, and all have other places
        reacting = consumer(world, runner(world, tell))
        await reacting.deliver(batch)
        jars = [(await world.handler.load(jar, jar_id(number))).state for number in (1, 2, 3)]
        assert [one.cents for one in jars] == [1, 1, 1]
        assert not await reacting._dead_letters.list()

    run_virtual(main())


@pytest.mark.parametrize("point", ["append.before", "append.after", "put.before", "put.after", "log.read", "documents.read"])
def test_an_effect_that_fails_first_is_made_in_the_end_and_once(point: str) -> None:
    """Trap 7: an effect counts as made when it is, not when it was tried."""

    async def main() -> None:
        world = await closed()
        batch = await world.deliveries()
        world.faults.failing = now_and_then(7, point)
        await handled(2, world, runner(world), batch)
        world.faults.failing = lambda at: False
        assert await world.log.head() == 3
        assert await world.documents.count(DEADLINES, {}) == 1

    run_virtual(main())


def test_events_of_one_key_are_reacted_to_in_order_and_keys_do_not_wait_for_each_other() -> None:
    order: list[tuple[str, int]] = []

    @reaction("slow", to=(JarOpened, CoinAdded))
    async def slow(event: Recorded[Any]) -> AsyncIterator[Intent]:
        await asyncio.sleep(1)
        order.append((event.stream, event.version))
        if False:
            yield

    async def main() -> float:
        world = World()
        for number in range(10):
            await world.open(number)
            await world.add(number, 1, 1)
        began = asyncio.get_running_loop().time()
        await consumer(world, runner(world, slow)).deliver(await world.deliveries())
        return asyncio.get_running_loop().time() - began

    assert run_virtual(main(), seed=3) < 3.5
    for number in range(10):
        assert [version for stream, version in order if stream == jar_id(number)] == [1, 2, 3]


def test_a_refused_command_parks_its_event_and_an_outage_does_not() -> None:
    @reaction("coin", to=JarOpened)
    def coin(event: Recorded[JarOpened]) -> Iterable[Intent]:
        yield AddCoin(jar_id=event.stream, cents=-1 if event.stream == jar_id(1) else 1)

    async def main() -> None:
        world = World()
        await world.open(0, 1, 2)
        reacting = consumer(world, runner(world, coin))
        await reacting.deliver(await world.deliveries())
        letters = await reacting._dead_letters.list()
        assert [letter.delivery.key for letter in letters] == [jar_id(1)]
        assert "COIN_NEGATIVE" in letters[0].reason
        assert await world.log.head() == 5

    run_virtual(main())


def test_an_outage_among_failures_is_waited_for_first() -> None:
    @reaction("mixed", to=JarOpened)
    async def mixed(event: Recorded[JarOpened]) -> AsyncIterator[Intent]:
        raise Unavailable("provider") if event.stream == jar_id(1) else Refusal("NO", "never")
        yield

    async def main() -> None:
        world = World()
        await world.open(0, 1)
        with pytest.raises(Unavailable):
            await runner(world, mixed).handle([recorded_of(JarOpened(jar_id=jar_id(number), party="x")) for number in range(2)])

    run_virtual(main())


def test_reactions_listen_to_the_topics_of_whoever_owns_their_events() -> None:
    assert runner(World()).topics() == (TOPIC,) == (topic(SERVICE),)


def test_two_reactions_of_one_name_would_share_their_effects_and_are_refused() -> None:
    with pytest.raises(ValueError, match="same name"):
        runner(World(), open_another, open_another)


def test_what_a_reaction_caused_causes_the_next_through_the_bus() -> None:
    async def main() -> None:
        world = await closed()
        reacting = consumer(world, runner(world))
        await reacting.start()
        await world.publish()
        await eventually(lambda: _head(world, 3))
        await world.handler.handle(jar, CloseJar(jar_id=NEXT), actor=OPERATOR, commit_id=key("close", 2))
        await world.publish()
        await eventually(lambda: _head(world, 5))
        await reacting.stop()

    run_virtual(main())


async def _head(world: World, least: int) -> bool:
    return await world.log.head() >= least
