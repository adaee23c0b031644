"""The promises of consumers, projections and reactions over the real wire protocols."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from libs.chassis.mongo import MongoClient, MongoDatabase
from libs.chassis.system import SystemClock, SystemIds
from libs.events.builds import ProjectionBuilds, read_builds, request_rebuild
from libs.events.bus import KafkaBus
from libs.events.consumer import Consumer, Limits
from libs.events.deadletter import DeadLetters
from libs.events.deadlines import DEADLINES
from libs.events.documents import MongoDocuments
from libs.events.envelope import Recorded
from libs.events.ids import derive
from libs.events.reactions import ReactionRunner
from libs.events.store import MongoCommitLog
from libs.events.testing import eventually
from libs.events.views import LiveViews, position_token
from tests.kernel.jars import ANN, JARS, SERVICE, CloseJar, CoinAdded, JarOpened, jar, jar_id, key, open_another, savings
from tests.kernel.memory_world import TOPIC, Recorder, World


@pytest.fixture(scope="module")
async def database(mongo: str) -> AsyncIterator[MongoDatabase]:
    """One for all tests: they share the topic, and a topic is of one log."""
    client, name = MongoClient(mongo), f"limelight_jars_{uuid.uuid4().hex}"
    yield client.database(name)
    await client.drop_database(name)
    client.close()


@pytest.fixture
async def world(kafka: str, database: MongoDatabase) -> AsyncIterator[World]:
    clock, ids = SystemClock(), SystemIds()
    bus = KafkaBus(kafka, clock, ids)
    log, documents = MongoCommitLog(database, clock, ids), MongoDocuments(database, ids)
    world = World(log=log, documents=documents, bus=bus, clock=clock, ids=ids)
    world.published = await log.head()
    yield world
    await bus.stop()


@pytest.fixture
def jars() -> range:
    """Numbers of four jars that no other test uses: the topic is everyone's."""
    first = uuid.uuid4().int % 10**10
    return range(first, first + 4)


class Mine(Recorder):
    """Remembers this test's jars only."""

    def __init__(self, jars: Sequence[int]) -> None:
        super().__init__()
        self.streams = {jar_id(number) for number in jars}

    async def __call__(self, events: Sequence[Recorded[Any]]) -> None:
        await super().__call__([event for event in events if event.stream in self.streams])


def consumer(world: World, handle: Mine, group: str) -> Consumer:
    limits = Limits(replay_every=0.05)
    return Consumer(group, [TOPIC], [JarOpened, CoinAdded], handle, ports=world.ports, known=JARS, limits=limits)


async def fill(world: World, jars: Sequence[int], coins: int = 3) -> None:
    await world.open(*jars)
    for number in jars:
        await world.add(number, *[1] * coins)


async def test_what_is_delivered_twice_counts_once(world: World, jars: range) -> None:
    running = ProjectionBuilds(SERVICE, [savings], world.ports, known=JARS)
    views = LiveViews(world.documents, [savings], world.clock)
    await running.start()
    try:
        await fill(world, jars)
        for _ in range(3):
            await world.publish(again=True)
        token = position_token(SERVICE, await world.log.head(), world.bus.partition(jar_id(jars[-1])))
        await eventually(lambda: _counts(views, jars, 3), timeout=30)
        await views.wait_for(token, ["savings"])
        await world.publish(again=True)
        await world.add(jars[0], 5)
        await world.publish()
        await eventually(lambda: _cents(views, jars[0], 8), timeout=30)
        assert await _counts(views, jars[1:], 3)
    finally:
        await running.stop()


async def _counts(views: LiveViews, jars: Sequence[int], coins: int) -> bool:
    documents = [await views.one("savings", jar_id(number)) for number in jars]
    return all(document is not None and document["coins"] == coins for document in documents)


async def _cents(views: LiveViews, number: int, cents: int) -> bool:
    document = await views.one("savings", jar_id(number))
    return document is not None and document["cents"] == cents


async def test_a_poisoned_key_is_parked_the_rest_flows_and_a_replay_brings_it_back_in_order(world: World, jars: range) -> None:
    handle, group = Mine(jars), f"limelight.jars.poison-{jars[0]}"
    poisoned = jar_id(jars[0])
    handle.fails = lambda event: ValueError("poison") if (event.stream, event.version) == (poisoned, 2) else None
    here, letters = consumer(world, handle, group), DeadLetters(world.documents, world.clock)
    await here.start()
    try:
        await fill(world, jars)
        await world.publish()
        await eventually(lambda: all(handle.of(number) == [1, 2, 3, 4] for number in jars[1:]), timeout=30)
        await eventually(lambda: _letters(letters, group, 3))
        assert handle.of(jars[0]) == [1]
        handle.fails = lambda event: None
        assert await letters.request_replay(group, f"{TOPIC}|{poisoned}")
        await eventually(lambda: handle.of(jars[0]) == [1, 2, 3, 4])
        await eventually(lambda: _letters(letters, group, 0))
    finally:
        await here.stop()


async def _letters(letters: DeadLetters, group: str, amount: int) -> bool:
    return len(await letters.list(group)) == amount


async def test_a_consumer_stopped_between_effect_and_acknowledgement_has_its_batch_handled_again(
    world: World, jars: range
) -> None:
    group = f"limelight.jars.killed-{jars[0]}"
    done, dies = asyncio.Event(), Mine(jars)

    class Dies(Mine):
        async def __call__(self, events: Sequence[Recorded[Any]]) -> None:
            await dies(events)
            if dies.handled:
                done.set()
                raise ConnectionError("the process is gone before it could acknowledge")

    here = Consumer(
        group, [TOPIC], [JarOpened, CoinAdded], Dies(jars), ports=world.ports, known=JARS, limits=Limits(patience=0)
    )
    await here.start()
    await fill(world, jars)
    await world.publish()
    await asyncio.wait_for(done.wait(), 30)
    await here.stop()
    survives = Mine(jars)
    there = consumer(world, survives, group)
    await there.start()
    try:
        await eventually(lambda: all(survives.of(number) == [1, 2, 3, 4] for number in jars), timeout=40)
    finally:
        await there.stop()


async def test_a_rebuild_equals_the_live_one(world: World, jars: range) -> None:
    running = ProjectionBuilds(SERVICE, [savings], world.ports, known=JARS, retired_for=3_600)
    views = LiveViews(world.documents, [savings], world.clock)
    await running.start()
    try:
        await fill(world, jars)
        await world.publish()
        await eventually(lambda: _counts(views, jars, 3), timeout=30)
        assert await request_rebuild(world.documents, SERVICE, "savings")
        await world.add(jars[0], 7)
        await world.publish()
        await eventually(lambda: _generation(world, 2), timeout=40)
        await eventually(lambda: _cents(views, jars[0], 10), timeout=30)
        await eventually(lambda: _equal(world, jars), timeout=30)
    finally:
        await running.stop()


async def _generation(world: World, generation: int) -> bool:
    builds = await read_builds(world.documents, "savings")
    return builds is not None and builds.live.generation == generation


async def _equal(world: World, jars: Sequence[int]) -> bool:
    """The rebuild has what the first build had; jar 0 may have moved on after the first was retired."""
    ids = [jar_id(number) for number in jars[1:]]
    first, second = [await world.documents.get(f"savings__v1_{generation}", ids) for generation in (1, 2)]
    bodies = [{name: stored.body for name, stored in found.items()} for found in (first, second)]
    return len(first) == len(ids) and bodies[0] == bodies[1]


async def _deadlines(world: World, count: int) -> bool:
    return await world.documents.count(DEADLINES, {}) == count


async def test_a_reaction_has_its_effect_once_however_often_its_event_comes(world: World, jars: range) -> None:
    reacting = ReactionRunner(SERVICE, [open_another], [jar], world.handler, world.documents)
    topics, types = reacting.topics(), reacting.types()
    closings: Counter[str] = Counter()

    async def handle(events: Sequence[Recorded[Any]]) -> None:
        await reacting.handle(events)
        closings.update(event.stream for event in events)

    groups = [f"limelight.jars.reactions-{jars[0]}-{number}" for number in range(3)]  # none knows what the others have done
    members = [Consumer(group, topics, types, handle, ports=world.ports, known=JARS) for group in groups]
    for member in members:
        await member.start()
    try:
        await world.open(*jars)
        for number in jars:
            await world.handler.handle(jar, CloseJar(jar_id=jar_id(number)), actor=ANN, commit_id=key("close", number))
        await world.publish()
        following = [derive("jar", jar_id(number), "next") for number in jars]
        await eventually(lambda: _streams(world, following), timeout=30)
        await eventually(lambda: _deadlines(world, len(jars)), timeout=30)  # each is set after its stream's first event
        await eventually(lambda: all(closings[jar_id(number)] >= len(groups) for number in jars), timeout=30)
        assert await _streams(world, following)
        assert await _deadlines(world, len(jars))
    finally:
        for member in members:
            await member.stop()


async def _streams(world: World, streams: Sequence[str]) -> bool:
    return all([len(await world.log.stream(stream)) == 1 for stream in streams])
