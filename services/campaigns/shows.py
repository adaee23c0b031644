"""How this service's aggregates are shown: (id, state) -> the resource's fields, named as in the protos."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

from libs.events.catalog.values import Money
from libs.events.decider import Actor
from libs.events.ids import derive
from libs.events.ports import Document
from services.campaigns.domain import brand as brands
from services.campaigns.domain import campaign as campaigns
from services.campaigns.domain import contract_state as contracts
from services.campaigns.domain import deliverable as deliverables
from services.campaigns.domain import engagement as engagements

# --- Brand -----------------------------------------------------------------------------------------------------------

_BRAND = {
    brands.Registered: "registered",
    brands.VerificationSubmitted: "verification_submitted",
    brands.Verified: "verified",
    brands.Rejected: "rejected",
}


def show_brand(id: str, state: brands.Brand) -> Document:
    if isinstance(state, brands.Absent):
        return {"brand_id": id}
    said = state.identity
    return {
        "brand_id": id,
        "status": _BRAND[type(state)],
        "name": said.name,
        "website": said.website,
        "legal_name": said.legal_name,
        "registration_number": said.registration_number,
        "rejection_reason": state.reason if isinstance(state, brands.Rejected) else None,
    }


# --- Campaign --------------------------------------------------------------------------------------------------------

_CAMPAIGN = {
    campaigns.Draft: "draft",
    campaigns.Launched: "launched",
    campaigns.Paused: "paused",
    campaigns.Cancelled: "cancelled",
}


def show_campaign(id: str, state: campaigns.Campaign) -> Document:
    if isinstance(state, campaigns.Absent):
        return {"campaign_id": id}
    plan, book = state.plan, campaigns.Book() if isinstance(state, campaigns.Draft) else state.book
    budget = plan.budget
    return {
        "campaign_id": id,
        "brand_id": plan.brand_id,
        "status": _CAMPAIGN[type(state)],
        "name": plan.name,
        "objective": plan.objective,
        "mode": plan.mode,
        "brief": plan.brief,
        "deliverables": plan.deliverables,
        "schedule": plan.schedule,
        "budget": budget,
        "committed": budget and Money(amount=book.total(), currency=budget.currency),
        "engagement_count": len(book.engagements),
        "cancellation_reason": state.reason if isinstance(state, campaigns.Cancelled) else None,
    }


def show_application(id: str, state: campaigns.Campaign, actor: Actor) -> Document:
    """What the creator who applied is told; the campaign itself is the brand's."""
    return {"campaign_id": id, "engagement_id": derive("eng", id, actor.party or ""), "creator_id": actor.party}


# --- Engagement ------------------------------------------------------------------------------------------------------


def show_engagement(id: str, state: engagements.Engagement) -> Document:
    if isinstance(state, engagements.Absent):
        return {"engagement_id": id}
    offers = [
        {"offer_version": offer.version, "by": offer.by, "terms": offer.terms, "message": offer.message}
        for offer in state.talk.offers
    ]
    return {**state.talk.names, "brief": state.talk.brief, "offers": offers, **_standing(state)}


def _standing(state: engagements.Negotiating | engagements.Agreed | engagements.Declined | engagements.Expired) -> Document:
    match state:
        case engagements.Negotiating(talk=talk, expires_at=until):
            return {"status": _begun(talk), "expires_at": until}
        case engagements.Agreed():
            return {"status": "agreed", "contract_id": derive("ctr", state.talk.names["engagement_id"])}
        case engagements.Declined(by=by, reason=reason):
            return {"status": "declined", "declined_by": by, "decline_reason": reason}
        case engagements.Expired():
            return {"status": "expired"}
        case _:
            assert_never(state)


def _begun(talk: engagements.Talk) -> str:
    """An invitation or application until somebody answers it with an offer."""
    if len(talk.offers) > 1:
        return "negotiating"
    return "invited" if talk.newest.by == "brand" else "applied"


# --- Contract --------------------------------------------------------------------------------------------------------

_CONTRACT = {
    contracts.Drafted: "drafted",
    contracts.SignedByOne: "signed_by_one",
    contracts.Signed: "signed",
    contracts.Active: "active",
    contracts.Delivered: "delivered",
    contracts.Fulfilled: "fulfilled",
    contracts.Terminated: "terminated",
}


def show_contract(id: str, state: contracts.Contract) -> Document:
    if isinstance(state, contracts.Absent):
        return {"contract_id": id}
    deal = state.deal
    shown = {
        **deal.names,
        "engagement_id": deal.engagement_id,
        "status": _CONTRACT[type(state)],
        "terms": deal.terms,
        "brief": deal.brief,
        "terms_hash": deal.terms_hash,
        "policy_version": deal.policy_version,
        "sign_by": deal.sign_by,
        "fund_by": state.fund_by if isinstance(state, contracts.Signed) else None,
        "signed_by": contracts.signatures(state),
        "deliverables": [_deliverable(key, one) for key, one in state.deliverables.items()],
        "payment_id": derive("pay", id),
    }
    if isinstance(state, contracts.Terminated):
        ended = {"stage": state.stage, "reason": state.reason, "kill_fee": state.kill_fee}
        return {**shown, "termination": ended}
    if isinstance(state, contracts.Live) and (proposal := state.proposal):
        proposed = {"by": proposal.by, "reason": proposal.reason, "answer_by": proposal.answer_by}
        return {**shown, "proposed_cancellation": proposed}
    return shown


_DELIVERABLE: Mapping[type[deliverables.Deliverable], str] = {
    deliverables.Planned: "planned",
    deliverables.InReview: "draft_submitted",
    deliverables.ChangesWanted: "changes_requested",
    deliverables.Approved: "approved",
    deliverables.Posted: "posted",
    deliverables.CheckFailed: "post_check_failed",
    deliverables.Verified: "verified",
    deliverables.Accepted: "accepted",
}


def _deliverable(id: str, state: deliverables.Deliverable) -> Document:
    shown: Document = {"deliverable_id": id, "template": state.template, "status": _DELIVERABLE[type(state)]}
    if not isinstance(state, deliverables.Planned):
        draft = state.draft
        shown["draft"] = {
            "round": draft.round,
            "url": draft.url,
            "caption": draft.caption,
            "review_by": draft.review_by,
        }
    match state:
        case deliverables.ChangesWanted(changes=changes):
            shown["changes"] = changes
        case deliverables.Approved(by_timer=by_timer):
            shown["approved_by_timer"] = by_timer
        case deliverables.CheckFailed(reasons=reasons):
            shown["reasons"] = reasons
        case _:
            pass
    if isinstance(state, deliverables.Out):
        post = state.post
        shown["post"] = {
            "post_id": post.post_id,
            "platform": post.platform,
            "url": post.url,
            "caption": post.caption,
            "posted_at": post.posted_at,
        }
    return shown
