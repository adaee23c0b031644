"""What creators ask for."""

from __future__ import annotations

from math import exp
from random import Random
from typing import Any

from cli.directory.countries import Country
from cli.directory.niches import Niche

FORMATS = {
    "tiktok": (("video", 1.0),),
    "instagram": (("reel", 1.1), ("story", 0.35), ("image", 0.7)),
    "youtube": (("video", 1.8), ("short", 0.8)),
}
"""Formats of a platform and their price, 1 is a TikTok video."""
STEPS = ((10_000, 500), (100_000, 2_500), (500_000, 10_000), (1_000_000, 50_000), (1 << 62, 100_000))
"""Up to how many followers prices go by which step, in US cents: the larger, the rounder."""
WHOLE = 100
"""Currencies have 100 minor units, or prices are rounded to as many: nobody asks for 349.37."""


def rate_card(chance: Random, accounts: list[dict[str, Any]], country: Country, niche: Niche) -> list[dict[str, Any]]:
    """One price per platform and format, in the country's currency, for most of what it makes. In US cents:
    2,500 × (followers / 1,000)^0.75 × format × niche × level of the country × lognormal(0, 0.25), by the step of the tier:
    a TikTok video costs about 140 dollars at 10⁴ followers, 800 at 10⁵, 4,500 at 10⁶."""
    own, random = exp(chance.gauss(0.0, 0.25)) * niche.pays * country.level, chance.random
    card = []
    for account in accounts:
        followers = account["followers"]
        base = 2_500 * (followers / 1_000) ** 0.75 * own
        step = next(step for below, step in STEPS if followers < below)
        for kind, worth in FORMATS[account["platform"]]:
            if random() < 0.15:
                continue  # not on offer
            cents = max(1, round(base * worth / step)) * step
            amount = max(1, round(cents * country.dollar / WHOLE)) * WHOLE
            price = {"amount": amount, "currency": country.currency}
            card.append({"platform": account["platform"], "format": kind, "amount": price, "negotiable": random() < 0.8})
    return card
