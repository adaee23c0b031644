"""The order of hits, as integers: whoever indexes creators sorts them by these, and a cursor is one of them."""

from __future__ import annotations

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
DESCENDING = {
    CreatorOrder.FOLLOWERS: True,
    CreatorOrder.RELEVANCE: True,
    CreatorOrder.ENGAGEMENT_RATE: True,
    CreatorOrder.MEDIAN_VIEWS: True,
    CreatorOrder.PRICE: False,
}


def key_of(entry: Document, order: CreatorOrder) -> int:
    """Largest first (prices: smallest first) is the order; what was not measured comes last; no two creators have the same."""
    value, number = _value(entry, order), min(int(entry["number"]), LAST_NUMBER)
    if not DESCENDING[order]:
        return ((LARGEST + 1 if value is None else min(value, LARGEST)) << NUMBER_BITS) | number
    return ((0 if value is None else min(value, LARGEST) + 1) << NUMBER_BITS) | (LAST_NUMBER - number)


def _value(entry: Document, order: CreatorOrder) -> int | None:
    performance = entry["performance"]
    match order:
        case CreatorOrder.FOLLOWERS | CreatorOrder.RELEVANCE:
            value = entry["followers"]
        case CreatorOrder.ENGAGEMENT_RATE:
            rate = performance["engagement_rate"]
            value = None if rate is None else int(rate * RATE_STEPS + 0.5)
        case CreatorOrder.MEDIAN_VIEWS:
            value = performance["median_views"]
        case CreatorOrder.PRICE:
            value = min((offer["amount"]["amount"] for offer in entry["rate_card"]), default=None)
    return None if value is None else int(value)
