"""How well a creator fits: to others like it, or to a campaign. A score is the sum of its parts, each a weight times a value
between 0 and 1; weights are policy, and are spread anew over the parts that apply."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.discovery.domain.credibility import LIVELY
from services.discovery.domain.criteria import AudienceShare, Entry, format_name, needed, thousandths
from services.discovery.domain.text import words

Fit = tuple[str, float | None]
"""A part's name and its value; None: the creator was not measured for it, which counts as 0."""


@dataclass(frozen=True, slots=True)
class Weights:
    """Of parts, by name; only their ratio counts."""

    similar: Mapping[str, float] = field(
        default_factory=lambda: {"niches": 4, "audience": 2, "size": 2, "engagement": 1, "languages": 1}
    )
    campaign: Mapping[str, float] = field(
        default_factory=lambda: {"brief": 3, "audience": 2, "budget": 2, "engagement": 1.5, "reliability": 1.5}
    )


@dataclass(frozen=True, slots=True)
class Part:
    """`value` × `weight` is what it adds to the score; the weights of all parts sum to 1. `missing`: it could not be told."""

    name: str
    weight: float
    value: float
    missing: bool = False

    @property
    def adds(self) -> float:
        return self.weight * self.value


def scored(fits: Sequence[Fit], weights: Mapping[str, float]) -> tuple[float, list[Part]]:
    total = sum(weights[name] for name, _ in fits) or 1.0
    parts = [Part(name, weights[name] / total, value or 0.0, missing=value is None) for name, value in fits]
    return sum(part.adds for part in parts), parts


# --- Like others -----------------------------------------------------------------------------------------------------


def similarity(entry: Entry, seed: Entry) -> list[Fit]:
    """What two creators have in common."""
    return [
        ("niches", _shared(entry["niches"], seed["niches"])),
        ("audience", _same_audience(entry["audience"], seed["audience"])),
        ("size", _same_size(entry["followers"], seed["followers"])),
        ("engagement", _same_rate(entry["performance"], seed["performance"])),
        ("languages", _shared(entry["languages"], seed["languages"])),
    ]


def averaged(several: Sequence[Sequence[Fit]]) -> list[Fit]:
    """Part by part; of what was told nowhere, nothing."""
    fits: list[Fit] = []
    for of_one in zip(*several, strict=True):
        told = [value for _, value in of_one if value is not None]
        fits.append((of_one[0][0], sum(told) / len(of_one) if told else None))
    return fits


def _shared(one: Sequence[str], other: Sequence[str]) -> float | None:
    """Jaccard: what both have of what either has."""
    either = {*one, *other}
    return len({*one} & {*other}) / len(either) if either else None


def _same_audience(one: Entry | None, other: Entry | None) -> float | None:
    """The overlap of each distribution that both have (the sum of the smaller shares), on average."""
    if one is None or other is None:
        return None
    overlaps = [
        sum(min(share, other[name].get(value, 0.0)) for value, share in one[name].items() if value != "unknown")
        for name in ("countries", "genders", "ages", "languages")
        if one[name] and other[name]
    ]
    return min(1.0, sum(overlaps) / len(overlaps)) if overlaps else None


def _same_size(one: int | None, other: int | None) -> float | None:
    """1 for as many followers, 0 from ten times as many or a tenth on."""
    return max(0.0, 1 - abs(math.log10(one / other))) if one and other else None


def _same_rate(one: Entry, other: Entry) -> float | None:
    """Only rates by the same method compare."""
    rates = one["engagement_rate"], other["engagement_rate"]
    if None in rates or one["engagement_rate_method"] != other["engagement_rate_method"]:
        return None
    return min(rates) / max(rates) if max(rates) > 0 else 1.0


# --- For a campaign --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a campaign asks for. `words`: of its name and brief; `deliverables`: (platform, format); `budget`: minor units."""

    words: frozenset[str]
    audience: tuple[AudienceShare, ...]
    deliverables: tuple[tuple[str, str], ...]
    budget: int | None
    currency: str | None


RELIABILITY = {"reliable": 0.4, "responsive": 0.3, "experienced": 0.3}
"""What each badge says of it."""
VERY_LIVELY = 5.0
"""Times the rate from which followers count as alive: as much engagement as counts."""


def suitability(entry: Entry, wanted: Wanted) -> list[Fit]:
    """How well a creator fits a campaign, in the parts that the campaign says something of."""
    return list(_suitability(entry, wanted))


def _suitability(entry: Entry, wanted: Wanted) -> Iterator[Fit]:
    if wanted.words:
        yield "brief", _meets_brief(entry, wanted.words)
    if wanted.audience:
        yield "audience", _meets_audience(entry, wanted.audience)
    if wanted.budget and wanted.deliverables:
        yield "budget", _within_budget(entry, wanted)
    performance = entry["performance"]
    rate, method = performance["engagement_rate"], performance["engagement_rate_method"]
    yield "engagement", None if rate is None or method is None else min(1.0, rate / (VERY_LIVELY * LIVELY[method]))
    yield "reliability", sum(share for badge, share in RELIABILITY.items() if badge in entry["badges"])


def _meets_brief(entry: Entry, wanted: frozenset[str]) -> float:
    """Half for its niches, half for its bio: the share of them that the brief speaks of too."""
    niches = [niche for niche in entry["niches"] if wanted & {*words(niche)}]
    bio = {word for word in words(entry["bio"]) if len(word) > 3}
    of_niches = len(niches) / len(entry["niches"]) if entry["niches"] else 0.0
    return 0.5 * of_niches + 0.5 * (min(1.0, 3 * len(bio & wanted) / len(bio)) if bio else 0.0)


def _meets_audience(entry: Entry, wanted: Sequence[AudienceShare]) -> float | None:
    if entry["audience"] is None:
        return None
    return sum(min(1.0, max(0, thousandths(entry, share)) / needed(share)) for share in wanted) / len(wanted)


def price_of(entry: Entry, deliverables: Sequence[tuple[str, str]], currency: str | None) -> int | None:
    """Of all deliverables by the rate card; None where one has no price in that currency."""
    prices = {
        (offer["platform"], format_name(offer["format"])): offer["amount"]["amount"]
        for offer in entry["rate_card"]
        if offer["amount"]["currency"] == currency
    }
    asked = [prices.get((platform, format_name(what))) for platform, what in deliverables]
    return None if None in asked else sum(price for price in asked if price is not None)


def _within_budget(entry: Entry, wanted: Wanted) -> float | None:
    """1 up to a fifth of the budget, 0 above all of it, and a straight line between."""
    price = price_of(entry, wanted.deliverables, wanted.currency)
    if price is None or not wanted.budget:
        return None
    return max(0.0, min(1.0, (wanted.budget - price) / (0.8 * wanted.budget)))


def shown(score: float, parts: Sequence[Part]) -> dict[str, Any]:
    """`adds` of the parts sum to the score."""
    told = [{"name": part.name, "weight": part.weight, "value": part.value, "adds": part.adds} for part in parts]
    return {"score": score, "parts": told, "missing": [part.name for part in parts if part.missing]}
