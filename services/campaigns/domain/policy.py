"""The windows and shares that a deal runs under. A contract pins the version that it was drafted under."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Policy:
    """Every wait has an end. `version` is pinned in the contracts."""

    version: int = 1
    answer_within: timedelta = timedelta(hours=72)
    """An invitation or a counter-offer that nobody answers by then expires."""
    application_stands: timedelta = timedelta(days=14)
    """So long a brand may leave an application unanswered."""
    sign_within: timedelta = timedelta(days=7)
    """A contract without both signatures by then ends."""
    fund_within: timedelta = timedelta(days=7)
    """A signed contract whose money is not held by then ends."""
    review_within: timedelta = timedelta(days=14)
    """A draft that the brand keeps silent about is approved then."""
    cancellation_answer_within: timedelta = timedelta(hours=72)
    """Silence about a proposed cancellation accepts it then, unless content is already out."""
    kill_fee_percent: int = 25
    """Of the fee: the creator's when a contract ends after it submitted a draft."""
