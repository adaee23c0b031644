"""What facts make campaigns do: the choreography of a deal, and the end of every wait."""

from __future__ import annotations

from collections.abc import Iterable

from libs.events.catalog.campaigns import (
    ApplicationSubmitted,
    BudgetCommitted,
    BudgetExceeded,
    CampaignCancelled,
    CancellationProposed,
    ContentPosted,
    ContractDrafted,
    ContractSigned,
    ContractTerminated,
    CreatorInvited,
    DraftSubmitted,
    EngagementOpened,
    EngagementReopened,
    OfferAccepted,
    OfferMade,
)
from libs.events.catalog.payments import FundsHeld, PaymentReleased
from libs.events.catalog.values import Party, Reason
from libs.events.deadlines import Deadline
from libs.events.envelope import Recorded
from libs.events.ids import derive
from libs.events.reactions import Intent, reaction
from services.campaigns.domain.campaign_commands import CommitBudget, FreeBudget
from services.campaigns.domain.contract_commands import (
    ActivateContract,
    CancelBySilence,
    DraftContract,
    FulfilContract,
    LapseContract,
)
from services.campaigns.domain.deliverable import ApproveBySilence, VerifyPost
from services.campaigns.domain.engagement import CloseEngagement, ExpireEngagement, OpenEngagement, ReopenEngagement


@reaction("open an engagement", to=(CreatorInvited, ApplicationSubmitted))
def open_engagement(event: Recorded[CreatorInvited | ApplicationSubmitted]) -> Iterable[Intent]:
    fact = event.data
    yield OpenEngagement(
        engagement_id=fact.engagement_id,
        campaign_id=fact.campaign_id,
        brand_id=fact.brand_id,
        creator_id=fact.creator_id,
        opened_by=Party.BRAND if isinstance(fact, CreatorInvited) else Party.CREATOR,
        terms=fact.terms,
        brief=fact.brief,
        message=fact.message if isinstance(fact, ApplicationSubmitted) else "",
        expires_at=fact.expires_at if isinstance(fact, CreatorInvited) else None,
    )


@reaction("expire an unanswered offer", to=(EngagementOpened, OfferMade, EngagementReopened))
def expire_offer(event: Recorded[EngagementOpened | OfferMade | EngagementReopened]) -> Iterable[Intent]:
    yield Deadline(event.data.expires_at, ExpireEngagement(engagement_id=event.data.engagement_id))


@reaction("commit the budget to an agreement", to=OfferAccepted)
def commit_budget(event: Recorded[OfferAccepted]) -> Iterable[Intent]:
    fact = event.data
    yield CommitBudget(
        campaign_id=fact.campaign_id,
        engagement_id=fact.engagement_id,
        creator_id=fact.creator_id,
        terms=fact.terms,
        brief=fact.brief,
    )


@reaction("negotiate again when the budget is exceeded", to=BudgetExceeded)
def reopen_engagement(event: Recorded[BudgetExceeded]) -> Iterable[Intent]:
    fee, left = event.data.fee, event.data.remaining
    said = f"the fee is {fee.amount} {fee.currency} (minor units), and of the budget {left.amount} remain"
    yield ReopenEngagement(engagement_id=event.data.engagement_id, reason=Reason(code="BUDGET_EXCEEDED", message=said))


@reaction("end the engagements of a cancelled campaign", to=CampaignCancelled)
def close_engagements(event: Recorded[CampaignCancelled]) -> Iterable[Intent]:
    for engagement in event.data.engagement_ids:
        yield CloseEngagement(engagement_id=engagement, reason="the campaign was cancelled")


@reaction("draft the contract", to=BudgetCommitted)
def draft_contract(event: Recorded[BudgetCommitted]) -> Iterable[Intent]:
    fact = event.data
    yield DraftContract(
        contract_id=derive("ctr", fact.engagement_id),
        engagement_id=fact.engagement_id,
        campaign_id=fact.campaign_id,
        brand_id=fact.brand_id,
        creator_id=fact.creator_id,
        terms=fact.terms,
        brief=fact.brief,
    )


@reaction("let an unsigned contract lapse", to=ContractDrafted)
def lapse_unsigned(event: Recorded[ContractDrafted]) -> Iterable[Intent]:
    yield Deadline(event.data.sign_by, LapseContract(contract_id=event.data.contract_id))


@reaction("let an unfunded contract lapse", to=ContractSigned)
def lapse_unfunded(event: Recorded[ContractSigned]) -> Iterable[Intent]:
    if event.data.fund_by is not None:
        yield Deadline(event.data.fund_by, LapseContract(contract_id=event.data.contract_id))


@reaction("activate the contract when the money is held", to=FundsHeld)
def activate_contract(event: Recorded[FundsHeld]) -> Iterable[Intent]:
    yield ActivateContract(contract_id=event.data.contract_id)


@reaction("approve a draft by silence", to=DraftSubmitted)
def approve_by_silence(event: Recorded[DraftSubmitted]) -> Iterable[Intent]:
    fact = event.data
    approve = ApproveBySilence(contract_id=fact.contract_id, deliverable_id=fact.deliverable_id, round=fact.round)
    yield Deadline(fact.review_by, approve)


@reaction("check a post", to=ContentPosted)
def verify_post(event: Recorded[ContentPosted]) -> Iterable[Intent]:
    yield VerifyPost(contract_id=event.data.contract_id, deliverable_id=event.data.deliverable_id)


@reaction("take silence as the answer to a proposed cancellation", to=CancellationProposed)
def cancel_by_silence(event: Recorded[CancellationProposed]) -> Iterable[Intent]:
    yield Deadline(event.data.answer_by, CancelBySilence(contract_id=event.data.contract_id))


@reaction("free the budget of a terminated contract", to=ContractTerminated)
def free_budget(event: Recorded[ContractTerminated]) -> Iterable[Intent]:
    fact = event.data
    yield FreeBudget(campaign_id=fact.campaign_id, engagement_id=fact.engagement_id, fee=fact.fee - fact.kill_fee)


@reaction("fulfil the contract when the money is released", to=PaymentReleased)
def fulfil_contract(event: Recorded[PaymentReleased]) -> Iterable[Intent]:
    yield FulfilContract(contract_id=event.data.contract_id)


REACTIONS = (
    open_engagement,
    expire_offer,
    commit_budget,
    reopen_engagement,
    close_engagements,
    draft_contract,
    lapse_unsigned,
    lapse_unfunded,
    activate_contract,
    approve_by_silence,
    verify_post,
    cancel_by_silence,
    free_budget,
    fulfil_contract,
)
