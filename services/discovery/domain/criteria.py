"""What a brand looks for, and whether a creator is that: filters as a pure predicate. The search index must agree with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from libs.events.catalog.values import (
    Badge,
    Count,
    Country,
    Currency,
    EngagementRateMethod,
    Growth,
    Label,
    Language,
    Niche,
    Platform,
    Rate,
)
from libs.events.envelope import iso
from services.discovery.domain.taxonomy import COUNTRIES, CURRENCIES, NICHES, check_known
from services.discovery.domain.text import closeness, terms_of, words

Entry = Mapping[str, Any]
"""What the directory holds of a creator: see `services.discovery.directory`."""

MOST_VALUES = 50
"""Of one filter."""
SHARE_STEPS = 1_000
"""Shares of an audience are compared in thousandths."""


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Bounds(Frozen):
    least: float | None = None
    most: float | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.least is not None and self.most is not None and self.least > self.most:
            raise ValueError("least is above most: nothing is in between")
        return self

    def hold(self, value: float | None) -> bool:
        """What was not measured is in no range."""
        if value is None:
            return False
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)


class CountRange(_Bounds):
    """Inclusive; an open end is absent."""

    least: Count | None = None
    most: Count | None = None


class GrowthRange(_Bounds):
    """Of followers over 30 days."""

    least: Growth | None = None
    most: Growth | None = None


class EngagementRateRange(_Bounds):
    """Inclusive. Without its method a rate would be compared with what it does not compare to."""

    least: Rate | None = None
    most: Rate | None = None
    method: EngagementRateMethod


class PriceRange(_Bounds):
    """Of one entry of the rate card, in minor units of its currency; narrowed to a platform and format where they are given."""

    least: Count | None = None
    most: Count | None = None
    currency: Currency
    platform: Platform | None = None
    format: Label | None = None


class AudienceKind(StrEnum):
    COUNTRY = "country"
    GENDER = "gender"
    AGE = "age"
    LANGUAGE = "language"


class AudienceShare(Frozen):
    """At least this share of the audience is so (compared in thousandths)."""

    kind: AudienceKind
    value: Annotated[str, StringConstraints(min_length=2, max_length=10)]
    least: Annotated[float, Field(gt=0, le=1)]


Values = Field(max_length=MOST_VALUES)


class Criteria(Frozen):
    """All filters must hold; of the values within one filter any, but for those that say all or none."""

    text: Annotated[str, StringConstraints(max_length=500)] = ""
    niches: Annotated[tuple[Niche, ...], Values] = ()
    all_niches: Annotated[tuple[Niche, ...], Values] = ()
    no_niches: Annotated[tuple[Niche, ...], Values] = ()
    platforms: Annotated[tuple[Platform, ...], Values] = ()
    countries: Annotated[tuple[Country, ...], Values] = ()
    states: Annotated[tuple[Label, ...], Values] = ()
    languages: Annotated[tuple[Language, ...], Values] = ()
    followers: CountRange | None = None
    engagement_rate: EngagementRateRange | None = None
    median_views: CountRange | None = None
    average_views: CountRange | None = None
    price: PriceRange | None = None
    audience: Annotated[tuple[AudienceShare, ...], Values] = ()
    credibility: Rate | None = None
    """At least."""
    growth: GrowthRange | None = None
    posted_within_days: Annotated[int, Field(ge=1, le=365)] | None = None
    badges: Annotated[tuple[Badge, ...], Values] = ()
    """All of them."""
    available: bool = False
    """Only who is not away now."""
    sponsored: bool = False
    """Only whose sponsored posts were measured."""

    def check(self) -> None:
        """Raises `Refusal` for words that are none."""
        check_known((*self.niches, *self.all_niches, *self.no_niches), NICHES, "niche", "niches")
        check_known(self.countries, COUNTRIES, "country", "countries")
        wanted = [share.value for share in self.audience if share.kind is AudienceKind.COUNTRY]
        check_known(wanted, COUNTRIES, "country", "audience")
        if self.price is not None:
            check_known([self.price.currency], CURRENCIES, "currency", "price.currency")


Found = Iterator[str]
"""What of the creator met the filter; nothing: it does not."""


def matches(entry: Entry, criteria: Criteria, at: datetime) -> bool:
    """Whether the creator can be hired and is what is looked for."""
    return entry.get("status") == "joined" and met(entry, criteria, at) is not None


def met(entry: Entry, criteria: Criteria, at: datetime) -> list[tuple[str, str]] | None:
    """Filters that were asked for and what of the creator met them, in order; None: one was not met."""
    told: list[tuple[str, str]] = []
    for name, asked, find in _FILTERS:
        if not asked(criteria):
            continue
        found = list(find(entry, criteria, at))
        if not found:
            return None
        told += [(name, what) for what in found]
    return told


# --- One filter each ---------------------------------------------------------------------------------------------------


def _text(entry: Entry, criteria: Criteria, at: datetime) -> Found:
    how = closeness(terms_of(criteria.text), named(entry), said(entry))
    if how is not None:
        yield how.name.lower()


def named(entry: Entry) -> tuple[str, ...]:
    """Words of handle, name and niches."""
    return words(" ".join((entry["handle"], entry["name"], *entry["niches"])))


def said(entry: Entry) -> tuple[str, ...]:
    """Words of the bio."""
    return words(entry["bio"])


def _niches(entry: Entry, criteria: Criteria, at: datetime) -> Found:
    yield from (niche for niche in entry["niches"] if niche in criteria.niches)


def _all_niches(entry: Entry, criteria: Criteria, at: datetime) -> Found:
    if set(criteria.all_niches) <= set(entry["niches"]):
        yield from criteria.all_niches


def _no_niches(entry: Entry, criteria: Criteria, at: datetime) -> Found:
    if not set(criteria.no_niches) & set(entry["niches"]):
        yield "none"


def _platforms(entry: Entry, criteria: Criteria, at: datetime) -> Found:
    yield from (one["platform"] for one in entry["accounts"] if one["platform"] in criteria.platforms)


def _countries(entry: Entry, criteria: Criteria, at: datetime) -> Found:
    if entry["country"] in criteria.countries:
        yield entry["country"]


def _states(entry: Entry, criteria: Criteria, at: datetime) -> Found:
    if entry["state"] in criteria.states:
        yield entry["state"]


def _languages(entry: Entry, criteria: Criteria, at: datetime) -> Found:
    yield from (one for one in entry["languages"] if one in criteria.languages)


def _followers(entry: Entry, criteria: Criteria, at: datetime) -> Found:
    if criteria.followers and criteria.followers.hold(entry["followers"]):
        yield f"{entry['followers']:,}"


def _engagement_rate(entry: Entry, criteria: Criteria, at: datetime) -> Found:
    wanted, measured = criteria.engagement_rate, entry["performance"]
    same = wanted is not None and measured["engagement_rate_method"] == wanted.method
    if wanted and same and wanted.hold(measured["engagement_rate"]):
        yield f"{measured['engagement_rate']:.2%} {wanted.method.replace('_', ' ')}"


def _median_views(entry: Entry, criteria: Criteria, at: datetime) -> Found:
    views = entry["performance"]["median_views"]
    if criteria.median_views and criteria.median_views.hold(views):
        yield f"{views:,}"


def _average_views(entry: Entry, criteria: Criteria, at: datetime) -> Found:
    views = entry["performance"]["average_views"]
    if criteria.average_views and criteria.average_views.hold(views):
        yield f"{views:,}"


def _price(entry: Entry, criteria: Criteria, at: datetime) -> Found:
    wanted = criteria.price
    for offer in entry["rate_card"]:
        if wanted and _is_offered(offer, wanted) and wanted.hold(offer["amount"]["amount"]):
            yield f"{offer['platform']} {offer['format']} {offer['amount']['amount']} {offer['amount']['currency']}"


def _is_offered(offer: Entry, wanted: PriceRange) -> bool:
    return (
        offer["amount"]["currency"] == wanted.currency
        and wanted.platform in (None, offer["platform"])
        and (wanted.format is None or format_name(wanted.format) == format_name(offer["format"]))
    )


def format_name(format: str) -> str:
    """Formats are compared as words."""
    return "-".join(words(format))


def _audience(entry: Entry, criteria: Criteria, at: datetime) -> Found:
    shares = [(share, thousandths(entry, share)) for share in criteria.audience]
    if all(measured >= needed(share) for share, measured in shares):
        yield from (f"{share.value} {measured / 10:.1f} %" for share, measured in shares)


DISTRIBUTIONS = {
    AudienceKind.COUNTRY: "countries",
    AudienceKind.GENDER: "genders",
    AudienceKind.AGE: "ages",
    AudienceKind.LANGUAGE: "languages",
}


def thousandths(entry: Entry, share: AudienceShare) -> int:
    """Of the creator's audience, rounded down; −1 where it was not measured."""
    measured = (entry["audience"] or {}).get(DISTRIBUTIONS[share.kind], {}).get(share.value)
    return -1 if measured is None else steps(measured)


def steps(share: float) -> int:
    return int(share * SHARE_STEPS + 1e-6)


def needed(share: AudienceShare) -> int:
    """Rounded up."""
    return -int(-(share.least * SHARE_STEPS - 1e-6) // 1)


def _credibility(entry: Entry, criteria: Criteria, at: datetime) -> Found:
    measured = entry["credibility"]
    if measured and criteria.credibility is not None and measured["score"] >= criteria.credibility:
        yield f"{measured['score']:.2f}"


def _growth(entry: Entry, criteria: Criteria, at: datetime) -> Found:
    growth = entry["performance"]["follower_growth"]
    if criteria.growth and criteria.growth.hold(growth):
        yield f"{growth:+.1%}"


def _posted(entry: Entry, criteria: Criteria, at: datetime) -> Found:
    last = entry["performance"]["last_posted_at"]
    if last is not None and last >= iso(at - timedelta(days=criteria.posted_within_days or 0)):
        yield last


def _badges(entry: Entry, criteria: Criteria, at: datetime) -> Found:
    if set(criteria.badges) <= set(entry["badges"]):
        yield from criteria.badges


def _available(entry: Entry, criteria: Criteria, at: datetime) -> Found:
    if not is_away(entry, at):
        yield "now"


def is_away(entry: Entry, at: datetime) -> bool:
    absence, now = entry["absence"], iso(at)
    return bool(absence and absence["starts_at"] <= now and (absence["ends_at"] is None or now < absence["ends_at"]))


def _sponsored(entry: Entry, criteria: Criteria, at: datetime) -> Found:
    if sponsored := entry["performance"]["sponsored"]:
        yield f"{sponsored['posts']} posts"


_FILTERS: tuple[tuple[str, Callable[[Criteria], Any], Callable[[Entry, Criteria, datetime], Found]], ...] = (
    ("text", lambda asked: terms_of(asked.text), _text),
    ("niches", lambda asked: asked.niches, _niches),
    ("allNiches", lambda asked: asked.all_niches, _all_niches),
    ("noNiches", lambda asked: asked.no_niches, _no_niches),
    ("platforms", lambda asked: asked.platforms, _platforms),
    ("countries", lambda asked: asked.countries, _countries),
    ("states", lambda asked: asked.states, _states),
    ("languages", lambda asked: asked.languages, _languages),
    ("followers", lambda asked: asked.followers, _followers),
    ("engagementRate", lambda asked: asked.engagement_rate, _engagement_rate),
    ("medianViews", lambda asked: asked.median_views, _median_views),
    ("averageViews", lambda asked: asked.average_views, _average_views),
    ("price", lambda asked: asked.price, _price),
    ("audience", lambda asked: asked.audience, _audience),
    ("credibility", lambda asked: asked.credibility is not None, _credibility),
    ("growth", lambda asked: asked.growth, _growth),
    ("postedWithinDays", lambda asked: asked.posted_within_days, _posted),
    ("badges", lambda asked: asked.badges, _badges),
    ("available", lambda asked: asked.available, _available),
    ("sponsored", lambda asked: asked.sponsored, _sponsored),
)
"""Name, whether it was asked for, and what meets it."""
