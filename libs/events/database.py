"""What the kernel needs of MongoDB, and no more. `libs/chassis/mongo.py` implements it; no driver type is known here.

Every method raises `ports.Unavailable` when the database does not answer; a write's outcome is then unknown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

BsonDocument = dict[str, Any]
Filter = Mapping[str, Any]
Sort = Sequence[tuple[str, int]]
"""Field and 1 (ascending) or -1."""


@dataclass(frozen=True, slots=True)
class Swap:
    """One compare-and-set: where `now` matches a document, `then` takes its place (None: it is deleted). `now` None:
    `then` is inserted, if its `_id` is free."""

    now: BsonDocument | None
    then: BsonDocument | None


class Database(Protocol):
    """One service's database. Writes are acknowledged by a majority and journalled."""

    async def insert_in_order(self, collection: str, documents: Sequence[BsonDocument]) -> int:
        """Inserts until the first that a unique index refuses; returns how many were inserted."""
        ...

    async def swap(self, collection: str, swaps: Sequence[Swap]) -> int:
        """Applies each by itself, in any order; returns how many took effect."""
        ...

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
        """`limit` 0: all. `majority`: only what no fail-over can take back."""
        ...

    async def count(self, collection: str, where: Filter) -> int: ...

    async def index(self, collection: str, keys: Sort, *, unique: bool = False) -> None:
        """Idempotent."""
        ...

    async def drop(self, collection: str) -> None: ...
