"""How far a group has come: nothing is handled before its turn, and nothing that was handled is handled again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from libs.events.ports import Unavailable, Write
from libs.events.progress import PROGRESS, Reached, progress_id, read_progress
from libs.events.testing import run_virtual
from tests.kernel.jars import ANN, AddPair, jar, jar_id, key
from tests.kernel.memory_world import GROUP, TOPIC, Recorder, World, consumer, filled


def test_progress_never_goes_back() -> None:
    async def main() -> None:
        world, recorder = await filled(1, 4), Recorder()
        batch = await world.deliveries()
        here, other = consumer(world, recorder), consumer(world, recorder)
        await here.deliver(batch)
        await other.deliver(batch[:2])
        await here.deliver(batch[:1])
        place = (TOPIC, world.bus.partition(jar_id(0)))
        assert await read_progress(world.documents, GROUP, [place]) == {place: Reached(5, 5, 5)}

    run_virtual(main())


def test_what_comes_before_its_turn_is_left_and_handled_when_it_comes_again() -> None:
    async def main() -> None:
        world, recorder = await filled(1, 5), Recorder()
        batch, place = await world.deliveries(), (TOPIC, world.bus.partition(jar_id(0)))
        here = consumer(world, recorder)
        await here.deliver(batch[:2])
        await here.deliver([replace(early, offset=0) for early in batch[4:]])  # the broker lost the topic and was given a page
        assert recorder.of(0) == [1, 2]
        assert (here.counts["handled"], here.counts["early"]) == (2, 2)
        assert (await read_progress(world.documents, GROUP, [place]))[place].position == 2
        await here.deliver([replace(again, offset=again.offset + 2) for again in batch])
        assert recorder.of(0) == [1, 2, 3, 4, 5, 6]
        assert await read_progress(world.documents, GROUP, [place]) == {place: Reached(6, 8, 6)}

    run_virtual(main())


def test_what_another_member_has_handled_is_no_gap() -> None:
    async def main() -> None:
        world, recorder = await filled(1, 5), Recorder()
        batch = await world.deliveries()
        here, other = consumer(world, recorder), consumer(world, recorder)
        await here.deliver(batch[:1])
        await other.deliver(batch[1:4])
        await here.deliver(batch[4:])
        assert recorder.of(0) == [1, 2, 3, 4, 5, 6]
        assert here.counts["early"] == 0

    run_virtual(main())


def test_a_commit_of_which_only_the_end_is_there_comes_too_early() -> None:
    async def main() -> None:
        world, recorder = World(), Recorder()
        await world.open(0)
        await world.handler.handle(jar, AddPair(jar_id=jar_id(0), cents=1), actor=ANN, commit_id=key("pair"))
        batch = await world.deliveries()
        await consumer(world, recorder).deliver([batch[0], batch[2], *batch[1:]])
        assert recorder.handled == [(jar_id(0), 1), (jar_id(0), 2), (jar_id(0), 3)]

    run_virtual(main())


def test_what_was_handled_is_not_handled_again_also_not_by_a_new_process_when_the_broker_lost_all() -> None:
    async def main() -> None:
        world, recorder = await filled(1, 5), Recorder()
        batch, place = await world.deliveries(), (TOPIC, world.bus.partition(jar_id(0)))
        await consumer(world, recorder).deliver(batch[:4])
        restarted = consumer(world, recorder)
        await restarted.deliver(batch)
        assert recorder.handled == [(jar_id(0), version) for version in range(1, 7)]
        assert (restarted.counts["again"], restarted.counts["handled"]) == (4, 2)
        assert await read_progress(world.documents, GROUP, [place]) == {place: Reached(6, 6, 6)}

    run_virtual(main())


def test_a_commit_is_not_known_before_its_last_event_is() -> None:
    async def main() -> None:
        world, recorder = World(), Recorder()
        await world.open(0)
        await world.handler.handle(jar, AddPair(jar_id=jar_id(0), cents=1), actor=ANN, commit_id=key("pair"))
        batch = await world.deliveries()
        await consumer(world, recorder).deliver(batch[:2])
        await consumer(world, recorder).deliver(batch)
        assert recorder.handled == [(jar_id(0), 1), (jar_id(0), 2), (jar_id(0), 3)]

    run_virtual(main())


def test_what_follows_an_event_of_the_same_commit_that_is_missing_comes_too_early() -> None:
    """Batches of a producer may cut a commit, and a broker lose one of them."""

    async def main() -> None:
        world, recorder = World(), Recorder()
        await world.open(0)
        await world.handler.handle(jar, AddPair(jar_id=jar_id(0), cents=1), actor=ANN, commit_id=key("pair"))
        await world.add(0, 1)
        batch = await world.deliveries()
        here = consumer(world, recorder)
        await here.deliver([*batch[:2], batch[3]])
        assert (recorder.of(0), here.counts["early"]) == ([1, 2], 1)
        await here.deliver(batch)
        assert recorder.of(0) == [1, 2, 3, 4]

    run_virtual(main())


def test_progress_of_older_code_which_kept_no_versions_skips_nothing_that_it_may_not_have_handled() -> None:
    async def main() -> None:
        world, recorder = await filled(1, 3), Recorder()
        batch, place = await world.deliveries(), (TOPIC, world.bus.partition(jar_id(0)))
        older = Write(progress_id(GROUP, *place), 0, {"position": 2, "offset": 2})
        assert not await world.documents.put(PROGRESS, [older])
        here = consumer(world, recorder)
        await here.deliver(batch)
        assert recorder.of(0) == [2, 3, 4]
        assert (here.counts["again"], here.counts["early"]) == (1, 0)

    run_virtual(main())


def test_messages_of_an_older_relay_which_name_positions_only_are_in_their_turn() -> None:
    async def main() -> None:
        world, recorder = await filled(1, 3), Recorder()
        batch = [
            replace(one, headers={name: told for name, told in one.headers.items() if name != "ce_followsversion"})
            for one in await world.deliveries()
        ]
        here = consumer(world, recorder)
        await here.deliver([*batch[:2], batch[3]])
        await here.deliver(batch[2:])
        assert (recorder.of(0), here.counts["early"]) == ([1, 2, 3, 4], 1)

    run_virtual(main())


def test_a_large_batch_is_worked_off_page_by_page_and_what_is_done_stays_done() -> None:
    async def main() -> None:
        world, recorder = await filled(1, 9), Recorder()
        batch, place = await world.deliveries(), (TOPIC, world.bus.partition(jar_id(0)))
        recorder.fails = lambda event: Unavailable("away") if event.version == 8 else None
        with pytest.raises(Unavailable):
            await consumer(world, recorder, page=3, patience=0.0).deliver(batch)
        assert recorder.handled == [(jar_id(0), version) for version in range(1, 7)]
        assert (await read_progress(world.documents, GROUP, [place]))[place].position == 6
        recorder.fails = lambda event: None
        await consumer(world, recorder, page=3, patience=0.0).deliver(batch)
        assert recorder.handled == [(jar_id(0), version) for version in range(1, 11)]

    run_virtual(main())
