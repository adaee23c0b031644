"""Documents on MongoDB: read by id or by filter, changed by compare-and-set on a revision only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from libs.events.database import BsonDocument, Database, Swap
from libs.events.ids import Ids
from libs.events.ports import AnyOf, Page, Range, Stored, Where, Write

RESERVED = frozenset({"_id", "_rev", "_token"})
"""Fields of a stored document that belong to the store."""
FIRST = Page()
"""The first hundred, by id."""
LOOKED_UP = 100
"""Ids in one look-up: some servers compare each document with all of them."""


class MongoDocuments:
    """`Documents` of one service. In a stored document `_rev` counts its writes and `_token` names the put that wrote it."""

    def __init__(self, database: Database, ids: Ids) -> None:
        self._database, self._ids = database, ids

    async def get(self, collection: str, ids: Sequence[str]) -> dict[str, Stored]:
        found: dict[str, Stored] = {}
        for start in range(0, len(ids), LOOKED_UP):
            wanted = {"_id": {"$in": list(ids[start : start + LOOKED_UP])}}
            found |= {document["_id"]: _stored(document) for document in await self._database.find(collection, wanted)}
        return found

    async def put(self, collection: str, writes: Sequence[Write]) -> frozenset[str]:
        check_writes(writes)
        token = self._ids.commit_id()
        applied = await self._database.swap(collection, [_swap(write, token) for write in writes])
        return frozenset() if applied == len(writes) else await self._lost(collection, writes, token)

    async def _lost(self, collection: str, writes: Sequence[Write], token: str) -> frozenset[str]:
        """Only the number of writes that took effect is known: read which did. One that was overwritten since then counts as
        lost; its writer reads it again in any case."""
        ids = {"$in": [write.id for write in writes]}
        found = await self._database.find(collection, {"_id": ids}, fields=["_token"])
        tokens = {document["_id"]: document["_token"] for document in found}
        return frozenset(
            write.id for write in writes if (write.id in tokens if write.body is None else tokens.get(write.id) != token)
        )

    async def find(self, collection: str, where: Where, page: Page = FIRST) -> list[Stored]:
        order = [(field, 1 if ascending else -1) for field, ascending in page.sort] + [("_id", 1)]
        condition = _filter(where)
        if page.after is not None:
            beyond = _beyond(page.sort, page.after)
            condition = {"$and": [condition, beyond]} if condition else beyond
        found = await self._database.find(collection, condition, sort=order, limit=page.limit)
        return [_stored(document) for document in found]

    async def count(self, collection: str, where: Where) -> int:
        return await self._database.count(collection, _filter(where))

    async def index(self, collection: str, fields: Sequence[str]) -> None:
        await self._database.index(collection, [(field, 1) for field in fields])

    async def drop(self, collection: str) -> None:
        await self._database.drop(collection)


def check_writes(writes: Sequence[Write]) -> None:
    """Raises `ValueError`: an id written twice in one put, or a field that belongs to the store."""
    if len({write.id for write in writes}) != len(writes):
        raise ValueError("one put writes a document at most once")
    for write in writes:
        if write.body is not None and not RESERVED.isdisjoint(write.body):
            raise ValueError(f"the store's own fields in document {write.id}: {sorted(RESERVED & write.body.keys())}")


def _swap(write: Write, token: str) -> Swap:
    now = {"_id": write.id, "_rev": write.revision}
    if write.body is None:
        return Swap(now, None)
    then = {"_id": write.id, **write.body, "_rev": write.revision + 1, "_token": token}
    return Swap(now if write.revision else None, then)


def _stored(document: BsonDocument) -> Stored:
    id, revision = document.pop("_id"), document.pop("_rev")  # noqa: A001 - the field's word
    del document["_token"]
    return Stored(id, revision, document)


def _filter(where: Where) -> BsonDocument:
    return {field: _condition(wanted) for field, wanted in where.items()}


def _condition(wanted: Any) -> Mapping[str, Any]:
    """Values stay under an operator, so that a value which looks like an operator is only a value."""
    match wanted:
        case Range(least=None, most=None):
            return {"$ne": None}
        case Range(least=least, most=most):
            bounds = {"$gte": least, "$lte": most}
            return {operator: bound for operator, bound in bounds.items() if bound is not None}
        case AnyOf(values=values):
            return {"$in": list(values)}
        case _:
            return {"$eq": wanted}


def _beyond(sort: tuple[tuple[str, bool], ...], after: tuple[Any, ...]) -> BsonDocument:
    """What comes after the last document seen. Null and missing come before every value, and no `$gt` or `$lt` sees them."""
    equal: list[BsonDocument] = []
    alternatives: list[BsonDocument] = []
    for (field, ascending), value in zip(sort, after[:-1], strict=True):
        if ascending:
            further: list[BsonDocument] = [{field: {"$ne": None} if value is None else {"$gt": value}}]
        else:
            further = [] if value is None else [{"$or": [{field: {"$lt": value}}, {field: {"$eq": None}}]}]
        alternatives += [{"$and": [*equal, step]} for step in further]
        equal.append({field: {"$eq": value}})
    alternatives.append({"$and": [*equal, {"_id": {"$gt": after[-1]}}]})
    return {"$or": alternatives}
