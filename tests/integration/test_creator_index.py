"""The index of the directory: one behaviour, whatever it is built on."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as for_all
from hypothesis import strategies as st

from libs.events.ports import Document
from libs.events.testing import AT
from services.discovery.domain.criteria import Criteria, matches, met
from services.discovery.index.memory_index import MemoryCreatorIndex
from services.discovery.index.tantivy_index import TantivyCreatorIndex
from services.discovery.ports import CreatorIndex, CreatorOrder, Found, Search
from tests.unit.discovery.entries import directory, entries, searches

SMALL = 15_000_000
"""Bytes: the least that a writer takes."""
EVERYONE = Search(Criteria(), CreatorOrder.FOLLOWERS, limit=100, at=AT)
SHARED = settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
INDEXES = ["memory", "tantivy", pytest.param("opensearch", marks=pytest.mark.opensearch)]


@pytest.fixture(params=INDEXES)
async def index(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[CreatorIndex]:
    made: CreatorIndex
    match request.param:
        case "memory":
            made = MemoryCreatorIndex()
        case "tantivy":
            made = TantivyCreatorIndex(tmp_path, 1, heap=SMALL)
        case _:
            made = request.getfixturevalue("connect")()
    await made.open()
    yield made
    await made.close()


def someone(number: int = 1, **others: object) -> Document:
    """An entry with a niche, a country and followers."""
    drawn: Document = {
        "creator_id": f"crt_{number:010d}",
        "number": number,
        "status": "joined",
        "handle": f"ana.{number}",
        "name": "Ana",
        "bio": "",
        "country": "DE",
        "state": None,
        "languages": ["de"],
        "niches": ["beauty"],
        "accounts": [{"platform": "tiktok"}],
        "followers": 10_000 + number,
        "rate_card": [],
        "performance": dict.fromkeys(
            (
                *("median_views", "average_views", "engagement_rate", "engagement_rate_method"),
                *("follower_growth", "last_posted_at", "sponsored"),
            )
        ),
        "audience": None,
        "absence": None,
        "badges": {},
        "credibility": None,
    }
    return {**drawn, **others}


def listed(*entries: Document) -> dict[str, Document | None]:
    return {entry["creator_id"]: entry for entry in entries}


def ids(found: Found) -> list[str]:
    return [entry["creator_id"] for _, entry in found.hits]


# --- what is written is found ------------------------------------------------------------------------------------------


async def test_an_entry_is_found_as_it_was_written_last(index: CreatorIndex) -> None:
    await index.write(listed(someone(1), someone(2)), 2)
    await index.write(listed(someone(1, niches=["food"])), 3)
    assert (await index.search(replace(EVERYONE, criteria=Criteria(niches=("food",))))).total == 1
    assert (await index.search(replace(EVERYONE, criteria=Criteria(niches=("beauty",))))).total == 1
    assert await index.get(["crt_0000000001", "crt_0000000009"]) == {"crt_0000000001": someone(1, niches=["food"])}
    assert await index.open() == 3


async def test_who_is_suspended_or_gone_is_not_found(index: CreatorIndex) -> None:
    await index.write(listed(someone(1), someone(2), someone(3)), 3)
    await index.write({**listed(someone(1, status="suspended")), "crt_0000000002": None}, 5)
    assert ids(await index.search(EVERYONE)) == ["crt_0000000003"]
    assert sorted(await index.get(["crt_0000000001", "crt_0000000002"])) == ["crt_0000000001"]
    await index.write(listed(someone(1)), 6)
    assert ids(await index.search(EVERYONE)) == ["crt_0000000003", "crt_0000000001"]


async def test_a_write_that_is_repeated_changes_nothing(index: CreatorIndex) -> None:
    await index.write(listed(someone(1), someone(2)), 2)
    await index.write(listed(someone(1), someone(2)), 2)
    assert ids(await index.search(EVERYONE)) == ["crt_0000000002", "crt_0000000001"]


async def test_words_are_completed_the_most_common_first(index: CreatorIndex) -> None:
    await index.write(listed(someone(1), someone(2, niches=["art"]), someone(3, name="Anders")), 3)
    assert await index.complete("a", 2) == [("ana", 3), ("anders", 1)]
    await index.write({**listed(someone(1, handle="bea.1", name="Bea")), "crt_0000000002": None}, 5)
    assert await index.complete("a", 2) == [("ana", 1), ("anders", 1)]


# --- what is found is what is looked for -------------------------------------------------------------------------------


async def agree(index: CreatorIndex, drawn: list[Document], asked: list[Search]) -> None:
    """The index, empty before, finds what a look at everyone finds."""
    memory, everyone = MemoryCreatorIndex(), directory(drawn)
    for one in (memory, index):
        await one.open()
        await one.write(everyone, len(everyone))
    for search in asked:
        expected, found = await memory.search(search), await index.search(search)
        assert found.total == sum(matches(entry, search.criteria, AT) for entry in everyone.values())
        assert list(found.hits) == list(expected.hits), search
        assert found.facets == expected.facets, search
        assert all(met(entry, search.criteria, AT) is not None for _, entry in found.hits)


@settings(SHARED, max_examples=100)
@for_all(drawn=st.lists(entries, min_size=1, max_size=30), asked=st.lists(searches(), min_size=10, max_size=30))
async def test_a_search_finds_what_a_look_at_everyone_finds(tmp_path_factory, drawn, asked) -> None:  # type: ignore[no-untyped-def]
    tantivy = TantivyCreatorIndex(tmp_path_factory.mktemp("index"), 1, heap=SMALL)
    try:
        await agree(tantivy, drawn, asked)
    finally:
        await tantivy.close()


@pytest.mark.parametrize("order", list(CreatorOrder))
async def test_pages_repeat_and_skip_nobody_while_others_change(index: CreatorIndex, order: CreatorOrder) -> None:
    prices = [{"platform": "tiktok", "format": "video", "amount": {"amount": 500, "currency": "EUR"}}]
    many = [someone(n, followers=10_000 + n // 7, rate_card=prices, bio="ana" if n % 2 else "") for n in range(1, 41)]
    await index.write(listed(*many), 40)
    search = replace(EVERYONE, criteria=Criteria(text="ana"), order=order, limit=7)
    seen: list[str] = []
    changing = range(1, 41, 5)
    position = 40
    while (found := await index.search(search)).hits:
        seen += ids(found)
        position += 1
        moved = [someone(n, followers=9_000 + position, rate_card=prices) for n in changing]
        joining = [someone(100 + position, followers=10_003, rate_card=prices)] if position < 45 else []
        await index.write(listed(*moved, *joining), position)
        search = replace(search, after=found.hits[-1][0])
    unchanged = [entry["creator_id"] for entry in many if entry["number"] not in changing]
    assert sorted(one for one in seen if one in unchanged) == unchanged


@SHARED
@for_all(
    drawn=st.lists(entries, min_size=2, max_size=20),
    asked=st.lists(searches(), min_size=5, max_size=10),
    cut=st.integers(1, 19),
)
async def test_replicas_that_came_to_the_same_differently_answer_the_same(tmp_path_factory, drawn, asked, cut) -> None:  # type: ignore[no-untyped-def]
    """One took everything in at once; the other in two parts, and some of it twice."""
    everyone = directory(drawn)
    first = dict(list(everyone.items())[:cut])
    at_once, in_parts = (TantivyCreatorIndex(tmp_path_factory.mktemp("index"), 1, heap=SMALL) for _ in range(2))
    try:
        for one in (at_once, in_parts):
            await one.open()
        await at_once.write(everyone, len(everyone))
        await in_parts.write(first, len(first))
        await in_parts.write(everyone, len(everyone))
        for search in asked:
            assert await at_once.search(search) == await in_parts.search(search)
    finally:
        await at_once.close()
        await in_parts.close()


async def test_a_slip_is_forgiven_however_many_words_are_near(index: CreatorIndex) -> None:
    near = {f"{'soapy'[:at]}{letter}{'soapy'[at + 1 :]}" for at in range(5) for letter in "abcdefghijklmnopqrstuvwxyz"}
    await index.write(listed(*(someone(n, name=name) for n, name in enumerate(sorted(near), 1))), len(near))
    found = await index.search(replace(EVERYONE, criteria=Criteria(text="soapy"), order=CreatorOrder.RELEVANCE))
    assert found.total == len(near) == 126


LONG = ["x" * 500, "漢" * 500, "\U00020000" * 199, " ".join(f"{n:02}{'ü' * 27}" for n in range(16))]


@pytest.mark.parametrize("text", LONG)
async def test_whatever_text_may_be_asked_for_is_answered(index: CreatorIndex, text: str) -> None:
    slip, begun = f"{text[:2]}q{text[3:]}", f"{text}q"
    memory = MemoryCreatorIndex()
    for one in (index, memory):
        await one.write(listed(*(someone(n, bio=bio) for n, bio in enumerate((slip, begun, text, ""), 1))), 4)
    search = replace(EVERYONE, criteria=Criteria(text=text), order=CreatorOrder.RELEVANCE)
    found = await index.search(search)
    assert list(found.hits) == list((await memory.search(search)).hits)
    assert found.total == 3


async def test_values_are_those_that_were_measured_of_whom_is_looked_for(index: CreatorIndex) -> None:
    unmeasured = someone()["performance"]
    rated = [someone(n, performance={**unmeasured, "engagement_rate": 0.1 * n, "follower_growth": -0.5}) for n in (1, 2, 3)]
    await index.write(listed(*rated, someone(4, followers=None), someone(5, country="FR"), someone(6, status="suspended")), 6)
    values = await index.values(Criteria(countries=("DE",)), ("followers", "engagement_rate", "growth", "median_views"), AT)
    assert {name: sorted(taken) for name, taken in values.items()} == {
        "followers": [10_001, 10_002, 10_003],
        "engagement_rate": [0.1, 0.2, 0.1 * 3],
        "growth": [-0.5, -0.5, -0.5],
        "median_views": [],
    }


# --- on disk -----------------------------------------------------------------------------------------------------------


async def test_what_was_written_outlives_the_process(tmp_path: Path) -> None:
    index = TantivyCreatorIndex(tmp_path, 1)
    assert await index.open() == 0
    await index.write(listed(someone(1)), 17)
    await index.close()
    again = TantivyCreatorIndex(tmp_path, 1)
    assert await again.open() == 17
    assert ids(await again.search(EVERYONE)) == ["crt_0000000001"]
    await again.close()


async def test_another_version_begins_anew_beside_the_old_one_which_is_removed_when_told(tmp_path: Path) -> None:
    old, new = TantivyCreatorIndex(tmp_path, 1), TantivyCreatorIndex(tmp_path, 2)
    await old.open()
    await old.write(listed(someone(1)), 17)
    assert await new.open() == 0
    assert ids(await old.search(EVERYONE)) == ["crt_0000000001"]
    await old.close()
    await new.forget_others()
    assert os.listdir(tmp_path) == ["v2"]
    await new.close()
