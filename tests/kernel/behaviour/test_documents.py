"""What every document store does."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libs.chassis.mongo import MongoDatabase
from libs.chassis.system import SystemIds
from libs.events.documents import FIRST, MongoDocuments
from libs.events.memory import MemoryDocuments
from libs.events.ports import AnyOf, Documents, Page, Range, Where, Write

CREATORS: dict[str, dict[str, Any]] = {
    "a": {"name": "Ana", "stats": {"followers": 900, "rate": 0.05}, "niches": ["beauty", "food"], "active": True},
    "b": {"name": "Bea", "stats": {"followers": 100, "rate": 0.5}, "niches": ["food"], "active": False},
    "c": {"name": "Cid", "stats": {"followers": None}, "niches": [], "active": True, "note": None},
    "d": {"name": "Dan", "stats": {"followers": 900}, "accounts": [{"on": "tiktok", "size": 5}, {"on": "x", "size": 50}]},
    "e": {"name": "Eve", "niches": ["$where"], "stats": {}},
}


async def put(documents: Documents, bodies: dict[str, dict[str, Any]]) -> None:
    assert await documents.put("creators", [Write(name, 0, body) for name, body in bodies.items()]) == frozenset()


async def ids(documents: Documents, where: Where, page: Page = FIRST) -> list[str]:
    return [stored.id for stored in await documents.find("creators", where, page)]


async def test_a_document_is_read_back_as_it_was_put(documents: Documents) -> None:
    body = {"text": "ü", "number": 2**53 - 1, "fraction": 0.5, "none": None, "list": [{"a": [1]}], "empty": {}, "yes": True}
    await put(documents, {"a": body})
    stored = (await documents.get("creators", ["a", "missing"])) | {}
    assert list(stored) == ["a"]
    assert (stored["a"].id, stored["a"].revision, stored["a"].body) == ("a", 1, body)


async def test_what_was_read_is_the_readers_own(documents: Documents) -> None:
    await put(documents, {"a": {"list": [1]}})
    (await documents.get("creators", ["a"]))["a"].body["list"].append(2)
    assert (await documents.get("creators", ["a"]))["a"].body == {"list": [1]}


async def test_the_revision_counts_writes(documents: Documents) -> None:
    await put(documents, {"a": {"n": 0}})
    for revision in (1, 2, 3):
        assert await documents.put("creators", [Write("a", revision, {"n": revision})]) == frozenset()
    assert (await documents.get("creators", ["a"]))["a"].revision == 4


async def test_whoever_comes_late_is_told_and_writes_nothing(documents: Documents) -> None:
    await put(documents, {"a": {"n": 1}, "b": {"n": 1}})
    await documents.put("creators", [Write("a", 1, {"n": 2})])
    late = [Write("a", 1, {"n": 9}), Write("b", 1, {"n": 9}), Write("c", 0, {"n": 9}), Write("d", 3, {"n": 9})]
    assert await documents.put("creators", late) == {"a", "d"}
    found = await documents.get("creators", ["a", "b", "c", "d"])
    assert {name: stored.body["n"] for name, stored in found.items()} == {"a": 2, "b": 9, "c": 9}


async def test_what_exists_is_not_created_again(documents: Documents) -> None:
    await put(documents, {"a": {"n": 1}})
    assert await documents.put("creators", [Write("a", 0, {"n": 2}), Write("b", 0, {"n": 2})]) == {"a"}
    assert (await documents.get("creators", ["a"]))["a"].body == {"n": 1}


async def test_a_put_replaces_the_whole_document(documents: Documents) -> None:
    await put(documents, {"a": {"old": 1}})
    await documents.put("creators", [Write("a", 1, {"new": 2})])
    assert (await documents.get("creators", ["a"]))["a"].body == {"new": 2}


async def test_a_delete_counts_as_a_write(documents: Documents) -> None:
    await put(documents, {"a": {}, "b": {}})
    await documents.put("creators", [Write("b", 1, {"moved": True})])
    assert await documents.put("creators", [Write("a", 1, None), Write("b", 1, None), Write("c", 0, None)]) == {"b"}
    assert list(await documents.get("creators", ["a", "b", "c"])) == ["b"]
    assert await documents.put("creators", [Write("a", 0, {"again": True})]) == frozenset()
    assert (await documents.get("creators", ["a"]))["a"].revision == 1


async def test_of_many_writers_one_wins_each_round(documents: Documents) -> None:
    await put(documents, {"counter": {"n": 0}})
    won = 0

    async def increment() -> None:
        nonlocal won
        while True:
            stored = (await documents.get("creators", ["counter"]))["counter"]
            body = {"n": stored.body["n"] + 1}
            if not await documents.put("creators", [Write("counter", stored.revision, body)]):
                won += 1
                return

    await asyncio.gather(*(increment() for _ in range(12)))
    assert won == 12
    assert (await documents.get("creators", ["counter"]))["counter"].body == {"n": 12}


async def test_an_id_twice_in_one_put_is_an_error(documents: Documents) -> None:
    with pytest.raises(ValueError, match="at most once"):
        await documents.put("creators", [Write("a", 0, {}), Write("a", 1, {})])


@pytest.mark.parametrize("name", ["_id", "_rev", "_token"])
async def test_the_stores_own_fields_are_refused(documents: Documents, name: str) -> None:
    with pytest.raises(ValueError, match="own fields"):
        await documents.put("creators", [Write("a", 0, {name: 1})])


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({}, "abcde"),
        ({"name": "Bea"}, "b"),
        ({"stats.followers": 900}, "ad"),
        ({"niches": "food"}, "ab"),
        ({"niches": "food", "active": True}, "a"),
        ({"niches": AnyOf(("beauty", "$where"))}, "ae"),
        ({"niches": AnyOf(())}, ""),
        ({"stats.followers": Range(100, 899)}, "b"),
        ({"stats.followers": Range(least=100)}, "abd"),
        ({"stats.followers": Range(most=100)}, "b"),
        ({"stats.followers": Range()}, "abd"),
        ({"stats.followers": None}, "ce"),
        ({"note": None}, "abcde"),
        ({"name": Range("Bea", "Cid")}, "bc"),
        ({"active": 1}, ""),
        ({"accounts.on": "x"}, "d"),
        ({"accounts.size": Range(40, 60)}, "d"),
        ({"name": {"$gt": ""}}, ""),
        ({"stats": {"followers": 900}}, "d"),
        ({"_id": AnyOf(("a", "e"))}, "ae"),
    ],
)
async def test_a_filter_finds(documents: Documents, where: Where, expected: str) -> None:
    await put(documents, CREATORS)
    assert await ids(documents, where) == list(expected)
    assert await documents.count("creators", where) == len(expected)


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ((), "abcde"),
        ((("name", False),), "edcba"),
        ((("stats.followers", True),), "cebad"),
        ((("stats.followers", False),), "adbce"),
        ((("stats.followers", False), ("name", False)), "dabec"),
        ((("active", False), ("stats.rate", True)), "cabde"),
    ],
)
async def test_pages_continue_where_the_last_one_ended(
    documents: Documents, sort: tuple[tuple[str, bool], ...], expected: str
) -> None:
    await put(documents, CREATORS)
    await documents.index("creators", [field for field, _ in sort] or ["name"])
    assert await ids(documents, {}, Page(sort)) == list(expected)
    for size in (1, 2, 3):
        seen: list[str] = []
        after: tuple[Any, ...] | None = None
        while found := await documents.find("creators", {}, Page(sort, after, size)):
            assert len(found) <= size
            seen += [stored.id for stored in found]
            after = (*(at(found[-1].body, field) for field, _ in sort), found[-1].id)
        assert seen == list(expected)


def at(body: dict[str, Any], path: str) -> Any:
    for name in path.split("."):
        body = body.get(name) if isinstance(body, dict) else None  # type: ignore[assignment]
    return body


async def test_an_index_may_be_declared_again(documents: Documents) -> None:
    await documents.index("creators", ["name"])
    await put(documents, CREATORS)
    await documents.index("creators", ["name"])
    assert await ids(documents, {"name": "Ana"}) == ["a"]


async def test_a_dropped_collection_is_empty(documents: Documents) -> None:
    await put(documents, CREATORS)
    await documents.drop("creators")
    assert await documents.count("creators", {}) == 0
    await documents.drop("creators")


NUMBERS = st.none() | st.integers(-3, 3)
TEXTS = st.none() | st.sampled_from(["", "a", "b"])
BODIES = st.dictionaries(
    st.sampled_from("abcdefgh"), st.fixed_dictionaries({}, optional={"x": NUMBERS, "y": TEXTS}), max_size=8
)
CONDITIONS = NUMBERS | TEXTS | st.builds(AnyOf, st.tuples(NUMBERS, TEXTS)) | st.builds(Range, NUMBERS, NUMBERS)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    bodies=BODIES,
    where=st.dictionaries(st.sampled_from(["x", "y"]), CONDITIONS),
    sort=st.lists(st.tuples(st.sampled_from(["x", "y"]), st.booleans()), max_size=2, unique_by=lambda s: s[0]),
    limit=st.integers(1, 4),
)
async def test_the_twin_finds_what_mongodb_finds(
    bodies: dict[str, Any], where: Where, sort: list[tuple[str, bool]], limit: int, database: MongoDatabase
) -> None:
    real, twin = MongoDocuments(database, SystemIds()), MemoryDocuments()
    await real.drop("creators")
    for documents in (real, twin):
        await put(documents, bodies)
    after: tuple[Any, ...] | None = None
    while True:
        page = Page(tuple(sort), after, limit)
        found = await real.find("creators", where, page)
        assert found == await twin.find("creators", where, page)
        if not found:
            break
        after = (*(found[-1].body.get(field) for field, _ in sort), found[-1].id)
    assert await real.count("creators", where) == await twin.count("creators", where)
