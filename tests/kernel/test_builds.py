"""Builds: a new version or a rebuild stands beside the live one, and is served once it has caught up."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from libs.events.builds import RETIRED_FOR, read_builds, request_rebuild
from libs.events.envelope import Recorded
from libs.events.memory import MemoryDocuments
from libs.events.ports import Document, Unavailable
from libs.events.projection import Projection, ProjectionRunner
from libs.events.testing import eventually, run_virtual
from tests.kernel.jars import SERVICE, jar_id, savings
from tests.kernel.memory_world import TOPIC, World
from tests.kernel.read_models import Yielding, builds, contents, events_of, filled, shows, views


def next_version(of: Projection = savings) -> Projection:
    def doubled(doc: Document, event: Recorded[Any]) -> Document | None:
        result = of.apply({**doc, "cents": doc.get("cents", 0) // 2} if doc else {}, event)
        return None if result is None else {**result, "cents": result["cents"] * 2}

    return replace(of, version=2, apply=doubled)


def test_the_first_build_is_live_at_once() -> None:
    async def main() -> None:
        world = await filled()
        running = builds(world)
        await running.start()
        await world.publish()
        live = (await read_builds(world.documents, "savings")).live  # type: ignore[union-attr]
        assert (live.collection, live.group) == ("savings__v1_1", "limelight.jars.savings.v1-1")
        await eventually(lambda: shows(world, jar_id(3), cents=15))
        assert running.ready()
        await running.stop()

    run_virtual(main())


def test_a_new_version_is_built_beside_and_served_once_it_has_caught_up() -> None:
    async def main() -> None:
        world = await filled()
        old, new = builds(world), builds(world, next_version())
        await old.start()
        await world.publish()
        await eventually(lambda: shows(world, jar_id(3), cents=15))
        reading = views(world)
        assert (await reading.one("savings", jar_id(3)) or {})["cents"] == 15
        await old.stop()
        await new.start()
        await eventually(lambda: shows(world, jar_id(3), cents=30))
        now = await read_builds(world.documents, "savings")
        assert now is not None
        assert (now.live.version, now.building) == (2, None)
        assert await contents(world.documents, "savings__v1_1") != {}
        await eventually(lambda: _dropped(world, "savings__v1_1"), timeout=30)
        assert (await reading.one("savings", jar_id(3)) or {})["cents"] == 30
        await new.stop()

    run_virtual(main())


def test_a_replaced_collection_outlives_a_leap_of_time() -> None:
    """Simulation, seed 115: the others had not noticed yet that it was replaced, and wrote to it."""

    async def main() -> None:
        world = await _served_by_the_old_version()
        new = builds(world, next_version())
        await new.start()
        await eventually(lambda: shows(world, jar_id(3), cents=30))
        world.clock.skew += 600
        await asyncio.sleep(RETIRED_FOR / 2)
        assert await contents(world.documents, "savings__v1_1") != {}
        await eventually(lambda: _dropped(world, "savings__v1_1"), timeout=30)
        await new.stop()

    run_virtual(main())


async def _dropped(world: World, collection: str) -> bool:
    return await contents(world.documents, collection) == {}


async def _served_by_the_old_version() -> World:
    """Which runs no more."""
    world = await filled()
    await world.publish()
    old = builds(world)
    await old.start()
    await eventually(lambda: shows(world, jar_id(3), cents=15))
    await old.stop()
    return world


def test_a_build_that_has_not_caught_up_is_not_served() -> None:
    async def main() -> None:
        world = await _served_by_the_old_version()
        slow = asyncio.Event()

        class Blocked(Yielding):
            async def at(self, point: str) -> None:
                if point == "deliver":
                    await slow.wait()

        world.bus._faults = Blocked()  # type: ignore[attr-defined]
        new = builds(world, next_version())
        await new.start()
        await world.clock.sleep(20)
        assert await shows(world, jar_id(3), cents=15)
        slow.set()
        await eventually(lambda: shows(world, jar_id(3), cents=30))
        await new.stop()

    run_virtual(main())


def test_a_build_whose_topic_is_lost_is_not_served_before_it_has_what_the_live_one_has() -> None:
    async def main() -> None:
        world = await _served_by_the_old_version()
        begun = asyncio.Event()

        class Blocked(Yielding):
            async def at(self, point: str) -> None:
                if point == "deliver" and not begun.is_set():
                    await begun.wait()
                    raise Unavailable("the batch was lost as well")

        world.bus._faults = Blocked()  # type: ignore[attr-defined]
        new = builds(world, next_version())
        await new.start()
        await world.clock.sleep(2)
        world.bus.lose(TOPIC)  # type: ignore[attr-defined]
        begun.set()
        for _ in range(20):
            await world.clock.sleep(1)
            assert await shows(world, jar_id(3), cents=15)
        await world.publish(again=True)
        await eventually(lambda: shows(world, jar_id(3), cents=30))
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
        await eventually(lambda: shows(world, jar_id(3), cents=15))
        assert await request_rebuild(world.documents, SERVICE, "savings")
        assert not await request_rebuild(world.documents, SERVICE, "savings")
        for number in range(4):
            await world.add(number, 100)
            await world.publish(again=number == 2)
        await eventually(lambda: _live_generation(world, 2), timeout=30)
        await eventually(lambda: shows(world, jar_id(3), cents=115))
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
