"""The index in a cluster that all replicas write, each at its own pace."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from libs.events.catalog.discovery import CreatorErased, PerformanceSnapshotRecorded
from libs.events.catalog.values import Platform
from libs.events.memory import ManualClock
from libs.events.testing import AT, Numbering
from services.discovery.directory import Directory
from services.discovery.domain.criteria import Criteria
from services.discovery.index import opensearch_index
from services.discovery.index.memory_index import MemoryCreatorIndex
from services.discovery.main import index_of
from services.discovery.settings import Settings
from tests.integration.conftest import Connect
from tests.integration.test_creator_index import EVERYONE, SHARED, agree, ids, listed, someone
from tests.unit.discovery.entries import entries, searches
from tests.unit.discovery.examples import ANA, BEA, joined, measured
from tests.unit.discovery.test_directory import fact_of

pytestmark = pytest.mark.opensearch
VERSIONS = itertools.count(1)
"""An index of its own for each example."""


@SHARED
@for_all(drawn=st.lists(entries, min_size=1, max_size=30), asked=st.lists(searches(), min_size=10, max_size=30))
async def test_a_search_finds_what_a_look_at_everyone_finds(opensearch, drawn, asked) -> None:  # type: ignore[no-untyped-def]
    await agree(opensearch(next(VERSIONS)), drawn, asked)


# --- replicas write the same index ---------------------------------------------------------------------------------------


async def test_a_write_that_comes_late_brings_nobody_back_and_the_position_stays(opensearch: Connect) -> None:
    fast, slow = opensearch(), opensearch()
    assert (await fast.open(), await slow.open()) == (0, 0)
    await fast.write(listed(someone(1), someone(2, name="Bea"), someone(3)), 3)
    await fast.write({**listed(someone(2, name="Beatrix")), "crt_0000000001": None}, 9)
    await slow.write(listed(someone(1), someone(2, name="Bea"), someone(3)), 3)
    await slow.write(listed(someone(1, niches=["food"])), 5)
    assert ids(await slow.search(EVERYONE)) == ["crt_0000000003", "crt_0000000002"]
    kept = await slow.get(["crt_0000000001", "crt_0000000002"])
    assert [entry["name"] for entry in kept.values()] == ["Beatrix"]
    assert await slow.open() == 9


@SHARED
@for_all(cuts=st.lists(st.integers(0, 11), min_size=2, max_size=8), turns=st.lists(st.integers(0, 1), max_size=30))
async def test_replicas_at_different_paces_write_what_one_alone_would(opensearch, cuts, turns) -> None:  # type: ignore[no-untyped-def]
    numbered = Numbering()
    snapshots = [
        PerformanceSnapshotRecorded(
            creator_id=creator, performance=measured(AT + timedelta(days=n), followers=50_000 + n, platform=Platform.TIKTOK)
        )
        for n in range(4)
        for creator in (ANA, BEA)
    ]
    told = [joined(), joined(creator_id=BEA), *snapshots, CreatorErased(creator_id=BEA), snapshots[0]]
    log = [fact_of(numbered(event)) for event in told]
    alone = MemoryCreatorIndex()
    await Directory(alone).take(log, len(log))

    version = next(VERSIONS)
    replicas = [Directory(opensearch(version)), Directory(opensearch(version))]
    batches = [_batches(log, cuts), _batches(log, cuts[::2])]
    for replica in replicas:
        await replica.open()
    for turn in (*turns, *(one for one in (0, 1) for _ in log)):
        if batches[turn]:
            events = batches[turn].pop(0)
            await replicas[turn].take(events, events[-1].position)
    for replica in replicas:
        assert await replica.index.get([ANA, BEA]) == alone.entries
        assert ids(await replica.index.search(EVERYONE)) == [ANA]


def _batches(log: list[Any], cuts: list[int]) -> list[list[Any]]:
    ends = sorted({0, *cuts, len(log)})
    return [log[begin:end] for begin, end in itertools.pairwise(ends)]


# --- versions ------------------------------------------------------------------------------------------------------------


async def test_another_version_begins_anew_and_the_old_one_goes_when_nobody_uses_it(opensearch: Connect) -> None:
    later = AT + timedelta(hours=2)
    old, new = opensearch(1), opensearch(2, later)
    await old.open()
    await old.write(listed(someone(1)), 17)
    assert await new.open() == 0
    await new.write(listed(someone(1)), 17)
    await new.forget_others()
    assert ids(await old.search(EVERYONE)) == ["crt_0000000001"], "as far as the new one: somebody may follow the log with it"
    await new.write(listed(someone(2)), 18)
    used = opensearch(1, later)
    assert await used.open() == 17
    await new.forget_others()
    assert ids(await old.search(EVERYONE)) == ["crt_0000000001"], "opened just now"
    much_later = opensearch(2, later + timedelta(hours=2))
    assert await much_later.open() == 18
    await much_later.forget_others()
    assert await old.open() == 0, "it was removed, and begins anew"
    await old.forget_others()
    assert await much_later.get(["crt_0000000002"]), "a later version stays"


async def test_under_another_name_it_begins_anew_beside_the_one_that_others_use(
    opensearch: Connect, opensearch_url: str, opensearch_name: str
) -> None:
    others = opensearch()
    await others.open()
    await others.write(listed(someone(1)), 17)
    settings = Settings(index_url=opensearch_url, index_name=f"{opensearch_name}-vb")  # of the fixture's family: it cleans up
    anew = index_of(settings, ManualClock(AT + timedelta(hours=2)))
    assert await anew.open() == 0
    await anew.write(listed(someone(2)), 18)
    await anew.forget_others()
    await anew.close()
    assert ids(await others.search(EVERYONE)) == ["crt_0000000001"]
    assert await others.open() == 17


async def test_an_index_that_was_removed_comes_back_whole_or_not_at_all(
    opensearch: Connect, opensearch_url: str, opensearch_name: str
) -> None:
    unaware, restarted = opensearch(), opensearch()
    await unaware.open()
    await unaware.write(listed(someone(1)), 1)
    async with httpx.AsyncClient(base_url=opensearch_url) as http:
        (await http.delete(f"/{opensearch_name}-v1")).raise_for_status()
        with pytest.raises(RuntimeError, match="index_not_found"):
            await unaware.write(listed(someone(2)), 2)
        assert (await http.get(f"/{opensearch_name}-v*")).json() == {}
    assert await restarted.open() == 0
    with pytest.raises(RuntimeError, match="index_not_found"):
        await unaware.write(listed(someone(2)), 2)
    assert await unaware.open() == 0


# --- the network ---------------------------------------------------------------------------------------------------------


async def test_more_than_fits_into_one_request_is_written_and_read(opensearch: Connect) -> None:
    index = opensearch()
    await index.open()
    many = [someone(n, bio=f"soap {'x' * 5_000} w{n}") for n in range(1, 2_501)]
    await index.write(listed(*many), 2_500)
    assert len(await index.get([entry["creator_id"] for entry in many])) == 2_500
    assert (await index.search(EVERYONE)).total == 2_500


async def test_what_was_measured_is_read_page_by_page(opensearch: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    index = opensearch()
    await index.open()
    await index.write(listed(*(someone(n) for n in range(1, 8))), 7)
    for page in (3, 7, 8):
        monkeypatch.setattr(opensearch_index, "PAGE", page)
        values = await index.values(Criteria(), ("followers", "growth"), AT)
        assert values == {"followers": [10_000 + n for n in range(7, 0, -1)], "growth": []}
