"""What discovery needs from outside: an index of the directory. One behaviour suite runs against every implementation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from libs.events.ports import Document
from services.discovery.domain.criteria import Criteria


class CreatorOrder(StrEnum):
    """Largest first; prices smallest first; relevance: the closest words first (see `domain.text`), then followers."""

    RELEVANCE = "relevance"
    FOLLOWERS = "followers"
    ENGAGEMENT_RATE = "engagement_rate"
    MEDIAN_VIEWS = "median_views"
    PRICE = "price"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a hit stands in its order: the next page begins behind it. `closeness` is 0 unless the order is by relevance. Among
    equals whoever joined first comes first, so that no two hits have the same place."""

    closeness: int
    key: int


@dataclass(frozen=True, slots=True)
class Search:
    """`at`: the time for which absences and recent posts are judged. `facets`: which of `FACETS` are counted."""

    criteria: Criteria
    order: CreatorOrder
    limit: int
    at: datetime
    after: Place | None = None
    facets: tuple[str, ...] = ()


FACETS = ("niches", "country", "languages", "platforms", "badges")
MOST_BUCKETS = 20
"""Of a facet, the largest."""


@dataclass(frozen=True, slots=True)
class Found:
    """`hits`: entries of the directory with their places, in order. `total`: how many there are on all pages. `facets`: name ->
    value -> count, the largest first, among equals by value."""

    hits: Sequence[tuple[Place, Document]]
    total: int
    facets: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


class CreatorIndex(Protocol):
    """Entries of the directory by creator, and how far in the log of discovery they are. Any process may read, one writes, in
    the log's order; where replicas share an index each of them does, and the entry as of the later position stays."""

    async def open(self) -> int:
        """Opens it, or begins it anew. Returns the position up to which it is written."""
        ...

    async def write(self, changes: Mapping[str, Document | None], position: int) -> None:
        """Creator -> its entry, or None: it is gone. Visible to searches, together with the position, when this returns; kept
        over restarts. Written again, nothing changes."""
        ...

    async def get(self, creators: Sequence[str]) -> dict[str, Document]:
        """Entries as last written, of those that are there."""
        ...

    async def search(self, search: Search) -> Found:
        """All who have joined and are what is looked for: `criteria.matches` says what that means."""
        ...

    async def values(self, criteria: Criteria, measures: Sequence[str], at: datetime) -> dict[str, list[float]]:
        """Of all who have joined and are what is looked for, each measure where it was taken, in no order: `followers`,
        `engagement_rate`, `median_views`, `average_views`, `growth`."""
        ...

    async def complete(self, beginning: str, limit: int) -> list[tuple[str, int]]:
        """Words of handles, names and niches that begin so, with how many creators have them, the most common first."""
        ...

    async def forget_others(self) -> None:
        """Removes what other versions of the index have left."""
        ...

    async def close(self) -> None:
        """What was written stays; another process may open it."""
        ...
