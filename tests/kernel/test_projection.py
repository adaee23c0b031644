"""Projections: each event counts once, and a batch writes each document once."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from typing import Any

import pytest

from libs.events.envelope import Recorded
from libs.events.memory import MemoryDocuments
from libs.events.ports import Document, Unavailable
from libs.events.projection import ProjectionRunner, projection, shown
from libs.events.testing import projected, run_virtual
from tests.kernel.jars import ANN, CloseJar, CoinAdded, JarClosed, JarOpened, jar, jar_id, key, savings
from tests.kernel.memory_world import Faulty
from tests.kernel.read_models import OWNER, Yielding, contents, events_of, filled


def test_a_projection_is_specified_by_events_and_the_documents_that_they_make() -> None:
    opened, coin = JarOpened(jar_id=jar_id(1), party=OWNER), CoinAdded(jar_id=jar_id(1), cents=5, currency="EUR")
    assert projected(savings, opened, coin, coin) == {jar_id(1): {"owner": OWNER, "cents": 10, "coins": 2}}
    assert projected(savings, opened, JarClosed(jar_id=jar_id(1), cents=0)) == {}


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
        documents = MemoryDocuments(Yielding())
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
