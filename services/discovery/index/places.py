"""The order of hits, as integers: whoever indexes creators sorts them by these, and a cursor is one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from libs.events.ports import Document
from services.discovery.ports import CreatorOrder

NUMBER_BITS: Final = 31
LAST_NUMBER = 2**NUMBER_BITS - 1
"""Creators are told apart by the position at which they joined, up to this."""
LARGEST = 2**32 - 2
"""Values above count as this much."""
RATE_STEPS = 1_000_000_000
"""Engagement rates are compared in these parts of one."""
KEYS = {
    CreatorOrder.RELEVANCE: "by_followers",
    CreatorOrder.FOLLOWERS: "by_followers",
    CreatorOrder.ENGAGEMENT_RATE: "by_engagement_rate",
    CreatorOrder.MEDIAN_VIEWS: "by_median_views",
    CreatorOrder.PRICE: "by_price",
}
"""Their fields."""
DESCENDING = {
    CreatorOrder.FOLLOWERS: True,
    CreatorOrder.RELEVANCE: True,
    CreatorOrder.ENGAGEMENT_RATE: True,
    CreatorOrder.MEDIAN_VIEWS: True,
    CreatorOrder.PRICE: False,
}


def key_of(entry: Document, order: CreatorOrder) -> int:
    """Largest first (prices: smallest first) is the order; what was not measured comes last; no two creators have the same."""
    return _key(_VALUES[order](entry), _number(entry), DESCENDING[order])


def value_of(entry: Document, order: CreatorOrder) -> float | None:
    """What creators are compared by, in its own unit; None: it was not measured."""
    value = _VALUES[order](entry)
    return None if value is None else value / RATE_STEPS if order is CreatorOrder.ENGAGEMENT_RATE else float(value)


def keys_of(entry: Document) -> dict[str, int]:
    """All of them, by the names of their fields."""
    number = _number(entry)
    return {field: _key(measure(entry), number, descending) for field, measure, descending in _FIELDS}


def _key(value: int | None, number: int, descending: bool) -> int:
    if not descending:
        return ((LARGEST + 1 if value is None else min(value, LARGEST)) << NUMBER_BITS) | number
    return ((0 if value is None else min(value, LARGEST) + 1) << NUMBER_BITS) | (LAST_NUMBER - number)


def _number(entry: Document) -> int:
    return min(int(entry["number"]), LAST_NUMBER)


def _followers(entry: Document) -> int | None:
    followers: int | None = entry["followers"]
    return followers


def _engagement(entry: Document) -> int | None:
    rate = entry["performance"]["engagement_rate"]
    return None if rate is None else int(rate * RATE_STEPS + 0.5)


def _median_views(entry: Document) -> int | None:
    views = entry["performance"]["median_views"]
    return None if views is None else int(views)


def _least_price(entry: Document) -> int | None:
    return min((offer["amount"]["amount"] for offer in entry["rate_card"]), default=None)


_VALUES: Mapping[CreatorOrder, Callable[[Document], int | None]] = {
    CreatorOrder.FOLLOWERS: _followers,
    CreatorOrder.RELEVANCE: _followers,
    CreatorOrder.ENGAGEMENT_RATE: _engagement,
    CreatorOrder.MEDIAN_VIEWS: _median_views,
    CreatorOrder.PRICE: _least_price,
}
_FIELDS = tuple({field: (field, _VALUES[order], DESCENDING[order]) for order, field in KEYS.items()}.values())
