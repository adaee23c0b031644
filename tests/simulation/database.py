"""The database of a simulation: the twin, and who lost a race for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from libs.events.database import BsonDocument, Swap
from libs.events.memory import MemoryDatabase
from libs.events.relay import RELAYS
from libs.events.store import COMMITS
from tests.simulation.weather import Weather

BUILD = "__v"
"""Part of the name of a collection that a read model is kept in."""


class Database(MemoryDatabase):
    """Counts in `happened` what was refused."""

    def __init__(self, weather: Weather, happened: Counter[str]) -> None:
        super().__init__(weather)
        self._happened = happened
        self.written: list[tuple[str, str]] = []
        """Collection and id of what was written of read models, for who looks at it and clears it."""

    def one(self, collection: str, id_: str) -> BsonDocument | None:
        """As it is stored, whatever the faults; None: it is not, or no longer."""
        kept = self._collections.get(collection)
        return kept._documents.get(id_) if kept else None

    async def insert_in_order(self, collection: str, documents: Sequence[BsonDocument]) -> int:
        inserted = await super().insert_in_order(collection, documents)
        if collection == COMMITS and inserted < len(documents):
            self._happened["a writer lost the race"] += 1
        return inserted

    async def swap(self, collection: str, swaps: Sequence[Swap]) -> int:
        try:
            applied = await super().swap(collection, swaps)
        finally:
            if BUILD in collection:
                self.written += [(collection, swap.then["_id"]) for swap in swaps if swap.then is not None]
        if collection == RELAYS and applied < len(swaps):
            self._happened["a relay moved nothing any more"] += 1
        return applied
