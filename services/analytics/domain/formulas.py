"""Every figure with how it came about. Pure. What is missing stays missing, and nothing is divided by zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from libs.events.catalog.values import Metrics

Measures = dict[str, int | None]
"""What is known of one post, or of a campaign, by name: counts, and money in minor units of one currency."""

VERSION = 1
"""Of all formulas here: a changed meaning is a new version."""


@dataclass(frozen=True, slots=True)
class Formula:
    """value = numerator / denominator × scale. `per_post`: both are summed over the posts that have all of `needs`; `n` says
    how many those were. Otherwise `n` counts the posts that the denominator is known of; all, where it is the campaign's."""

    id: str
    text: str
    numerator: str
    denominator: str
    unit: str
    """`ratio`, or what the money is for; the money itself is in minor units."""
    scale: int = 1
    per_post: bool = False
    needs: tuple[str, ...] = ()


FORMULAS = (
    Formula(
        "engagement_rate.by_views",
        "(likes + comments + shares) / views",
        "engagements",
        "views",
        "ratio",
        per_post=True,
        needs=("engagements", "views"),
    ),
    Formula(
        "engagement_rate.by_reach",
        "(likes + comments + shares) / reach",
        "engagements",
        "reach",
        "ratio",
        per_post=True,
        needs=("engagements", "reach"),
    ),
    Formula("cpm", "cost / views × 1000", "cost", "views", "per 1000 views", scale=1000),
    Formula("cpv", "cost / views", "cost", "views", "per view"),
    Formula("cpe", "cost / (likes + comments + shares)", "cost", "engagements", "per engagement"),
    Formula("cpc", "cost / clicks", "cost", "clicks", "per click"),
    Formula("cpa", "cost / conversions", "cost", "conversions", "per conversion"),
    Formula("roi", "(revenue − cost) / cost", "profit", "cost", "ratio"),
    Formula("roas", "revenue / paid media", "revenue", "paid_media", "ratio"),
)
"""Engagement by views is TikTok's own definition. Cost is what creators were paid and the platform's fees."""

REACH = Formula(
    "reach.sum",
    "sum of each post's reach: whoever saw several posts counts several times, so it is not the number of people reached",
    "reach",
    "",
    "not additive",
)


@dataclass(frozen=True, slots=True)
class Figure:
    """A value and where it comes from. `value` is null where something is missing or the denominator is zero."""

    id: str
    version: int
    formula: str
    unit: str
    numerator: int | None
    denominator: int | None
    value: float | None
    n: int

    def fields(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


def measures(metrics: Metrics) -> Measures:
    """A post's counts by name, with its engagements; they are missing where a part of them is."""
    counts: Measures = dict(metrics)
    parts = (metrics.likes, metrics.comments, metrics.shares)
    known = [part for part in parts if part is not None]
    counts["engagements"] = sum(known) if len(known) == len(parts) else None
    return counts


def total(posts: Sequence[Measures], name: str) -> int | None:
    """The sum over the posts that it is known of; missing if it is known of none."""
    known = [value for post in posts if (value := post.get(name)) is not None]
    return sum(known) if known else None


def figures(posts: Sequence[Measures], campaign: Measures) -> list[Figure]:
    """All figures of a campaign: `posts` are its posts, measured or not; `campaign` holds its money and conversions."""
    return [*(_figure(formula, posts, campaign) for formula in FORMULAS), _reach(posts)]


def _figure(formula: Formula, posts: Sequence[Measures], campaign: Measures) -> Figure:
    counted = [post for post in posts if all(post.get(name) is not None for name in formula.needs)]
    whole = formula.per_post or formula.denominator in campaign
    n = len(counted) if whole else sum(post.get(formula.denominator) is not None for post in posts)
    numerator = campaign.get(formula.numerator, total(counted, formula.numerator))
    denominator = campaign.get(formula.denominator, total(counted, formula.denominator))
    value = divide(numerator, denominator, formula.scale)
    return Figure(formula.id, VERSION, formula.text, formula.unit, numerator, denominator, value, n)


def _reach(posts: Sequence[Measures]) -> Figure:
    reach = total(posts, "reach")
    n = sum(post.get("reach") is not None for post in posts)
    return Figure(REACH.id, VERSION, REACH.text, REACH.unit, reach, None, None if reach is None else float(reach), n)


def divide(numerator: int | None, denominator: int | None, scale: int = 1) -> float | None:
    """x/0 and x/missing are null: a figure that cannot be had is not zero."""
    if numerator is None or not denominator:
        return None
    return numerator * scale / denominator
