"""What an index of the directory looks at: the fields of an entry that filters, orders and facets are about."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any

from libs.events.ports import Document
from services.discovery.domain.criteria import DISTRIBUTIONS, format_name, named, said, steps
from services.discovery.index.facets import facet_values
from services.discovery.index.places import keys_of
from services.discovery.ports import FACETS

COUNTS = ("followers", "median_views", "average_views", "posted_at", "away_from", "away_until")
SHARES = ("engagement_rate", "growth", "credibility")
NEVER = 2**62
"""Milliseconds: later than any time."""


def fields_of(entry: Document) -> dict[str, Any]:
    """Those that it has; of who is not listed none. `prices` and `shares` are numbers by name, the rest is named as above."""
    if entry["status"] != "joined":
        return {}
    performance, absence = entry["performance"], entry["absence"] or {}
    values: dict[str, Any] = {
        "joined": "yes",
        **{name: facet_values(entry, name) for name in FACETS},
        "state": entry["state"],
        "method": performance["engagement_rate_method"],
        "sponsored": performance["sponsored"] and "yes",
        "named": named(entry),
        "said": said(entry),
        "prices": _prices(entry),
        "shares": _shares(entry),
        "followers": entry["followers"],
        "median_views": performance["median_views"],
        "average_views": performance["average_views"],
        "posted_at": milliseconds(performance["last_posted_at"]),
        "away_from": milliseconds(absence.get("starts_at")),
        "away_until": absence and (milliseconds(absence["ends_at"]) or NEVER),
        "engagement_rate": performance["engagement_rate"],
        "growth": performance["follower_growth"],
        "credibility": entry["credibility"] and entry["credibility"]["score"],
        **keys_of(entry),
    }
    return {name: value for name, value in values.items() if value or value == 0}


def milliseconds(at: str | None) -> int | None:
    return None if at is None else round(datetime.fromisoformat(at).timestamp() * 1000)


def _prices(entry: Document) -> dict[str, list[int]]:
    """Of each way in which a price may be asked for, the amounts."""
    prices: dict[str, list[int]] = {}
    for offer in entry["rate_card"]:
        amount = offer["amount"]
        for key in _price_keys(amount["currency"], offer["platform"], offer["format"]):
            if key in prices:
                prices[key].append(amount["amount"])
            else:
                prices[key] = [amount["amount"]]
    return prices


@lru_cache(10_000)
def _price_keys(currency: str, platform: str, format: str) -> tuple[str, ...]:
    ways = ((None, None), (platform, None), (None, format), (platform, format))
    return tuple(price_key(currency, *way) for way in ways)


def price_key(currency: str, platform: str | None, format: str | None) -> str:
    """A name without characters that mean something in a query."""
    return f"{currency}_{platform or 'any'}_{'any' if format is None else plain(format_name(format))}"


def plain(text: str) -> str:
    return "f" + (text.replace("-", "_") if text.isascii() else text.encode().hex())


def _shares(entry: Document) -> dict[str, int]:
    audience = entry["audience"]
    if audience is None:
        return {}
    return {key_of[value]: steps(share) for key_of, name in _KINDS for value, share in audience.get(name, {}).items()}


class _ShareKeys(dict[str, str]):
    """Value -> key, of one kind; there are few of them, and each is asked for a million times."""

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def __missing__(self, value: str) -> str:
        key = self[value] = share_key(self._kind, value)
        return key


def share_key(kind: str, value: str) -> str:
    return f"{kind}_{value.encode().hex() if not value.isalnum() or not value.isascii() else value}"


_KINDS = tuple((_ShareKeys(kind.value), name) for kind, name in DISTRIBUTIONS.items())
