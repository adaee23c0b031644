"""Money in words that people read."""

from __future__ import annotations

from libs.events.catalog.values import Money

NO_MINOR_UNIT = frozenset(
    ["BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"]
)
THOUSANDTHS = frozenset(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"])
"""ISO 4217: currencies whose minor unit is not a hundredth."""


def spell(money: Money) -> str:
    """`EUR 1,200.00`."""
    digits = 0 if money.currency in NO_MINOR_UNIT else 3 if money.currency in THOUSANDTHS else 2
    whole, minor = divmod(abs(money.amount), 10**digits)
    sign = "-" if money.amount < 0 else ""
    return f"{money.currency} {sign}{whole:,}" + (f".{minor:0{digits}d}" if digits else "")
