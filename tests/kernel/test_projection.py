"""Read models: each event counts once, a batch writes each document once, a rebuild stands beside the live one."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from libs.events.builds import ProjectionBuilds, read_builds, request_rebuild
from libs.events.decider import Kind, Refusal
from libs.events.envelope import Recorded, recorded
from libs.events.memory import MemoryDocuments
from libs.events.ports import Document, Page, Range, Unavailable
from libs.events.projection import Projection, ProjectionRunner, projection, shown
from libs.events.testing import eventually, projected, run_virtual
from libs.events.views import LiveViews, position_token
from tests.kernel.jars import ANN, BEN, JARS, SERVICE, CloseJar, CoinAdded, JarClosed, JarOpened, jar, jar_id, key, savings
from tests.kernel.memory_world import Faulty, World

OWNER = ANN.party or ""


async def events_of(world: World) -> list[Recorded[Any]]:
    return [event for commit in await world.log.read(0, 10_000) for event in recorded(commit, SERVICE, JARS)]


async def contents(documents: Any, collection: str) -> dict[str, Document]:
    return {stored.id: stored.body for stored in await documents.find(collection, {}, Page(limit=1_000))}


async def filled(jars: int = 4, coins: int = 5) -> World:
    world = World()
    await world.open(*range(jars))
    for number in range(jars):
        await world.add(number, *range(1, coins + 1))
    return world


# --- the specification kit --------------------------------------------------------------------------------------------


def test_a_projection_is_specified_by_events_and_the_documents_that_they_make() -> None:
    opened, coin = JarOpened(jar_id=jar_id(1), party=OWNER), CoinAdded(jar_id=jar_id(1), cents=5, currency="EUR")
    assert projected(savings, opened, coin, coin) == {jar_id(1): {"owner": OWNER, "cents": 10, "coins": 2}}
    assert projected(savings, opened, JarClosed(jar_id=jar_id(1), cents=0)) == {}


# --- the runner -------------------------------------------------------------------------------------------------------


def test_a_batch_reads_and_writes_each_document_once() -> None:
    async def main() -> None:
        world, faults = await filled(), Faulty()
        documents = MemoryDocuments(faults)
        await ProjectionRunner(savings, documents, "savings").handle(await events_of(world))
        assert (faults.met["documents.read"], faults.met["put.before"]) == (1, 1)
        stored = await documents.get("savings", [jar_id(0)])
        assert stored[jar_id(0)].revision == 1
        assert shown(stored[jar_id(0)].body) == {"owner": OWNER, "cents": 15, "coins": 5}

    run_virtual(main())


@pytest.mark.parametrize("seed", range(30))
def test_any_cut_repetition_and_interleaving_of_the_events_gives_the_same_documents(seed: int) -> None:
    async def main() -> None:
        world, chance = await filled(), random.Random(seed)
        events, documents = await events_of(world), MemoryDocuments()
        runner = ProjectionRunner(savings, documents, "cut")
        reached = 0
        while reached < len(events):
            start = chance.randint(0, reached)
            end = chance.randint(start + 1, len(events))
            await runner.handle(events[start:end])
            reached = max(reached, end)
        await ProjectionRunner(savings, documents, "whole").handle(events)
        assert await contents(documents, "cut") == await contents(documents, "whole")

    run_virtual(main())


def test_what_was_applied_before_is_not_even_written() -> None:
    async def main() -> None:
        world, faults = await filled(), Faulty()
        runner = ProjectionRunner(savings, MemoryDocuments(faults), "savings")
        for _ in range(2):
            await runner.handle(await events_of(world))
        assert faults.met["put.before"] == 1

    run_virtual(main())


def test_a_document_that_was_written_last_is_not_read_again_unless_another_wrote_it() -> None:
    async def main() -> None:
        world, faults = await filled(1, 6), Faulty()
        documents, events = MemoryDocuments(faults), await events_of(world)
        here, there = (ProjectionRunner(savings, documents, "savings") for _ in range(2))
        await here.handle(events[:2])
        await here.handle(events[2:4])
        assert faults.met["documents.read"] == 1
        await there.handle(events[:5])
        await here.handle(events[5:])
        assert shown((await documents.get("savings", [jar_id(0)]))[jar_id(0)].body)["cents"] == 21

    run_virtual(main())


def test_a_fold_that_fails_on_a_remembered_document_is_done_again_on_the_stored_one() -> None:
    @projection("counted", version=1, of=(CoinAdded,), key=lambda event: OWNER)
    def counted(doc: Document, event: Recorded[Any]) -> Document:
        if doc.get(event.stream, 0) != event.version - 2:
            raise KeyError(event.stream)  # as one that looks for what an earlier event left
        return {**doc, event.stream: event.version - 1}

    async def main() -> None:
        world = await filled(2, 3)
        documents = MemoryDocuments()
        events = [event for event in await events_of(world) if isinstance(event.data, CoinAdded)]
        one, other = ([event for event in events if event.stream == jar_id(number)] for number in (0, 1))
        here, there = (ProjectionRunner(counted, documents, "counted") for _ in range(2))
        await here.handle(one)
        await there.handle(other[:2])
        await here.handle(other[2:])  # its partition has moved here
        with pytest.raises(KeyError):
            await here.handle([replace(other[-1], version=9)])
        assert shown((await documents.get("counted", [OWNER]))[OWNER].body) == {jar_id(0): 3, jar_id(1): 3}

    run_virtual(main())


@pytest.mark.parametrize("point", ["put.before", "put.after"])
def test_a_write_of_unknown_outcome_is_read_before_it_is_tried_again(point: str) -> None:
    async def main() -> None:
        world, faults = await filled(1, 6), Faulty()
        events = await events_of(world)
        runner = ProjectionRunner(savings, MemoryDocuments(faults), "savings")
        await runner.handle(events[:3])
        faults.failing = lambda at: at == point
        with pytest.raises(Unavailable):
            await runner.handle(events[3:])
        faults.failing = lambda at: False
        await runner.handle(events[3:])
        stored = await runner._documents.get("savings", [jar_id(0)])
        assert shown(stored[jar_id(0)].body) == {"owner": OWNER, "cents": 21, "coins": 6}

    run_virtual(main())


def test_a_writer_that_loses_the_race_reads_again_and_applies_its_events_to_what_won() -> None:
    @projection("by owner", version=1, of=(CoinAdded,), key=lambda event: OWNER)
    def by_owner(doc: Document, event: Recorded[Any]) -> Document:
        return {"cents": doc.get("cents", 0) + event.data.cents}

    async def main() -> None:
        world = await filled(8, 5)
        events = [event for event in await events_of(world) if isinstance(event.data, CoinAdded)]
        documents = MemoryDocuments(_Yielding())
        runners = [ProjectionRunner(by_owner, documents, "owners") for _ in range(8)]
        await asyncio.gather(
            *(
                runner.handle([event for event in events if event.stream == jar_id(number)])
                for number, runner in enumerate(runners)
            )
        )
        assert (await contents(documents, "owners"))[OWNER]["cents"] == 8 * 15

    for seed in range(10):
        run_virtual(main(), seed=seed)


class _Yielding(Faulty):
    async def at(self, point: str) -> None:
        await asyncio.sleep(0)


def test_a_deleted_document_is_not_brought_back_by_a_redelivery() -> None:
    async def main() -> None:
        world = await filled(1, 2)
        await world.handler.handle(jar, CloseJar(jar_id=jar_id(0)), actor=ANN, commit_id=key("close"))
        runner = ProjectionRunner(savings, world.documents, "savings")
        events = await events_of(world)
        await runner.handle(events)
        await runner.handle(events[:2])
        assert (await contents(world.documents, "savings"))[jar_id(0)].keys() == {"_deleted", "_marks"}

    run_virtual(main())


def test_events_of_equal_streams_of_two_services_are_not_taken_for_each_other() -> None:
    async def main() -> None:
        world = await filled(1, 1)
        opened, coin = await events_of(world)
        runner = ProjectionRunner(savings, world.documents, "savings")
        await runner.handle([opened, coin, replace(coin, source="other", version=1)])
        assert (await contents(world.documents, "savings"))[jar_id(0)]["coins"] == 2

    run_virtual(main())


# --- builds -----------------------------------------------------------------------------------------------------------


def next_version(of: Projection = savings) -> Projection:
    def doubled(doc: Document, event: Recorded[Any]) -> Document | None:
        result = of.apply({**doc, "cents": doc.get("cents", 0) // 2} if doc else {}, event)
        return None if result is None else {**result, "cents": result["cents"] * 2}

    return replace(of, version=2, apply=doubled)


def builds(world: World, *projections: Projection) -> ProjectionBuilds:
    return ProjectionBuilds(SERVICE, projections or (savings,), world.ports, known=JARS)


def views(world: World) -> LiveViews:
    return LiveViews(world.documents, [savings], world.clock)


def test_the_first_build_is_live_at_once() -> None:
    async def main() -> None:
        world = await filled()
        running = builds(world)
        await running.start()
        await world.publish()
        live = (await read_builds(world.documents, "savings")).live  # type: ignore[union-attr]
        assert (live.collection, live.group) == ("savings__v1_1", "limelight.jars.savings.v1-1")
        await eventually(lambda: _shows(world, jar_id(3), cents=15))
        assert running.ready()
        await running.stop()

    run_virtual(main())


async def _shows(world: World, id: str, **fields: Any) -> bool:
    document = await views(world).one("savings", id)
    return document is not None and all(document.get(name) == value for name, value in fields.items())


def test_a_new_version_is_built_beside_and_served_once_it_has_caught_up() -> None:
    async def main() -> None:
        world = await filled()
        old, new = builds(world), builds(world, next_version())
        await old.start()
        await world.publish()
        await eventually(lambda: _shows(world, jar_id(3), cents=15))
        reading = views(world)
        assert (await reading.one("savings", jar_id(3)) or {})["cents"] == 15
        await old.stop()
        await new.start()
        await eventually(lambda: _shows(world, jar_id(3), cents=30))
        now = await read_builds(world.documents, "savings")
        assert now is not None
        assert (now.live.version, now.building) == (2, None)
        assert await contents(world.documents, "savings__v1_1") != {}
        await eventually(lambda: _dropped(world, "savings__v1_1"), timeout=30)
        assert (await reading.one("savings", jar_id(3)) or {})["cents"] == 30
        await new.stop()

    run_virtual(main())


async def _dropped(world: World, collection: str) -> bool:
    return await contents(world.documents, collection) == {}


def test_a_build_that_has_not_caught_up_is_not_served() -> None:
    async def main() -> None:
        world = await filled()
        await world.publish()
        old = builds(world)
        await old.start()
        await eventually(lambda: _shows(world, jar_id(3), cents=15))
        await old.stop()
        slow = asyncio.Event()

        class Blocked(_Yielding):
            async def at(self, point: str) -> None:
                if point == "deliver":
                    await slow.wait()

        world.bus._faults = Blocked()  # type: ignore[attr-defined]
        new = builds(world, next_version())
        await new.start()
        await world.clock.sleep(20)
        assert await _shows(world, jar_id(3), cents=15)
        slow.set()
        await eventually(lambda: _shows(world, jar_id(3), cents=30))
        await new.stop()

    run_virtual(main())


def test_an_older_version_of_the_code_leaves_a_newer_build_alone() -> None:
    async def main() -> None:
        world = await filled()
        new = builds(world, next_version())
        await new.start()
        old = builds(world)
        await old.start()
        await world.clock.sleep(30)
        now = await read_builds(world.documents, "savings")
        assert now is not None
        assert (now.live.version, now.building, old.consumers()) == (2, None, ())
        await old.stop()
        await new.stop()

    run_virtual(main())


@pytest.mark.parametrize("seed", range(10))
def test_a_rebuild_equals_the_live_one_while_events_keep_coming_and_two_workers_run(seed: int) -> None:
    """Trap 11: a projection never steps over an event, during a rebuild neither."""

    async def main() -> None:
        world = await filled()
        workers = [builds(world), builds(world)]
        for worker in workers:
            await worker.start()
        await world.publish()
        await eventually(lambda: _shows(world, jar_id(3), cents=15))
        assert await request_rebuild(world.documents, SERVICE, "savings")
        assert not await request_rebuild(world.documents, SERVICE, "savings")
        for number in range(4):
            await world.add(number, 100)
            await world.publish(again=number == 2)
        await eventually(lambda: _live_generation(world, 2), timeout=30)
        await eventually(lambda: _shows(world, jar_id(3), cents=115))
        fresh = MemoryDocuments()
        await ProjectionRunner(savings, fresh, "fresh").handle(await events_of(world))
        await eventually(lambda: _same(world, fresh))
        for worker in workers:
            await worker.stop()

    run_virtual(main(), seed=seed)


async def _live_generation(world: World, generation: int) -> bool:
    now = await read_builds(world.documents, "savings")
    return now is not None and now.live.generation == generation


async def _same(world: World, fresh: MemoryDocuments) -> bool:
    return await contents(world.documents, "savings__v1_2") == await contents(fresh, "fresh")


def test_of_a_projection_that_nobody_has_no_rebuild_can_be_asked() -> None:
    async def main() -> None:
        assert not await request_rebuild(World().documents, SERVICE, "savings")

    run_virtual(main())


# --- views ------------------------------------------------------------------------------------------------------------


async def served(amounts: Sequence[int] = (3, 1, 2, 1, 3)) -> tuple[World, LiveViews, ProjectionBuilds]:
    world = World()
    await world.open(*range(len(amounts)))
    for number, cents in enumerate(amounts):
        await world.add(number, cents)
    running = builds(world)
    await running.start()
    await world.publish()
    await eventually(lambda: _shows(world, jar_id(len(amounts) - 1), coins=1))
    return world, views(world), running


def test_pages_follow_each_other_without_gap_or_repetition_also_where_sort_values_are_equal() -> None:
    async def main() -> None:
        _, reading, running = await served()
        seen: list[str] = []
        cursor, page = "", Page((("cents", False),), None, 2)
        while True:
            documents, cursor = await reading.page("savings", {"owner": OWNER}, page, cursor)
            seen += [document["id"] for document in documents]
            assert all(name[0] != "_" for document in documents for name in document)
            if not cursor:
                break
        assert seen == [jar_id(number) for number in (0, 4, 2, 1, 3)]
        await running.stop()

    run_virtual(main())


@pytest.mark.parametrize("cursor", ["%%%", "abc", "bnVsbA", "WzFd", "eyJhIjoxfQ", "\u00e9", "W1tdXQ"])
def test_a_malformed_cursor_is_refused(cursor: str) -> None:
    async def main() -> None:
        _, reading, running = await served()
        with pytest.raises(Refusal) as refused:
            await reading.page("savings", {}, Page(), cursor)
        assert (refused.value.code, refused.value.kind, refused.value.field) == (
            "CURSOR_INVALID",
            Kind.INVALID_ARGUMENT,
            "cursor",
        )
        await running.stop()

    run_virtual(main())


def test_a_cursor_of_another_list_filter_or_order_is_refused() -> None:
    async def main() -> None:
        _, reading, running = await served()
        page = Page((("cents", False),), None, 2)
        _, cursor = await reading.page("savings", {"cents": Range(1, None)}, page)
        assert cursor
        for where, other in (
            ({"cents": Range(2, None)}, page),
            ({}, page),
            ({"cents": Range(1, None)}, Page((("cents", True),), None, 2)),
        ):
            with pytest.raises(Refusal, match="CURSOR_INVALID"):
                await reading.page("savings", where, other, cursor)
        await running.stop()

    run_virtual(main())


def test_what_is_deleted_is_neither_shown_listed_nor_counted() -> None:
    async def main() -> None:
        world, reading, running = await served()
        await world.handler.handle(jar, CloseJar(jar_id=jar_id(0)), actor=ANN, commit_id=key("close"))
        await world.publish()
        await eventually(lambda: _gone(reading, jar_id(0)))
        assert await reading.count("savings", {}) == 4
        assert len((await reading.page("savings", {}, Page()))[0]) == 4
        await running.stop()

    run_virtual(main())


async def _gone(reading: LiveViews, id: str) -> bool:
    return await reading.one("savings", id) is None


def test_a_query_waits_for_the_position_that_its_caller_wrote() -> None:
    async def main() -> None:
        world, reading, running = await served()
        await world.add(0, 7)
        token = position_token(SERVICE, await world.log.head(), world.bus.partition(jar_id(0)))
        waiting = asyncio.create_task(reading.wait_for(token, ["savings"]))
        await world.clock.sleep(0.3)
        assert not waiting.done()
        await world.publish()
        await waiting
        assert (await reading.one("savings", jar_id(0)) or {})["cents"] == 10
        await running.stop()

    run_virtual(main())


def test_a_position_that_is_not_reached_within_a_second_is_told_as_unavailable() -> None:
    async def main() -> None:
        _, reading, running = await served()
        began = asyncio.get_running_loop().time()
        with pytest.raises(Refusal) as refused:
            await reading.wait_for(position_token(SERVICE, 999, 3), ["savings"])
        assert (refused.value.code, refused.value.kind) == ("POSITION_NOT_REACHED", Kind.UNAVAILABLE)
        assert 1 <= asyncio.get_running_loop().time() - began < 1.1
        await reading.wait_for(position_token("elsewhere", 999, 3), ["savings"])
        await running.stop()

    run_virtual(main())


@pytest.mark.parametrize("token", ["", "jars", "jars.", "jars.1", "jars.x.1", "jars.1.-2", ".1.1", "jars.1.1.1"])
def test_a_malformed_position_is_refused(token: str) -> None:
    async def main() -> None:
        with pytest.raises(Refusal) as refused:
            await views(World()).wait_for(token, ["savings"])
        assert (refused.value.code, refused.value.field) == ("POSITION_INVALID", "min_position")

    run_virtual(main())


def test_a_view_that_is_not_built_yet_is_unavailable_and_not_empty() -> None:
    async def main() -> None:
        with pytest.raises(Refusal) as refused:
            await views(World()).one("savings", BEN.party or "")
        assert refused.value.kind is Kind.UNAVAILABLE

    run_virtual(main())
