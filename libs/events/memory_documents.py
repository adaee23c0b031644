"""The in-memory twin of the document store. Its filters, order and paging mean what MongoDB's mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from libs.events.faults import NO_FAULTS, Faults
from libs.events.ports import AnyOf, Page, Range, Stored, Where, Write

RESERVED = frozenset({"_id", "_rev", "_token"})
"""Fields of a stored document that belong to the store."""

FIRST = Page()
"""The first hundred, by id."""


class MemoryDocuments:
    """Documents of one service. Several processes may share one object."""

    def __init__(self, faults: Faults = NO_FAULTS) -> None:
        self._collections: dict[str, dict[str, Stored]] = {}
        self._faults = faults

    async def get(self, collection: str, ids: Sequence[str]) -> dict[str, Stored]:
        await self._faults.at("documents.read")
        kept = self._collections.get(collection, {})
        return {name: _copied(kept[name]) for name in ids if name in kept}

    async def put(self, collection: str, writes: Sequence[Write]) -> frozenset[str]:
        check_writes(writes)
        await self._faults.at("put.before")
        kept = self._collections.setdefault(collection, {})
        lost = frozenset(write.id for write in writes if not _write(kept, write))
        await self._faults.at("put.after")
        return lost

    async def find(self, collection: str, where: Where, page: Page = FIRST) -> list[Stored]:
        await self._faults.at("documents.read")
        found = sorted(self._matching(collection, where), key=lambda stored: _Place(page.sort, _sort_values(stored, page)))
        if page.after is not None:
            last_seen = _Place(page.sort, page.after)
            found = [stored for stored in found if last_seen < _Place(page.sort, _sort_values(stored, page))]
        return [_copied(stored) for stored in found[: page.limit]]

    async def count(self, collection: str, where: Where) -> int:
        await self._faults.at("documents.read")
        return sum(1 for _ in self._matching(collection, where))

    async def index(self, collection: str, fields: Sequence[str]) -> None:
        """Nothing to do: every find looks at every document."""

    async def drop(self, collection: str) -> None:
        await self._faults.at("put.before")
        self._collections.pop(collection, None)

    def _matching(self, collection: str, where: Where) -> Iterator[Stored]:
        for stored in self._collections.get(collection, {}).values():
            if all(_matches(_values(stored, path), wanted) for path, wanted in where.items()):
                yield stored


def check_writes(writes: Sequence[Write]) -> None:
    """Raises `ValueError`: an id written twice in one put, or a field that belongs to the store."""
    if len({write.id for write in writes}) != len(writes):
        raise ValueError("one put writes a document at most once")
    for write in writes:
        if write.body is not None and not RESERVED.isdisjoint(write.body):
            raise ValueError(f"the store's own fields in document {write.id}: {sorted(RESERVED & write.body.keys())}")


def _write(kept: dict[str, Stored], write: Write) -> bool:
    now = kept.get(write.id)
    if now is None and write.body is None:
        return True
    if (now.revision if now else 0) != write.revision:
        return False
    if write.body is None:
        kept.pop(write.id, None)
    else:
        kept[write.id] = Stored(write.id, write.revision + 1, _copy(write.body))
    return True


def _copied(stored: Stored) -> Stored:
    return Stored(stored.id, stored.revision, _copy(stored.body))


def _copy(value: Any) -> Any:
    """A deep copy as a round trip through the database would give it. Raises `TypeError` on what is not plain JSON."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {_text(key): _copy(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_copy(item) for item in value]
    raise TypeError(f"documents hold plain JSON values, not {type(value).__name__}: {value!r}")


def _text(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError(f"a document's keys are strings, not {type(key).__name__}: {key!r}")
    return key


# --- filters -----------------------------------------------------------------------------------------------------------


def _values(stored: Stored, path: str) -> list[Any]:
    """What a dotted field holds: of a list also each element, through lists of objects as well; empty if it is missing."""
    if path == "_id":
        return [stored.id]
    return list(_walk(stored.body, path.split(".")))


def _walk(value: Any, path: list[str]) -> Iterator[Any]:
    if not path:
        yield value
        if isinstance(value, list):
            yield from value
    elif isinstance(value, dict):
        if path[0] in value:
            yield from _walk(value[path[0]], path[1:])
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, dict):
                yield from _walk(item, path)


def _matches(values: list[Any], wanted: Any) -> bool:
    if isinstance(wanted, Range):
        return _reaches(values, wanted.least, 1) and _reaches(values, wanted.most, -1) and any(_sortable(v) for v in values)
    if isinstance(wanted, AnyOf):
        return any(_matches(values, one) for one in wanted.values)
    if wanted is None:
        return not values or any(value is None for value in values)
    return any(_equal(value, wanted) for value in values)


def _reaches(values: list[Any], bound: Any, sign: int) -> bool:
    """Some value of the bound's own type is on its right side."""
    if bound is None:
        return True
    rank = _rank(bound)
    return any(_rank(v) == rank and (v == bound or (v > bound if sign > 0 else v < bound)) for v in values)


def _equal(value: Any, wanted: Any) -> bool:
    return _rank(value) == _rank(wanted) and bool(value == (list(wanted) if isinstance(wanted, tuple) else wanted))


# --- order -------------------------------------------------------------------------------------------------------------


def _rank(value: Any) -> int:
    """MongoDB's order of types: nothing, numbers, text, objects, lists, booleans."""
    match value:
        case None:
            return 1
        case bool():
            return 8
        case int() | float():
            return 2
        case str():
            return 3
        case dict():
            return 4
        case _:
            return 5


def _sortable(value: Any) -> bool:
    return value is not None and not isinstance(value, dict | list)


def _sort_values(stored: Stored, page: Page) -> tuple[Any, ...]:
    return (*((_values(stored, path) or [None])[0] for path, _ in page.sort), stored.id)


class _Place:
    """A document's place in a sorted find."""

    __slots__ = ("sort", "values")

    def __init__(self, sort: tuple[tuple[str, bool], ...], values: tuple[Any, ...]) -> None:
        self.sort, self.values = sort, values

    def __lt__(self, other: _Place) -> bool:
        ascending = (*(up for _, up in self.sort), True)
        for up, mine, theirs in zip(ascending, self.values, other.values, strict=True):
            ours, others = (_rank(mine), mine), (_rank(theirs), theirs)
            if ours[0] != others[0]:
                return (ours[0] < others[0]) is up
            if mine != theirs:
                return bool(mine < theirs) is up
        return False
