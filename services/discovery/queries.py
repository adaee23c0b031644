"""What discovery answers: a creator, and the directory that brands search."""

from __future__ import annotations

from typing import assert_never

from libs.chassis.rpcs import Reads, Request
from libs.events.catalog.values import CreatorId
from libs.events.decider import Actor, Role, not_found
from libs.events.ports import Document
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
