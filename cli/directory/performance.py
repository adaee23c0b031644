"""How many follow and watch a creator, and how that hangs together."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import exp, log, log10
from random import Random
from typing import Any

from libs.events.envelope import iso

FLOOR = 10_000
MOST = 150_000_000
SMALL = 0.02
"""Share of creators below the floor, whom the policy of the marketplace turns away."""
METHODS = {"tiktok": "by_views", "instagram": "by_followers", "youtube": "by_views"}
BY_REACH = 0.15
"""Share of Instagram's accounts that are measured by reach."""
RATES = {"by_views": 0.065, "by_followers": 0.045, "by_reach": 0.055}
"""Engagement rate at the floor, by method."""
WATCHED = {"tiktok": 0.9, "instagram": 0.35, "youtube": 0.45}
"""Median views of a post per follower, at the floor."""


def followers(chance: Random) -> int:
    """Of the largest account. Pareto with exponent 1: of ten creators nine have 10⁴ to 10⁵, one in a thousand more than 10⁷."""
    if chance.random() < SMALL:
        return int(1_500 + 8_000 * chance.random())
    return min(MOST, int(FLOOR / (1 - chance.random())))


def performance(chance: Random, platform: str, counted: int, at: datetime) -> dict[str, Any]:
    """The snapshot of an account with so many followers. Both fall with size, by a power of f = followers / 10⁴:
    - engagement rate = rate of the method × f^-0.15 × lognormal(0, 0.3), at most 0.4
    - median views = followers × share of the platform × f^-0.08 × lognormal(0, 0.5)
    Average views lie above the median, as some posts go far: × e^(σ²/2), σ = 0.3 to 1.3; views = average × posts.
    What is missing was not measured."""
    random, gauss = chance.random, chance.gauss
    size = counted / FLOOR
    median = max(1, int(counted * WATCHED[platform] * size**-0.08 * exp(gauss(0.0, 0.5))))
    spread = 0.3 + random()
    average = int(median * exp(spread * spread / 2)) + 1
    posts = 3 + int(-12 * log(1 - random())) if random() > 0.015 else int(3 * random())
    posts = min(posts, 120)
    method = "by_reach" if platform == "instagram" and random() < BY_REACH else METHODS[platform]
    rate = min(0.4, RATES[method] * size**-0.15 * exp(gauss(0.0, 0.3)))
    captured = at - timedelta(seconds=int(14 * 86_400 * random()))
    snapshot: dict[str, Any] = {
        "capturedAt": iso(captured),
        "platform": platform,
        "followers": counted,
        "posts": posts,
        "views": average * posts,
    }
    if random() > 0.04:
        snapshot["medianViews"] = median
    if random() > 0.06:
        snapshot["averageViews"] = average
    if random() > 0.01:
        snapshot["engagementRate"], snapshot["engagementRateMethod"] = int(rate * 1e5) / 1e5, method
    if random() > 0.35:
        snapshot["completionRate"] = int((0.12 + 0.5 * random()) * 1e3) / 1e3
    if random() > 0.1:
        snapshot["followerGrowth"] = _growth(chance, size)
    if posts:
        snapshot["lastPostedAt"] = iso(captured - timedelta(seconds=int(30 * 86_400 * random() / posts)))
        if random() < 0.35:
            told = rate if "engagementRate" in snapshot else None
            snapshot["sponsored"] = _sponsored(chance, posts, median, told)
    return snapshot


def _growth(chance: Random, size: float) -> float:
    """Over 30 days; the large grow slowly, and one in a hundred has had a spike."""
    if chance.random() < 0.01:
        return int((0.3 + 1.5 * chance.random()) * 1e4) / 1e4
    return int(max(-0.3, chance.gauss(0.03, 0.03) / (1 + max(0.0, log10(size)))) * 1e4) / 1e4


def _sponsored(chance: Random, posts: int, median: int, rate: float | None) -> dict[str, Any]:
    """Sponsored posts are watched and answered less. `rate`: None where none was measured, by whatever method."""
    lost = 0.5 + 0.45 * chance.random()
    measured: dict[str, Any] = {"posts": 1 + int(posts * 0.3 * chance.random())}
    if chance.random() > 0.1:
        measured["medianViews"] = int(median * lost)
        if rate is not None:
            measured["engagementRate"] = int(rate * lost * 1e5) / 1e5
    return measured
