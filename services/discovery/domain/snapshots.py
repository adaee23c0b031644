"""Measurements of a creator: each is newer than the last, none is of the future, and none says more than was measured."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from libs.events.catalog.values import CLOCK_SKEW, Audience, Performance
from libs.events.decider import Kind, Refusal
from libs.events.envelope import iso

TOLERANCE = 0.01
"""By how much the shares of a distribution may miss 1."""


def check_performance(new: Performance, last: Performance | None, at: datetime) -> None:
    """Raises `Refusal`."""
    _check_time(new.captured_at, last.captured_at if last else None, at, "performance.captured_at")
    rates = (new.engagement_rate, new.sponsored and new.sponsored.engagement_rate)
    if new.engagement_rate_method is None and any(rate is not None for rate in rates):
        said = "an engagement rate says nothing without its method: by_views, by_followers or by_reach"
        raise Refusal("ENGAGEMENT_METHOD_MISSING", said, kind=Kind.INVALID_ARGUMENT, field="performance.engagement_rate_method")


def check_captured(new: Performance, at: datetime) -> None:
    """What an application says of itself is judged by the policy, but not measured tomorrow. Raises `Refusal`."""
    _check_time(new.captured_at, None, at, "performance.captured_at")


def check_audience(new: Audience, last: Audience | None, at: datetime) -> None:
    """Raises `Refusal`."""
    _check_time(new.captured_at, last.captured_at if last else None, at, "audience.captured_at")
    distributions: Mapping[str, Mapping[Any, float]] = {
        "countries": new.countries,
        "genders": new.genders,
        "ages": new.ages,
        "languages": new.languages,
        "followers": new.followers,
    }
    for name, shares in distributions.items():
        total = sum(shares.values())
        if shares and abs(total - 1) > TOLERANCE + 1e-9:
            said = f"the shares of {name} sum to {total:.3f}, not to 1 ± 0.01: what could not be told goes under `unknown`"
            raise Refusal("SHARES_DO_NOT_SUM", said, kind=Kind.INVALID_ARGUMENT, field=f"audience.{name}", total=total)
    if not any(distributions.values()):
        raise Refusal(
            "NOTHING_MEASURED", "a snapshot has at least one distribution", kind=Kind.INVALID_ARGUMENT, field="audience"
        )


def is_newer(new: Performance | Audience, last: Performance | Audience | None) -> bool:
    return last is None or new.captured_at > last.captured_at


def _check_time(captured_at: datetime, last: datetime | None, at: datetime, field: str) -> None:
    if captured_at > at + CLOCK_SKEW:
        said = f"nothing can have been measured at {iso(captured_at)}"
        raise Refusal("CAPTURED_IN_FUTURE", said, kind=Kind.INVALID_ARGUMENT, field=field)
    if last is not None and captured_at <= last:
        captured = iso(last)
        raise Refusal("SNAPSHOT_NOT_NEWER", f"the last snapshot is of {captured}", field=field, last_captured_at=captured)
