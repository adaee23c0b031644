"""Cohorts that creators are compared in: by followers, as the field speaks of them, and niche."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

LEAST = 5
"""Creators that a benchmark needs: of fewer, one could be told from the others."""
QUARTILES = (0.25, 0.5, 0.75)


class Tier(StrEnum):
    """Followers of the largest account."""

    NANO = "nano"
    MICRO = "micro"
    MID = "mid"
    MACRO = "macro"
    MEGA = "mega"


BOUNDS: dict[Tier, tuple[int, int | None]] = {
    Tier.NANO: (0, 9_999),
    Tier.MICRO: (10_000, 99_999),
    Tier.MID: (100_000, 499_999),
    Tier.MACRO: (500_000, 999_999),
    Tier.MEGA: (1_000_000, None),
}
"""Inclusive."""


def quantile(ordered: Sequence[float], fraction: float) -> float:
    """Between the two nearest, in proportion (Hyndman and Fan's type 7, as NumPy's and R's default)."""
    place = (len(ordered) - 1) * fraction
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
