"""What discovery answers: a creator, and the directory that brands search."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any, Self, assert_never

from pydantic import BaseModel, ConfigDict, Field, model_validator

from libs.chassis.rpcs import Reads, Request
from libs.events.catalog.values import Count, Country, CreatorId, EngagementRateMethod, Language, Niche, Rate
from libs.events.decider import Actor, Kind, Refusal, Role, not_found
from libs.events.ports import AnyOf, Document, Page, Range
from services.discovery.domain.creator import Absent, Applied, Creator, Erased, Joined, Rejected, Suspended
from services.discovery.domain.eligibility import largest_following
from services.discovery.domain.profile import Profile


def show_creator(id: str, state: Creator) -> Document:
    """The creator as everyone who may see it sees it; its age is nowhere in here."""
    match state:
        case Absent():
            return {"creator_id": id}
        case Applied(profile=profile):
            return _profile(id, "applied", profile)
        case Rejected(profile=profile, reasons=reasons, reapply_after=when):
            return {**_profile(id, "rejected", profile), "reasons": reasons, "reapply_after": when}
        case Joined(profile=profile):
            return _profile(id, "joined", profile)
        case Suspended(profile=profile, reason=reason):
            return {**_profile(id, "suspended", profile), "suspension_reason": reason}
        case Erased():
            return {"creator_id": id, "status": "erased"}
        case _:
            assert_never(state)


def _profile(id: str, status: str, profile: Profile) -> Document:
    return {
        "creator_id": id,
        "status": status,
        "handle": profile.handle,
        "name": profile.name,
        "bio": profile.bio,
        "country": profile.country,
        "languages": profile.languages,
        "niches": profile.niches,
        "accounts": profile.accounts,
        "followers": largest_following(profile.accounts),
        "rate_card": profile.rate_card,
        "performance": profile.performance,
        "state": profile.state,
        "city": profile.city,
        "portfolio": profile.portfolio,
        "audience": profile.audience,
        "absence": profile.absence,
    }


# --- Contacts --------------------------------------------------------------------------------------------------------


class GetContacts(Request):
    creator_id: CreatorId


async def get_contacts(request: GetContacts, reads: Reads) -> Document:
    """For the creator itself, operators, and brands that it is engaged with; to others it is not there."""
    found = await reads.views.one("contacts", request.creator_id)
    if found is None or "legal_name" not in found or not _may_reach(reads.actor, request.creator_id, found):
        raise not_found("contacts")
    return {name: found[name] for name in ("creator_id", "legal_name", "email", "phone")}


def _may_reach(actor: Actor, creator_id: str, found: Document) -> bool:
    match actor.role:
        case Role.OPERATOR:
            return True
        case Role.BRAND:
            return actor.party in found.get("brands", ())
        case _:
            return actor.party == creator_id


# --- Search ----------------------------------------------------------------------------------------------------------


class _Bounds(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    least: float | None = None
    most: float | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.least is not None and self.most is not None and self.least > self.most:
            raise ValueError("least is above most: nothing is in between")
        return self


class CountRange(_Bounds):
    """Inclusive; an open end is absent."""

    least: Count | None = None
    most: Count | None = None


class EngagementRateRange(_Bounds):
    """Inclusive. Without its method a rate would be compared with what it does not compare to."""

    least: Rate | None = None
    most: Rate | None = None
    method: EngagementRateMethod


class CreatorOrder(StrEnum):
    """Largest first."""

    FOLLOWERS = "followers"
    ENGAGEMENT_RATE = "engagement_rate"
    MEDIAN_VIEWS = "median_views"


class SearchCreators(Request):
    """All filters must hold; of the values within one filter, any."""

    niches: Annotated[tuple[Niche, ...], Field(max_length=20)] = ()
    countries: Annotated[tuple[Country, ...], Field(max_length=20)] = ()
    languages: Annotated[tuple[Language, ...], Field(max_length=20)] = ()
    followers: CountRange | None = None
    engagement_rate: EngagementRateRange | None = None
    order: CreatorOrder = CreatorOrder.FOLLOWERS
    page_size: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: Annotated[str, Field(max_length=2000)] = ""


_SORTED_BY = {
    CreatorOrder.FOLLOWERS: "followers",
    CreatorOrder.ENGAGEMENT_RATE: "performance.engagement_rate",
    CreatorOrder.MEDIAN_VIEWS: "performance.median_views",
}


async def search_creators(request: SearchCreators, reads: Reads) -> Document:
    """A page of the directory, how many there are in all, and of each creator which filters it met, and how."""
    if request.order is CreatorOrder.ENGAGEMENT_RATE and request.engagement_rate is None:
        said = "rates by different methods do not compare: name one in engagementRate.method to sort by it"
        raise Refusal("ENGAGEMENT_METHOD_REQUIRED", said, kind=Kind.INVALID_ARGUMENT, field="engagement_rate")
    where = _where(request)
    page = Page(sort=((_SORTED_BY[request.order], False),), limit=request.page_size)
    found, cursor = await reads.views.page("creators", where, page, request.cursor)
    total = await reads.views.count("creators", where)
    return {"creators": [_hit(request, doc) for doc in found], "total_size": total, "next_cursor": cursor}


def _where(request: SearchCreators) -> dict[str, Any]:
    where: dict[str, Any] = {"status": "joined"}
    for field, values in (("niches", request.niches), ("country", request.countries), ("languages", request.languages)):
        if values:
            where[field] = AnyOf(values)
    if wanted := request.followers:
        where["followers"] = Range(0 if wanted.least is None else wanted.least, wanted.most)
    if rate := request.engagement_rate:
        where["performance.engagement_rate_method"] = rate.method.value
        where["performance.engagement_rate"] = Range(0.0 if rate.least is None else rate.least, rate.most)
    return where


def _hit(request: SearchCreators, doc: Document) -> Document:
    names = ("handle", "name", "bio", "country", "languages", "niches", "accounts", "followers", "rate_card", "performance")
    shown = {name: doc[name] for name in names}
    return {"creator_id": doc["id"], **shown, "matched": [{"filter": f, "value": v} for f, v in _matched(request, doc)]}


def _matched(request: SearchCreators, doc: Document) -> Iterator[tuple[str, str]]:
    for niche in doc["niches"]:
        if niche in request.niches:
            yield "niches", niche
    if doc["country"] in request.countries:
        yield "countries", doc["country"]
    for language in doc["languages"]:
        if language in request.languages:
            yield "languages", language
    if request.followers:
        yield "followers", f"{doc['followers']:,}"
    if rate := request.engagement_rate:
        yield "engagementRate", f"{doc['performance']['engagement_rate']:.2%} {rate.method.replace('_', ' ')}"
