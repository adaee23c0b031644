"""What is listed: campaigns (and of them the opportunities), engagements, contracts; and what payments did for a contract."""

from __future__ import annotations

from typing import assert_never, get_args

from libs.events.catalog.campaigns import (
    ApplicationSubmitted,
    BudgetCommitted,
    BudgetFreed,
    CampaignCancelled,
    CampaignDrafted,
    CampaignLaunched,
    CampaignPaused,
    CampaignResumed,
    ContractActivated,
    ContractDrafted,
    ContractFulfilled,
    ContractSigned,
    ContractTerminated,
    CreatorInvited,
    DeliverableAccepted,
    EngagementDeclined,
    EngagementExpired,
    EngagementOpened,
    EngagementReopened,
    OfferAccepted,
    OfferMade,
)
from libs.events.catalog.payments import (
    FundsHeld,
    PaymentCancelled,
    PaymentOutcomeUnknown,
    PaymentReleased,
    PaymentRequested,
    RefundIssued,
    ReleaseApproved,
    ReleaseFailed,
)
from libs.events.envelope import Recorded, iso
from libs.events.ports import Document
from libs.events.projection import projection

CampaignFact = (
    CampaignDrafted
    | CampaignLaunched
    | CampaignPaused
    | CampaignResumed
    | CampaignCancelled
    | CreatorInvited
    | ApplicationSubmitted
    | BudgetCommitted
    | BudgetFreed
)


@projection(
    "campaigns",
    version=1,
    of=get_args(CampaignFact),
    key="campaign_id",
    indexes=(("brand_id", "created_at"), ("status", "mode", "created_at")),
)
def campaigns(doc: Document, event: Recorded[CampaignFact]) -> Document:
    doc = {**doc, "version": event.version}
    match event.data:
        case CampaignDrafted() as drafted:
            plan = drafted.model_dump(mode="json", exclude={"campaign_id"})
            begun = {"status": "draft", "committed": 0, "engagement_count": 0, "created_at": iso(event.at)}
            return {**doc, **plan, **begun}
        case CampaignLaunched() | CampaignResumed():
            return {**doc, "status": "launched"}
        case CampaignPaused():
            return {**doc, "status": "paused"}
        case CampaignCancelled():
            return {**doc, "status": "cancelled"}
        case CreatorInvited() | ApplicationSubmitted():
            return {**doc, "engagement_count": doc["engagement_count"] + 1}
        case BudgetCommitted(terms=terms):
            return {**doc, "committed": doc["committed"] + terms.fee.amount}
        case BudgetFreed(fee=fee):
            return {**doc, "committed": doc["committed"] - fee.amount}
        case _:
            assert_never(event.data)


EngagementFact = EngagementOpened | OfferMade | OfferAccepted | EngagementReopened | EngagementDeclined | EngagementExpired


@projection(
    "engagements",
    version=1,
    of=get_args(EngagementFact),
    key="engagement_id",
    indexes=(("brand_id", "created_at"), ("creator_id", "created_at"), ("campaign_id", "created_at")),
)
def engagements(doc: Document, event: Recorded[EngagementFact]) -> Document:
    doc = {**doc, "version": event.version}
    match event.data:
        case EngagementOpened() as opened:
            names = {"campaign_id": opened.campaign_id, "brand_id": opened.brand_id, "creator_id": opened.creator_id}
            offer = {"offer_version": 1, "offered_by": opened.opened_by.value, "fee": opened.terms.fee.model_dump()}
            status = "invited" if opened.opened_by == "brand" else "applied"
            until, created = iso(opened.expires_at), iso(event.at)
            return {**doc, **names, **offer, "status": status, "expires_at": until, "created_at": created}
        case OfferMade(offer_version=version, by=by, terms=terms, expires_at=until):
            offer = {"offer_version": version, "offered_by": by.value, "fee": terms.fee.model_dump()}
            return {**doc, **offer, "status": "negotiating", "expires_at": iso(until)}
        case OfferAccepted():
            return {**doc, "status": "agreed", "expires_at": None}
        case EngagementReopened(expires_at=until):
            return {**doc, "status": "negotiating", "expires_at": iso(until)}
        case EngagementDeclined():
            return {**doc, "status": "declined", "expires_at": None}
        case EngagementExpired():
            return {**doc, "status": "expired", "expires_at": None}
        case _:
            assert_never(event.data)


ContractFact = (
    ContractDrafted | ContractSigned | ContractActivated | DeliverableAccepted | ContractTerminated | ContractFulfilled
)


@projection(
    "contracts",
    version=1,
    of=get_args(ContractFact),
    key="contract_id",
    indexes=(("brand_id", "created_at"), ("creator_id", "created_at"), ("campaign_id", "created_at")),
)
def contracts(doc: Document, event: Recorded[ContractFact]) -> Document:
    doc = {**doc, "version": event.version}
    match event.data:
        case ContractDrafted() as drafted:
            names = drafted.model_dump(include={"engagement_id", "campaign_id", "brand_id", "creator_id", "terms_hash"})
            fee = drafted.terms.fee.model_dump()
            return {**doc, **names, "fee": fee, "status": "drafted", "created_at": iso(event.at)}
        case ContractSigned(complete=complete):
            return {**doc, "status": "signed" if complete else "signed_by_one"}
        case ContractActivated():
            return {**doc, "status": "active"}
        case DeliverableAccepted(last=last):
            return {**doc, "status": "delivered"} if last else doc
        case ContractTerminated():
            return {**doc, "status": "terminated"}
        case ContractFulfilled():
            return {**doc, "status": "fulfilled"}
        case _:
            assert_never(event.data)


PaymentFact = (
    PaymentRequested
    | FundsHeld
    | PaymentCancelled
    | ReleaseApproved
    | PaymentOutcomeUnknown
    | PaymentReleased
    | ReleaseFailed
    | RefundIssued
)


@projection("timelines", version=1, of=get_args(PaymentFact), key="contract_id")
def timelines(doc: Document, event: Recorded[PaymentFact]) -> Document:
    """What payments did for a contract, in its order."""
    step = {
        "event_id": event.id,
        "caused_by": event.meta.causation_id,
        "at": iso(event.at),
        "type": event.data.type,
        "actor": event.meta.actor,
        "service": event.source,
        "stream": event.stream,
        "version": event.version,
        "position": event.position,
    }
    return {**doc, "steps": [*doc.get("steps", ()), step]}


PROJECTIONS = (campaigns, engagements, contracts, timelines)
