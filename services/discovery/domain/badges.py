"""Badges: what a creator has shown lately, judged by rules that are policy. A verdict carries its figures, earned or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from libs.events.catalog.values import Badge


@dataclass(frozen=True, slots=True)
class BadgePolicy:
    """`window`: how many of the newest answers and deliveries count. `version` is pinned in the events that it decided."""

    version: int = 1
    window: int = 20
    least_answers: int = 3
    most_median_hours: float = 48
    least_collaborations: int = 1
    least_deliveries: int = 3
    least_on_time: float = 0.9
    """A fraction."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`evidence`: the figures of the rule, as they are now."""

    earned: bool
    evidence: Mapping[str, float]


def verdicts(
    policy: BadgePolicy, *, hours: Sequence[float], collaborations: int, on_time: Sequence[bool]
) -> Mapping[Badge, Verdict]:
    """`hours`: of first answers to invitations; `collaborations`: finished ones; `on_time`: of deliveries. Newest last."""
    return {
        Badge.RESPONSIVE: _responsive(policy, hours[-policy.window :]),
        Badge.EXPERIENCED: Verdict(collaborations >= policy.least_collaborations, {"collaborations": collaborations}),
        Badge.RELIABLE: _reliable(policy, on_time[-policy.window :]),
    }


def _responsive(policy: BadgePolicy, hours: Sequence[float]) -> Verdict:
    if not hours:
        return Verdict(False, {"answers": 0})
    middle = median(hours)
    earned = len(hours) >= policy.least_answers and middle <= policy.most_median_hours
    return Verdict(earned, {"answers": len(hours), "median_hours": middle})


def _reliable(policy: BadgePolicy, on_time: Sequence[bool]) -> Verdict:
    if not on_time:
        return Verdict(False, {"deliveries": 0})
    share = sum(on_time) / len(on_time)
    earned = len(on_time) >= policy.least_deliveries and share >= policy.least_on_time
    return Verdict(earned, {"deliveries": len(on_time), "on_time": share})


def median(values: Sequence[float]) -> float:
    """Of at least one; of an even number the mean of the middle two."""
    ordered, half = sorted(values), len(values) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
