"""The database of a simulation: the twin, and who lost a race for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from libs.events.database import BsonDocument, Swap
from libs.events.memory import MemoryDatabase
from libs.events.relay import RELAYS
from libs.events.store import COMMITS
from tests.simulation.weather import Weather


class Database(MemoryDatabase):
    """Counts in `happened` what was refused."""

    def __init__(self, weather: Weather, happened: Counter[str]) -> None:
        super().__init__(weather)
        self._happened = happened

    async def insert_in_order(self, collection: str, documents: Sequence[BsonDocument]) -> int:
        inserted = await super().insert_in_order(collection, documents)
        if collection == COMMITS and inserted < len(documents):
            self._happened["a writer lost the race"] += 1
        return inserted

    async def swap(self, collection: str, swaps: Sequence[Swap]) -> int:
        applied = await super().swap(collection, swaps)
        if collection == RELAYS and applied < len(swaps):
            self._happened["a relay moved nothing any more"] += 1
        return applied
