"""Sharing an amount so that the shares add up to it exactly."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from libs.events.catalog.values import Money

WHOLE = 10_000
"""Basis points of the whole."""


class Split(NamedTuple):
    """What of a payment is the creator's, and what the platform's."""

    creator_amount: Money
    platform_fee: Money


def allot(amount: int, weights: Sequence[int]) -> list[int]:
    """Shares of `amount` (minor units, not negative) in proportion to `weights`, each off by less than one unit: the units that
    rounding down leaves over go to the largest remainders, the earlier one of equals first."""
    total = sum(weights)
    if amount < 0 or total <= 0 or min(weights) < 0:
        raise ValueError("an allotment needs an amount and weights that are not negative, and one weight above zero")
    shares, remainders = zip(*(divmod(amount * weight, total) for weight in weights), strict=True)
    left_over = amount - sum(shares)
    first = sorted(range(len(weights)), key=lambda i: -remainders[i])[:left_over]
    return [share + (i in first) for i, share in enumerate(shares)]


def split_fee(amount: Money, fee_bps: int) -> Split:
    """The platform's fee of `fee_bps` basis points, and the rest."""
    creator, platform = allot(amount.amount, (WHOLE - fee_bps, fee_bps))
    return Split(Money(amount=creator, currency=amount.currency), Money(amount=platform, currency=amount.currency))
