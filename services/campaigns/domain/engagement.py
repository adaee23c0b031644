"""An engagement: one creator and one brand talk about one campaign, offer by offer, until they agree or part."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Annotated, TypeAlias, TypedDict, assert_never

from pydantic import Field

from libs.events.catalog.campaigns import (
    EngagementDeclined,
    EngagementExpired,
    EngagementOpened,
    EngagementReopened,
    OfferAccepted,
    OfferMade,
)
from libs.events.catalog.values import BrandId, Brief, CampaignId, CreatorId, EngagementId, Party, Reason, Terms, Text, Time
from libs.events.decider import Command, Decider, Decision, Refusal, illegal
from libs.events.envelope import iso
from services.campaigns.domain.parties import side
from services.campaigns.domain.policy import Policy
from services.campaigns.domain.terms import check_terms

MOST_OFFERS = 50


class Names(TypedDict):
    """Who talks with whom about what."""

    engagement_id: str
    campaign_id: str
    brand_id: str
    creator_id: str


@dataclass(frozen=True, slots=True)
class Offer:
    """One version of the terms; only the other party may accept it."""

    version: int
    by: Party
    terms: Terms
    message: str = ""


@dataclass(frozen=True, slots=True)
class Talk:
    """What the two have said so far; there is always a first offer."""

    names: Names
    brief: Brief
    offers: tuple[Offer, ...]

    @property
    def newest(self) -> Offer:
        return self.offers[-1]


@dataclass(frozen=True, slots=True)
class Absent:
    """Nobody invited, nobody applied."""


@dataclass(frozen=True, slots=True)
class Negotiating:
    """The newest offer waits for the other party's answer, until `expires_at`."""

    talk: Talk
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Agreed:
    """Both want the newest offer; the campaign's budget has to cover it."""

    talk: Talk


@dataclass(frozen=True, slots=True)
class Declined:
    talk: Talk
    by: Party
    reason: str


@dataclass(frozen=True, slots=True)
class Expired:
    talk: Talk


Engagement: TypeAlias = Absent | Negotiating | Agreed | Declined | Expired


class OpenEngagement(Command):
    """Begin to talk; sent when a creator was invited or has applied."""

    engagement_id: EngagementId
    campaign_id: CampaignId
    brand_id: BrandId
    creator_id: CreatorId
    opened_by: Party
    terms: Terms
    brief: Brief
    message: Text = ""
    expires_at: Time | None = None


class MakeOffer(Command):
    """Offer other terms."""

    engagement_id: EngagementId
    terms: Terms
    message: Text = ""


class AcceptOffer(Command):
    """Agree to that version of the offer, and to no other."""

    engagement_id: EngagementId
    offer_version: Annotated[int, Field(ge=1)]


class DeclineEngagement(Command):
    """Want no deal."""

    engagement_id: EngagementId
    reason: Text = ""


class ExpireEngagement(Command):
    """The newest offer was not answered; sent when its time is over."""

    engagement_id: EngagementId


class ReopenEngagement(Command):
    """Negotiate again; sent when the budget does not cover the agreement."""

    engagement_id: EngagementId
    reason: Reason


class CloseEngagement(Command):
    """End with the campaign; sent when it is cancelled."""

    engagement_id: EngagementId
    reason: Text


EngagementCommand: TypeAlias = (
    OpenEngagement | MakeOffer | AcceptOffer | DeclineEngagement | ExpireEngagement | ReopenEngagement | CloseEngagement
)
EngagementEvent: TypeAlias = (
    EngagementOpened | OfferMade | OfferAccepted | EngagementReopened | EngagementDeclined | EngagementExpired
)


def decide(policy: Policy, command: EngagementCommand, state: Engagement) -> Decision:
    match command, state:
        case OpenEngagement(), Absent():
            return [_open(policy, command)]
        case MakeOffer(), Negotiating(talk=talk):
            return [_counter(policy, command, talk)]
        case AcceptOffer(), Negotiating(talk=talk, expires_at=until):
            return [_accept(command, talk, until)]
        case DeclineEngagement(reason=reason), Negotiating(talk=talk):
            return [EngagementDeclined(**talk.names, by=_side(command, talk), reason=reason)]
        case ExpireEngagement(), Negotiating(talk=talk, expires_at=until) if command.at >= until:
            return [EngagementExpired(**talk.names)]
        case ReopenEngagement(reason=reason), Agreed(talk=talk):
            return [EngagementReopened(**talk.names, reason=reason, expires_at=command.at + policy.answer_within)]
        case CloseEngagement(reason=reason), Negotiating(talk=talk) | Agreed(talk=talk):
            return [EngagementDeclined(**talk.names, by=Party.BRAND, reason=reason)]
        case OpenEngagement() | ExpireEngagement() | ReopenEngagement() | CloseEngagement(), _:
            return []  # sent by a deadline or for a fact; it no longer applies
        case _:
            raise illegal(command, state)


def _open(policy: Policy, command: OpenEngagement) -> EngagementOpened:
    return EngagementOpened(
        engagement_id=command.engagement_id,
        campaign_id=command.campaign_id,
        brand_id=command.brand_id,
        creator_id=command.creator_id,
        opened_by=command.opened_by,
        terms=command.terms,
        brief=command.brief,
        message=command.message,
        expires_at=command.expires_at or command.at + policy.application_stands,
    )


def _counter(policy: Policy, command: MakeOffer, talk: Talk) -> OfferMade:
    by = _side(command, talk)
    if len(talk.offers) >= MOST_OFFERS:
        raise Refusal("TOO_MANY_OFFERS", f"after {MOST_OFFERS} offers: accept the newest or decline", most=MOST_OFFERS)
    check_terms(command.terms, currency=talk.newest.terms.fee.currency, at=command.at)
    return OfferMade(
        **talk.names,
        offer_version=talk.newest.version + 1,
        by=by,
        terms=command.terms,
        message=command.message,
        expires_at=command.at + policy.answer_within,
    )


def _accept(command: AcceptOffer, talk: Talk, until: datetime) -> OfferAccepted:
    by, newest = _side(command, talk), talk.newest
    if command.offer_version != newest.version:
        said = f"the newest offer is version {newest.version}: read it, then accept that one"
        raise Refusal("OFFER_STALE", said, current=newest.version)
    if by is newest.by:
        raise Refusal("OWN_OFFER", "an offer is accepted by the other party", offered_by=newest.by.value)
    if command.at >= until:
        raise Refusal("OFFER_EXPIRED", f"the offer stood until {iso(until)}", expired_at=iso(until))
    return OfferAccepted(**talk.names, offer_version=newest.version, by=by, terms=newest.terms, brief=talk.brief)


def _side(command: EngagementCommand, talk: Talk) -> Party:
    return side(command.actor, talk.names["brand_id"], talk.names["creator_id"])


def evolve(state: Engagement, event: EngagementEvent) -> Engagement:
    match event:
        case EngagementOpened():
            first = Offer(1, event.opened_by, event.terms, event.message)
            return Negotiating(Talk(_names(event), event.brief, (first,)), event.expires_at)
        case OfferMade():
            assert isinstance(state, Negotiating)
            offer = Offer(event.offer_version, event.by, event.terms, event.message)
            return Negotiating(replace(state.talk, offers=(*state.talk.offers, offer)), event.expires_at)
        case OfferAccepted():
            assert isinstance(state, Negotiating)
            return Agreed(state.talk)
        case EngagementReopened():
            assert isinstance(state, Agreed)
            return Negotiating(state.talk, event.expires_at)
        case EngagementDeclined():
            assert isinstance(state, Negotiating | Agreed)
            return Declined(state.talk, event.by, event.reason)
        case EngagementExpired():
            assert isinstance(state, Negotiating)
            return Expired(state.talk)
        case _:
            assert_never(event)


def _names(event: EngagementOpened) -> Names:
    return Names(
        engagement_id=event.engagement_id,
        campaign_id=event.campaign_id,
        brand_id=event.brand_id,
        creator_id=event.creator_id,
    )


LEGAL: dict[type[Engagement], tuple[type[EngagementCommand], ...]] = {
    Absent: (OpenEngagement,),
    Negotiating: (MakeOffer, AcceptOffer, DeclineEngagement, ExpireEngagement, CloseEngagement),
    Agreed: (ReopenEngagement, CloseEngagement),
    Declined: (),
    Expired: (),
}


def owners(state: Engagement) -> frozenset[str] | None:
    return None if isinstance(state, Absent) else frozenset({state.talk.names["brand_id"], state.talk.names["creator_id"]})


def engagement(policy: Policy) -> Decider[EngagementCommand, Engagement, EngagementEvent]:
    """The rules of an engagement under a policy."""
    return Decider(
        "engagement", "eng", Absent(), partial(decide, policy), evolve, commands=EngagementCommand, legal=LEGAL, owners=owners
    )
