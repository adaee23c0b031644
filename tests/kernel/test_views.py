"""Views: pages, counts, and waiting for a position."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from libs.events.builds import ProjectionBuilds
from libs.events.decider import Kind, Refusal
from libs.events.ports import Page, Range
from libs.events.testing import eventually, run_virtual
from libs.events.views import LiveViews, position_token
from tests.kernel.jars import ANN, BEN, SERVICE, CloseJar, jar, jar_id, key
from tests.kernel.memory_world import World
from tests.kernel.read_models import OWNER, builds, shows, views


async def served(amounts: Sequence[int] = (3, 1, 2, 1, 3)) -> tuple[World, LiveViews, ProjectionBuilds]:
    world = World()
    await world.open(*range(len(amounts)))
    for number, cents in enumerate(amounts):
        await world.add(number, cents)
    running = builds(world)
    await running.start()
    await world.publish()
    await eventually(lambda: shows(world, jar_id(len(amounts) - 1), coins=1))
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
