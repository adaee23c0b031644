"""The in-memory twin of a service's database: what MongoDB is asked for by the store and by the documents, with its meaning.

Documents are kept as BSON, so that what comes back is what the server would give back, and nobody shares an object with it.
A write is not one moment: others may come between two documents of a batch, and a failure may leave some of them written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import bson
from bson.codec_options import CodecOptions

from libs.events.database import BsonDocument, Filter, Sort, Swap
from libs.events.faults import NO_FAULTS, Faults
from libs.events.memory_filters import matches, sort_key

OPTIONS: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True)
COMMITS = "commits"
"""The collection whose faults have names of their own: `append`, `log`; those of all others are `put`, `documents`."""


class MemoryDatabase:
    """`Database`. Several processes may share one object. An insert is seen by readers with read concern `majority` only once
    its acknowledgement is on the way."""

    def __init__(self, faults: Faults = NO_FAULTS) -> None:
        self._collections: dict[str, _Collection] = {}
        self._faults = faults

    async def insert_in_order(self, collection: str, documents: Sequence[BsonDocument]) -> int:
        writing, kept = _writing(collection), self._collection(collection)
        await self._faults.at(f"{writing}.before")
        inserted: list[Any] = []
        try:
            for document in documents:
                if inserted:
                    await self._faults.at(f"{writing}.within")
                if not kept.insert(document, settled=False):
                    break
                inserted.append(document["_id"])
            await self._faults.at(f"{writing}.after")
        finally:
            kept.settle(inserted)
        return len(inserted)

    async def swap(self, collection: str, swaps: Sequence[Swap]) -> int:
        writing, kept = _writing(collection), self._collection(collection)
        await self._faults.at(f"{writing}.before")
        applied = 0
        for number, swap in enumerate(swaps):
            if number:
                await self._faults.at(f"{writing}.within")
            applied += kept.swap(swap)
        await self._faults.at(f"{writing}.after")
        return applied

    async def find(
        self,
        collection: str,
        where: Filter,
        *,
        sort: Sort = (),
        limit: int = 0,
        fields: Sequence[str] | None = None,
        majority: bool = False,
    ) -> list[BsonDocument]:
        await self._faults.at(_reading(collection))
        kept = self._collection(collection)
        found = list(kept.matching(where, majority=majority))
        for field, direction in reversed(sort):
            found.sort(key=lambda document: sort_key(document, field), reverse=direction < 0)
        chosen = [kept.copy(document) for document in (found[:limit] if limit else found)]
        return chosen if fields is None else [_only(document, fields) for document in chosen]

    async def count(self, collection: str, where: Filter) -> int:
        await self._faults.at(_reading(collection))
        return sum(1 for _ in self._collection(collection).matching(where, majority=False))

    async def index(self, collection: str, keys: Sort, *, unique: bool = False) -> None:
        self._collection(collection).index(tuple(field for field, _ in keys), unique=unique)

    async def drop(self, collection: str) -> None:
        await self._faults.at(f"{_writing(collection)}.before")
        self._collections.pop(collection, None)

    def stored(self, collection: str, after: int = 0) -> list[BsonDocument]:
        """What is there, whatever the faults, in the order in which it was first written; without the first `after`."""
        return list(islice(self._collection(collection).all(), after, None))

    def _collection(self, name: str) -> _Collection:
        kept = self._collections.get(name)
        if kept is None:
            kept = self._collections[name] = _Collection()
        return kept


class _Collection:
    """Documents by `_id`, in order of insertion, as BSON and as what it says. An index finds candidates by its first field; a
    filter decides."""

    def __init__(self) -> None:
        self._documents: dict[Any, BsonDocument] = {}
        self._bson: dict[Any, bytes] = {}
        self._unsettled: set[Any] = set()
        self._unique: dict[tuple[str, ...], dict[tuple[Any, ...], Any]] = {}
        self._lookup: dict[str, dict[Any, dict[Any, None]]] = {}

    def all(self) -> Iterable[BsonDocument]:
        return self._documents.values()

    def insert(self, document: BsonDocument, *, settled: bool = True) -> bool:
        """False: a unique index refuses."""
        written = bson.encode(document)
        kept = bson.decode(written, OPTIONS)
        id_ = kept["_id"]
        if id_ in self._documents or any(_key(kept, fields) in taken for fields, taken in self._unique.items()):
            return False
        self._enter(id_, kept, written)
        if not settled:
            self._unsettled.add(id_)
        return True

    def settle(self, ids: Iterable[Any]) -> None:
        self._unsettled.difference_update(ids)

    def swap(self, swap: Swap) -> bool:
        """Whether it took effect. `now` names a document by its `_id` and what else must be so."""
        if swap.now is None:
            return self.insert(swap.then or {})
        id_ = swap.now["_id"]
        kept = self._documents.get(id_)
        if kept is None or not matches(kept, swap.now):
            return False
        self._leave(id_, kept)
        if swap.then is None:
            del self._documents[id_], self._bson[id_]
        else:
            written = bson.encode(swap.then)
            self._enter(id_, bson.decode(written, OPTIONS), written)
        return True

    def copy(self, document: BsonDocument) -> BsonDocument:
        """Of one that is kept."""
        return bson.decode(self._bson[document["_id"]], OPTIONS)

    def matching(self, where: Filter, *, majority: bool) -> Iterator[BsonDocument]:
        wanted, candidates = self._candidates(where)
        for id_, document in candidates:
            if not (majority and id_ in self._unsettled) and (not wanted or matches(document, wanted)):
                yield document

    def index(self, fields: tuple[str, ...], *, unique: bool) -> None:
        if unique:
            self._unique.setdefault(fields, {_key(kept, fields): id_ for id_, kept in self._documents.items()})
        if fields[0] not in self._lookup and "." not in fields[0]:
            found: dict[Any, dict[Any, None]] = {}
            self._lookup[fields[0]] = found
            for id_, kept in self._documents.items():
                _enter(found, kept.get(fields[0]), id_)

    def _candidates(self, where: Filter) -> tuple[Filter, list[tuple[Any, BsonDocument]]]:
        """What is left to ask of whom."""
        asked = _asked(where.get("_id"))
        if asked is not None:
            left = {field: condition for field, condition in where.items() if field != "_id"}
            return left, [(id_, self._documents[id_]) for id_ in dict.fromkeys(asked) if id_ in self._documents]
        for field, found in self._lookup.items():
            asked = _asked(where.get(field))
            if asked is not None and None not in asked:
                ids = dict.fromkeys(id_ for value in asked for id_ in found.get(value, ()))
                return where, [(id_, self._documents[id_]) for id_ in ids]
        return where, list(self._documents.items())

    def _enter(self, id_: Any, kept: BsonDocument, written: bytes) -> None:
        self._documents[id_], self._bson[id_] = kept, written
        for fields, taken in self._unique.items():
            taken[_key(kept, fields)] = id_
        for field, found in self._lookup.items():
            _enter(found, kept.get(field), id_)

    def _leave(self, id_: Any, kept: BsonDocument) -> None:
        for fields, taken in self._unique.items():
            taken.pop(_key(kept, fields), None)
        for field, found in self._lookup.items():
            for value in _values(kept.get(field)):
                found.get(value, {}).pop(id_, None)


def _asked(condition: Any) -> list[Any] | None:
    """The values that a condition lets pass, where it names them."""
    if not isinstance(condition, Mapping):
        return None if condition is None or isinstance(condition, list | dict) else [condition]
    if "$in" in condition:
        asked = list(condition["$in"])
    elif "$eq" in condition:
        asked = [condition["$eq"]]
    else:
        return None
    return None if any(isinstance(value, list | dict | tuple) for value in asked) else asked


def _enter(found: dict[Any, dict[Any, None]], value: Any, id_: Any) -> None:
    for one in _values(value):
        found.setdefault(one, {})[id_] = None


def _values(value: Any) -> list[Any]:
    """What an index holds of a field: of a list each element."""
    held = value if isinstance(value, list) else [value]
    return [one for one in held if not isinstance(one, list | dict)]


def _key(document: BsonDocument, fields: tuple[str, ...]) -> tuple[Any, ...]:
    return tuple(document.get(field) for field in fields)


def _only(document: BsonDocument, fields: Sequence[str]) -> BsonDocument:
    return {name: document[name] for name in ("_id", *fields) if name in document}


def _writing(collection: str) -> str:
    return "append" if collection == COMMITS else "put"


def _reading(collection: str) -> str:
    return "log.read" if collection == COMMITS else "documents.read"
