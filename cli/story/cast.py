"""The creators of the story: drawn from a seed, heavy-tailed, some of them not (yet) eligible."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from libs.events.envelope import iso
from libs.events.ids import compose

Json = dict[str, Any]

NICHES = ("cooking", "fitness", "travel", "beauty", "gaming", "books", "gardening", "tech")
COUNTRIES = {"DE": "de", "FR": "fr", "US": "en", "GB": "en", "BR": "pt", "JP": "ja"}
FIRST = (
    "Ana",
    "Bea",
    "Caro",
    "Dilan",
    "Emre",
    "Fay",
    "Gus",
    "Hana",
    "Ivo",
    "Juno",
    "Kofi",
    "Lena",
    "Milo",
    "Nia",
    "Omar",
    "Pia",
)
LAST = ("Abel", "Brook", "Costa", "Diaz", "Ekman", "Fuchs", "Grau", "Holm", "Ito", "Jung", "Kaya", "Lund", "Moss", "Novak")


SURE = 6
"""The first so many are what the story's brand looks for."""


def creators(count: int, seed: int, run: int, at: datetime) -> Iterator[tuple[str, Json]]:
    """(creator id, application) pairs: the people follow from `seed`, their ids from `run`. Engagement falls with size; about
    one in six misses some rule of eligibility."""
    chance, ids = random.Random(seed), random.Random(run)
    for number in range(count):
        application = _application(number, chance, at)
        if number < SURE:
            application |= {"country": "DE", "languages": ["de"], "niches": ["cooking"]}
            application["performance"]["engagementRate"] = round(0.05 + number / 100, 4)
        elif chance.random() < 1 / 6:
            _spoil(application, chance)
        yield compose("crt", at, ids.getrandbits(80)), application


def _application(number: int, chance: random.Random, at: datetime) -> Json:
    country = chance.choice(list(COUNTRIES))
    first, last = chance.choice(FIRST), chance.choice(LAST)
    followers = round(10_000 * chance.paretovariate(1.1))
    engagement = round(min(0.25, max(0.012, 0.09 * (10_000 / followers) ** 0.2 * chance.lognormvariate(0, 0.3))), 4)
    views = round(followers * chance.uniform(1.5, 6.0))
    return {
        "handle": f"{first}.{last}.{number}".lower(),
        "name": f"{first} {last}",
        "bio": f"{first} from {country}",
        "age": chance.randint(19, 45),
        "country": country,
        "languages": [COUNTRIES[country]],
        "niches": chance.sample(NICHES, chance.randint(1, 3)),
        "accounts": [{"platform": "tiktok", "handle": f"{first}{last}{number}", "followers": followers, "verified": True}],
        "rateCard": [
            {
                "platform": "tiktok",
                "format": "video",
                "amount": {"amount": max(5_000, round(followers * 0.9)), "currency": "USD"},
                "negotiable": True,
            }
        ],
        "performance": {
            "capturedAt": iso(at),
            "posts": chance.randint(4, 40),
            "views": views,
            "medianViews": round(views / 8),
            "engagementRate": engagement,
            "engagementRateMethod": "by_views",
        },
    }


def _spoil(application: Json, chance: random.Random) -> None:
    performance = application["performance"]
    match chance.randrange(4):
        case 0:
            application["age"] = chance.randint(14, 17)
        case 1:
            application["accounts"][0]["followers"] = chance.randint(200, 9_000)
        case 2:
            performance.update(posts=chance.randint(0, 2), views=chance.randint(0, 900), medianViews=None)
        case _:
            performance.update(engagementRate=0.002)
