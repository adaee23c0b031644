"""The index's in-memory twin: every search looks at every creator. What it finds is what any index must find."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from libs.events.ports import Document
from services.discovery.domain.criteria import Criteria, matches, named, said
from services.discovery.domain.text import closeness, terms_of
from services.discovery.index.facets import facet_values
from services.discovery.index.places import DESCENDING, key_of
from services.discovery.ports import MOST_BUCKETS, CreatorOrder, Found, Place, Search

MEASURED = {"growth": "follower_growth"}
"""Where a measure is called otherwise."""


class MemoryCreatorIndex:
    """`CreatorIndex`, as long as the object lives."""

    def __init__(self) -> None:
        self.entries: dict[str, Document] = {}
        self.position = 0

    async def open(self) -> int:
        return self.position

    async def write(self, changes: Mapping[str, Document | None], position: int) -> None:
        for creator, entry in changes.items():
            if entry is None:
                self.entries.pop(creator, None)
            else:
                self.entries[creator] = entry
        self.position = position

    async def get(self, creators: Sequence[str]) -> dict[str, Document]:
        return {creator: self.entries[creator] for creator in creators if creator in self.entries}

    async def search(self, search: Search) -> Found:
        met = [entry for entry in self.entries.values() if matches(entry, search.criteria, search.at)]
        placed = [(place_of(entry, search), entry) for entry in met]
        placed.sort(key=lambda hit: _rank(hit[0], search.order))
        after = search.after
        behind = (
            placed if after is None else [hit for hit in placed if _rank(hit[0], search.order) > _rank(after, search.order)]
        )
        return Found(behind[: search.limit], len(placed), {name: _counted(name, met) for name in search.facets})

    async def values(self, criteria: Criteria, measures: Sequence[str], at: datetime) -> dict[str, list[float]]:
        met = [entry for entry in self.entries.values() if matches(entry, criteria, at)]
        taken = {name: [_measured(entry, name) for entry in met] for name in measures}
        return {name: [value for value in values if value is not None] for name, values in taken.items()}

    async def complete(self, beginning: str, limit: int) -> list[tuple[str, int]]:
        joined = (entry for entry in self.entries.values() if entry["status"] == "joined")
        counts = Counter(word for entry in joined for word in set(named(entry)) if word.startswith(beginning))
        return sorted(counts.items(), key=lambda word: (-word[1], word[0]))[:limit]

    async def forget_others(self) -> None:
        """There are none."""

    async def close(self) -> None:
        """What was written stays."""


def place_of(entry: Document, search: Search) -> Place:
    close = 0
    if search.order is CreatorOrder.RELEVANCE:
        close = int(closeness(terms_of(search.criteria.text), named(entry), said(entry)) or 0)
    return Place(close, key_of(entry, search.order))


def _measured(entry: Document, measure: str) -> float | None:
    value = entry["followers"] if measure == "followers" else entry["performance"][MEASURED.get(measure, measure)]
    return None if value is None else float(value)


def _rank(place: Place, order: CreatorOrder) -> tuple[int, int]:
    return place.closeness, -place.key if DESCENDING[order] else place.key


def _counted(facet: str, met: Sequence[Document]) -> dict[str, int]:
    counts = Counter(value for entry in met for value in facet_values(entry, facet))
    return dict(sorted(counts.items(), key=lambda bucket: (-bucket[1], bucket[0]))[:MOST_BUCKETS])
