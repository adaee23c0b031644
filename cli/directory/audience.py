"""Who watches: mostly its own country and those that speak its language; women, men and ages as the niche draws them."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import log10
from random import Random
from typing import Any

from cli.directory.countries import BY_CODE, Country, abroad
from cli.directory.niches import AGES, Niche
from libs.events.envelope import iso

BOUGHT = 0.04
"""Share of creators of whose followers a third and more are not what they seem."""

Shares = dict[str, float]


def audience(chance: Random, country: Country, niche: Niche, followers: int, at: datetime) -> dict[str, Any]:
    """Distributions of thousandths; what is left of one, and what nobody could tell, is `unknown`, so that each sums to 1.
    Not every one was measured."""
    countries = _countries(chance, country.code, followers)
    snapshot: dict[str, Any] = {
        "capturedAt": iso(at - timedelta(seconds=int(28 * 86_400 * chance.random()))),
        "countries": countries,
        "genders": _genders(chance, niche.women),
        "ages": _ages(chance, niche.ages),
    }
    if chance.random() > 0.15:
        snapshot["languages"] = _languages(countries)
    if chance.random() > 0.3:
        snapshot["followers"] = _followers(chance)
    return snapshot


def _countries(chance: Random, home: str, followers: int) -> Shares:
    """The larger, the more is watched from abroad."""
    at_home = 0.8 - 0.07 * max(0.0, log10(followers) - 4) + 0.1 * chance.gauss(0.0, 1.0)
    at_home = min(0.92, max(0.4, at_home))
    told = 1 - 0.08 * chance.random()
    shares = {home: int(1000 * at_home * told)}
    rest = 1000 * (1 - at_home) * told
    for code, part in abroad(home):
        shares[code] = int(rest * part * (0.6 + 0.4 * chance.random()))
    return _whole(shares)


def _languages(countries: Shares) -> Shares:
    """As is spoken where they watch."""
    spoken: dict[str, int] = {}
    for code, share in countries.items():
        if code != "unknown":
            language = BY_CODE[code].language
            spoken[language] = spoken.get(language, 0) + round(1000 * share)
    return _whole(spoken)


def _genders(chance: Random, women: float) -> Shares:
    women = min(0.97, max(0.03, women + 0.07 * chance.gauss(0.0, 1.0)))
    told = 980 - 60 * chance.random()
    return _whole({"female": int(women * told), "male": int((1 - women) * told), "other": int(15 * chance.random())})


def _ages(chance: Random, drawn: tuple[float, ...]) -> Shares:
    """The niche's ages, some a little older or younger."""
    random, older = chance.random, 0.7 + 0.6 * chance.random()
    weights, factor = [], 1.0
    for share in drawn:
        weights.append(share * factor * (0.8 + 0.4 * random()))
        factor *= older
    told = (985 - 50 * random()) / sum(weights)
    return _whole({band: int(weight * told) for band, weight in zip(AGES, weights, strict=True)})


def _followers(chance: Random) -> Shares:
    random = chance.random
    suspicious = 0.3 + 0.3 * random() if random() < BOUGHT else 0.02 + 0.16 * random() ** 2
    mass, influencer = 0.05 + 0.2 * random(), 0.01 + 0.06 * random()
    left = 1 - suspicious
    real = left * (1 - mass - influencer) * (1 - 0.03 * random())
    return _whole(
        {
            "real": int(1000 * real),
            "influencer": int(1000 * left * influencer),
            "mass": int(1000 * left * mass),
            "suspicious": int(1000 * suspicious),
        }
    )


def _whole(thousandths: dict[str, int]) -> Shares:
    """As shares, with the rest as unknown."""
    shares = {name: count / 1000 for name, count in thousandths.items() if count}
    if unknown := 1000 - sum(thousandths.values()):
        shares["unknown"] = unknown / 1000
    return shares
