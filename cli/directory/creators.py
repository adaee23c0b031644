"""Creators, one after the other, in the shape of `ImportedCreator` as `POST /v1/creators:import` takes it."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

from cli.directory import countries, names, niches
from cli.directory.audience import audience
from cli.directory.countries import COUNTRIES, Country
from cli.directory.niches import NICHES, PLATFORMS, Niche
from cli.directory.performance import followers, performance
from cli.directory.prices import rate_card
from cli.imports.identity import creator_id_of
from libs.events.envelope import iso

Json = dict[str, Any]

MARK = "Simulated, no real person."
"""Ends every bio."""
UNMEASURED = 0.12
"""Share of creators of whose audience nothing is known."""
AWAY = 0.02
ALSO = 0.3
"""How likely it has an account on each further platform."""
UNTOLD = 0.25
"""Share of creators who do not say where in their country they live."""


def creators(count: int, seed: int, at: datetime) -> Iterator[Json]:
    """So many creators as they are on a day, one in memory at a time. The same seed has the same creators whatever the count;
    on a later day they are the same ones, measured again to the same figures. About one in twenty misses a rule of the
    marketplace's default policy."""
    chance = Random(seed)
    for number in range(count):
        yield _creator(number, chance, at)


def _creator(number: int, chance: Random, at: datetime) -> Json:
    random = chance.random
    country = COUNTRIES[_drawn(countries.CUMULATIVE, random())]
    niche = NICHES[_drawn(niches.cumulative(country.code), random())]
    given, family = names.name(chance)
    handle = names.handle(given, family, number)
    accounts = _accounts(chance, niche, handle)
    largest = accounts[0]
    about = _niches(chance, niche)
    place = None if random() < UNTOLD else country.places[int(len(country.places) * random())]
    creator: Json = {
        "creatorId": creator_id_of(largest["platform"], handle),
        "handle": handle,
        "name": f"{given} {family}",
        "bio": f"{', '.join(about).capitalize()} from {place[1] if place else country.code}. {MARK}",
        "age": 18 + int(40 * random() * random()),
        "country": country.code,
        "languages": _languages(chance, country),
        "niches": about,
        "accounts": accounts,
        "performance": performance(chance, largest["platform"], largest["followers"], at),
    }
    if card := rate_card(chance, accounts, country, niche):
        creator["rateCard"] = card
    if place:
        creator["state"], creator["city"] = place
    if random() > UNMEASURED:
        creator["audience"] = audience(chance, country, niche, largest["followers"], at)
    if random() < AWAY:
        creator["absence"] = _absence(chance, at)
    return creator


def _accounts(chance: Random, niche: Niche, handle: str) -> list[Json]:
    """The largest comes first; on other platforms it has a part of that."""
    random = chance.random
    first = _drawn((niche.platforms[0], niche.platforms[0] + niche.platforms[1], sum(niche.platforms)), random())
    counted = followers(chance)
    verified = random() < min(0.95, 0.1 + counted / 1_000_000)
    return [
        _account(PLATFORMS[first], handle, counted, verified),
        *(
            _account(other, handle, int(counted * (0.02 + 0.6 * random() * random())), False)
            for other in PLATFORMS
            if other != PLATFORMS[first] and random() < ALSO
        ),
    ]


def _account(platform: str, handle: str, counted: int, verified: bool) -> Json:
    return {"platform": platform, "handle": handle, "followers": counted, "verified": verified, "connectedVia": "import"}


def _niches(chance: Random, niche: Niche) -> list[str]:
    """The own one, and some of those near it."""
    about = [niche.name]
    about += [near for near in niche.near if chance.random() < 0.35]
    return about[:3]


def _languages(chance: Random, country: Country) -> list[str]:
    return [country.language] + [language for language, share in country.also if chance.random() < share]


def _absence(chance: Random, at: datetime) -> Json:
    starts = at - timedelta(days=int(10 * chance.random()))
    if chance.random() < 0.3:
        return {"startsAt": iso(starts)}
    return {"startsAt": iso(starts), "endsAt": iso(at + timedelta(days=1 + int(40 * chance.random())))}


def _drawn(cumulative: tuple[float, ...], random: float) -> int:
    return bisect(cumulative, random * cumulative[-1])
