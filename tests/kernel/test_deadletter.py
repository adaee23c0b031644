"""Parked events: an operator sees them, has them handled again in their order, or gives them up. None is ever lost."""

from __future__ import annotations

import asyncio

import pytest

from libs.events.consumer import Consumer
from libs.events.deadletter import DeadLetters
from libs.events.progress import PROGRESS
from libs.events.testing import eventually, run_virtual
from tests.kernel.jars import JARS, CoinAdded, JarOpened, jar_id
from tests.kernel.memory_world import TOPIC, Recorder, World

GROUP = "limelight.jars.tests"
PLACE = f"{TOPIC}|{jar_id(0)}"


def consumer(world: World, recorder: Recorder) -> Consumer:
    return Consumer(GROUP, [TOPIC], [JarOpened, CoinAdded], recorder, ports=world.ports, known=JARS)


async def parked() -> tuple[World, Recorder, Consumer, DeadLetters]:
    """Jar 0 is parked from its second event on; jar 1 is not."""
    world, recorder = World(), Recorder()
    await world.open(0, 1)
    await world.add(0, 1, 1, 1)
    await world.add(1, 1)
    here = consumer(world, recorder)
    recorder.fails = lambda event: ValueError("poison") if (event.stream, event.version) == (jar_id(0), 2) else None
    await here.deliver(await world.deliveries())
    return world, recorder, here, DeadLetters(world.documents, world.clock)


def test_a_letter_tells_what_it_was_why_and_when() -> None:
    async def main() -> None:
        world, _, _, letters = await parked()
        first = (await letters.list(GROUP))[0]
        assert await letters.show(first.id) == first
        assert (first.type, first.reason, first.place) == ("limelight.jars.CoinAdded.v2", "ValueError: poison", PLACE)
        assert first.parked_at.startswith("2026-01-01T")
        assert first.delivery == (await world.deliveries())[2]
        assert "memory_world.py" in first.trace
        assert await letters.show("nothing") is None

    run_virtual(main())


def test_letters_are_listed_in_pages_in_their_order() -> None:
    async def main() -> None:
        *_, letters = await parked()
        everything = await letters.list()
        first = await letters.list(GROUP, PLACE, limit=2)
        rest = await letters.list(GROUP, PLACE, after=first[-1].id)
        assert [*first, *rest] == everything
        assert len(everything) == 3
        assert await letters.list("another group") == []

    run_virtual(main())


def test_a_replay_hands_them_back_in_order_and_the_key_flows_again() -> None:
    async def main() -> None:
        world, recorder, here, letters = await parked()
        recorder.fails = lambda event: None
        assert await here.replay(PLACE)
        assert recorder.of(0) == [1, 2, 3, 4]
        assert await letters.list() == []
        await world.add(0, 1)
        await here.deliver((await world.deliveries())[-1:])
        assert recorder.of(0) == [1, 2, 3, 4, 5]

    run_virtual(main())


def test_a_replay_that_fails_again_keeps_the_rest_behind_it() -> None:
    async def main() -> None:
        _, recorder, here, letters = await parked()
        recorder.fails = lambda event: KeyError("worse") if event.version == 3 and event.stream == jar_id(0) else None
        assert not await here.replay(PLACE)
        assert recorder.of(0) == [1, 2]
        left = await letters.list()
        assert [letter.reason for letter in left] == ["KeyError: 'worse'", "an earlier event of its key is parked"]
        assert left[0].attempts == 2
        assert PLACE in (await letters.parked(GROUP)).places

    run_virtual(main())


def test_an_operator_asks_and_the_consumer_replays() -> None:
    async def main() -> None:
        _, recorder, here, letters = await parked()
        await here.start()
        recorder.fails = lambda event: None
        assert await letters.request_replay(GROUP, PLACE)
        assert not await letters.request_replay(GROUP, "a place that is not parked")
        await eventually(lambda: recorder.of(0) == [1, 2, 3, 4])
        await eventually(lambda: _flows(letters))
        await here.stop()

    run_virtual(main())


async def _flows(letters: DeadLetters) -> bool:
    return not (await letters.parked(GROUP)).places


def test_a_discarded_letter_is_given_up_and_the_last_one_frees_its_key() -> None:
    async def main() -> None:
        _, recorder, here, letters = await parked()
        first, *_ = await letters.list()
        assert await letters.discard(first.id)
        assert not await letters.discard(first.id)
        assert PLACE in (await letters.parked(GROUP)).places
        assert await here.replay(PLACE)
        assert recorder.of(0) == [1, 3, 4]
        assert (await letters.parked(GROUP)).places == frozenset()

    run_virtual(main())


@pytest.mark.parametrize("seed", range(40))
def test_what_arrives_during_a_replay_is_neither_lost_nor_handled_before_its_time(seed: int) -> None:
    async def main() -> None:
        world, recorder, here, letters = await parked()
        recorder.fails = lambda event: None
        await world.add(0, *[1] * 12)
        later = [d for d in (await world.deliveries()) if d.key == jar_id(0)][4:]

        async def arrive() -> None:
            for delivery in later:
                await here.deliver([delivery])
                await asyncio.sleep(0)

        world.faults.failing = lambda point: False
        await asyncio.gather(arrive(), here.replay(PLACE))
        while PLACE in (await letters.parked(GROUP)).places:
            await here.replay(PLACE)
        assert recorder.of(0) == list(range(1, 17))
        assert await letters.list() == []

    run_virtual(main(), seed=seed)


def test_a_batch_with_poison_that_is_delivered_again_leaves_one_letter_per_event() -> None:
    async def main() -> None:
        world, recorder, here, letters = await parked()
        for _ in range(3):
            await world.documents.drop(PROGRESS)  # who handled it died before it could write that down
            await consumer(world, recorder).deliver(await world.deliveries())
        kept = [int(letter.delivery.headers["ce_streamversion"]) for letter in await letters.list()]
        assert kept == [1, 2, 3, 4]
        recorder.fails = lambda event: None
        assert await here.replay(PLACE)
        assert recorder.of(0) == [1, 2, 3, 4]

    run_virtual(main())
