"""A campaign: what a brand wants made, by whom, for how much. Its budget is committed by agreements, never by invitations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeAlias, assert_never

from libs.events.catalog.campaigns import (
    ApplicationSubmitted,
    BudgetCommitted,
    BudgetExceeded,
    BudgetFreed,
    CampaignCancelled,
    CampaignDrafted,
    CampaignLaunched,
    CampaignPaused,
    CampaignResumed,
    CreatorInvited,
)
from libs.events.catalog.values import (
    Brief,
    CampaignMode,
    DeliverableTemplate,
    EngagementId,
    Money,
    Objective,
    Reason,
    Schedule,
    Terms,
)
from libs.events.decider import Decider, Decision, Kind, Refusal, Role, illegal, not_found
from libs.events.envelope import iso
from libs.events.ids import derive
from services.campaigns.domain.campaign_commands import (
    ApplyToCampaign,
    CampaignCommand,
    CancelCampaign,
    CommitBudget,
    DraftCampaign,
    FreeBudget,
    InviteCreators,
    LaunchCampaign,
    PauseCampaign,
    ResumeCampaign,
)
from services.campaigns.domain.policy import Policy
from services.campaigns.domain.terms import check_terms


@dataclass(frozen=True, slots=True)
class Plan:
    """What the brand wants; complete once launched."""

    campaign_id: str
    brand_id: str
    name: str
    objective: Objective
    mode: CampaignMode
    brief: Brief
    budget: Money | None
    schedule: Schedule | None
    deliverables: tuple[DeliverableTemplate, ...]


@dataclass(frozen=True, slots=True)
class Book:
    """With whom the campaign talks, and what of its budget is spoken for, in minor units."""

    engagements: frozenset[EngagementId] = frozenset()
    committed: Mapping[EngagementId, int] = field(default_factory=dict)

    def total(self) -> int:
        return sum(self.committed.values())

    def open(self) -> tuple[EngagementId, ...]:
        """Engagements without an agreement that the budget covers."""
        return tuple(sorted(self.engagements - self.committed.keys()))


@dataclass(frozen=True, slots=True)
class Absent:
    """No such campaign yet."""


@dataclass(frozen=True, slots=True)
class Draft:
    plan: Plan


@dataclass(frozen=True, slots=True)
class Running:
    """Launched and not over."""

    plan: Plan
    budget: Money
    schedule: Schedule
    book: Book = Book()

    def remaining(self) -> Money:
        return Money(amount=self.budget.amount - self.book.total(), currency=self.budget.currency)


@dataclass(frozen=True, slots=True)
class Launched(Running):
    """Takes creators."""


@dataclass(frozen=True, slots=True)
class Paused(Running):
    """Takes no creators for a while; agreements go on."""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Is over; contracts that were drafted go on."""

    plan: Plan
    reason: str
    book: Book = Book()


Campaign: TypeAlias = Absent | Draft | Launched | Paused | Cancelled
CampaignEvent: TypeAlias = (
    CampaignDrafted
    | CampaignLaunched
    | CampaignPaused
    | CampaignResumed
    | CampaignCancelled
    | CreatorInvited
    | ApplicationSubmitted
    | BudgetCommitted
    | BudgetExceeded
    | BudgetFreed
)


def decide(policy: Policy, command: CampaignCommand, state: Campaign) -> Decision:
    match command, state:
        case DraftCampaign(), Absent():
            said = command.model_dump(exclude={"actor", "at"})
            return [CampaignDrafted(**said, brand_id=_brand(command))]
        case LaunchCampaign(), Draft(plan=plan):
            return [_launch(command, plan)]
        case PauseCampaign(campaign_id=campaign), Launched():
            return [CampaignPaused(campaign_id=campaign)]
        case ResumeCampaign(campaign_id=campaign), Paused():
            return [CampaignResumed(campaign_id=campaign)]
        case CancelCampaign(campaign_id=campaign, reason=reason), Draft():
            return [CampaignCancelled(campaign_id=campaign, reason=reason)]
        case CancelCampaign(campaign_id=campaign, reason=reason), Running(book=book):
            return [CampaignCancelled(campaign_id=campaign, reason=reason, engagement_ids=book.open())]
        case InviteCreators(), Launched():
            return _invite(policy, command, state)
        case ApplyToCampaign(), Launched():
            return [_apply(command, state)]
        case CommitBudget(), Running():
            return _commit(command, state)
        case FreeBudget(engagement_id=engagement, fee=fee), Running(book=book) | Cancelled(book=book):
            known = engagement in book.committed
            return [BudgetFreed(campaign_id=command.campaign_id, engagement_id=engagement, fee=fee)] if known else []
        case CommitBudget(), Cancelled():
            return []  # the engagement ended with the campaign
        case _:
            raise illegal(command, state)


def _brand(command: DraftCampaign) -> str:
    if command.actor.role is not Role.BRAND or command.actor.party is None:
        raise Refusal("NOT_A_BRAND", "a campaign is drafted by the brand whose it is", kind=Kind.PERMISSION_DENIED)
    return command.actor.party


def _launch(command: LaunchCampaign, plan: Plan) -> CampaignLaunched:
    missing = [] if command.brand_verified else [("BRAND_NOT_VERIFIED", "an operator has yet to verify the brand")]
    if not plan.deliverables:
        missing.append(("DELIVERABLES_MISSING", "say what is to be made: at least one deliverable"))
    if plan.budget is None or plan.budget.amount <= 0:
        missing.append(("BUDGET_MISSING", "a budget of more than nothing is needed"))
    if plan.schedule is None or plan.schedule.ends_at <= plan.schedule.starts_at:
        missing.append(("SCHEDULE_MISSING", "say when posts may go out, from and to"))
    elif plan.schedule.ends_at <= command.at:
        missing.append(("SCHEDULE_OVER", f"the schedule ended at {iso(plan.schedule.ends_at)}"))
    if not plan.brief.disclosure_label:
        missing.append(("DISCLOSURE_LABEL_MISSING", "say with which words posts are marked as advertising"))
    if missing or plan.budget is None or plan.schedule is None:
        reasons = [Reason(code=code, message=message).model_dump() for code, message in missing]
        said = "; ".join(message for _, message in missing)
        raise Refusal("NOT_READY_TO_LAUNCH", f"the campaign cannot be launched yet: {said}", missing=reasons)
    return CampaignLaunched(
        campaign_id=plan.campaign_id,
        brand_id=plan.brand_id,
        name=plan.name,
        objective=plan.objective,
        mode=plan.mode,
        budget=plan.budget,
        schedule=plan.schedule,
    )


def _invite(policy: Policy, command: InviteCreators, state: Launched) -> Decision:
    _check_open_for(command.terms, state, command)
    engaged = [c for c in command.creator_ids if derive("eng", command.campaign_id, c) in state.book.engagements]
    if engaged:
        raise Refusal("ALREADY_ENGAGED", f"the campaign already talks with {', '.join(engaged)}", creator_ids=engaged)
    return [
        CreatorInvited(
            campaign_id=command.campaign_id,
            brand_id=state.plan.brand_id,
            engagement_id=derive("eng", command.campaign_id, creator),
            creator_id=creator,
            terms=command.terms,
            brief=state.plan.brief,
            expires_at=command.at + policy.answer_within,
        )
        for creator in command.creator_ids
    ]


def _apply(command: ApplyToCampaign, state: Launched) -> ApplicationSubmitted:
    creator = command.actor.party
    if state.plan.mode is not CampaignMode.OPEN:
        raise not_found("campaign")  # whoever was not invited does not learn of it
    if command.actor.role is not Role.CREATOR or creator is None:
        raise Refusal("NOT_A_CREATOR", "only a creator applies to a campaign", kind=Kind.PERMISSION_DENIED)
    _check_open_for(command.terms, state, command)
    engagement = derive("eng", command.campaign_id, creator)
    if engagement in state.book.engagements:
        raise Refusal("ALREADY_ENGAGED", "the campaign already talks with you", engagement_id=engagement)
    return ApplicationSubmitted(
        campaign_id=command.campaign_id,
        brand_id=state.plan.brand_id,
        engagement_id=engagement,
        creator_id=creator,
        terms=command.terms,
        brief=state.plan.brief,
        message=command.message,
    )


def _check_open_for(terms: Terms, state: Launched, command: InviteCreators | ApplyToCampaign) -> None:
    if state.schedule.ends_at <= command.at:
        raise Refusal("CAMPAIGN_OVER", f"the campaign's schedule ended at {iso(state.schedule.ends_at)}")
    check_terms(terms, currency=state.budget.currency, at=command.at)


def _commit(command: CommitBudget, state: Running) -> Decision:
    if command.engagement_id in state.book.committed:
        return []
    fee, remaining = command.terms.fee, state.remaining()
    if fee.amount > remaining.amount:
        exceeded = BudgetExceeded(
            campaign_id=command.campaign_id, engagement_id=command.engagement_id, fee=fee, remaining=remaining
        )
        return [exceeded]
    committed = BudgetCommitted(
        campaign_id=command.campaign_id,
        brand_id=state.plan.brand_id,
        engagement_id=command.engagement_id,
        creator_id=command.creator_id,
        terms=command.terms,
        brief=command.brief,
    )
    return [committed]


def evolve(state: Campaign, event: CampaignEvent) -> Campaign:
    match event:
        case CampaignDrafted():
            return Draft(Plan(**{name: getattr(event, name) for name in Plan.__slots__}))
        case CampaignLaunched():
            assert isinstance(state, Draft)
            return Launched(state.plan, event.budget, event.schedule)
        case CampaignPaused():
            assert isinstance(state, Launched)
            return Paused(state.plan, state.budget, state.schedule, state.book)
        case CampaignResumed():
            assert isinstance(state, Paused)
            return Launched(state.plan, state.budget, state.schedule, state.book)
        case CampaignCancelled():
            assert isinstance(state, Draft | Running)
            return Cancelled(state.plan, event.reason, state.book if isinstance(state, Running) else Book())
        case CreatorInvited() | ApplicationSubmitted():
            assert isinstance(state, Launched)
            return replace(state, book=replace(state.book, engagements=state.book.engagements | {event.engagement_id}))
        case BudgetCommitted():
            assert isinstance(state, Launched | Paused)
            return replace(state, book=_with(state.book, event.engagement_id, event.terms.fee.amount))
        case BudgetFreed():
            assert isinstance(state, Launched | Paused | Cancelled)
            return replace(state, book=_with(state.book, event.engagement_id, -event.fee.amount))
        case BudgetExceeded():
            return state
        case _:
            assert_never(event)


def _with(book: Book, engagement: EngagementId, more: int) -> Book:
    return replace(book, committed={**book.committed, engagement: book.committed.get(engagement, 0) + more})


_RUNNING = (CancelCampaign, CommitBudget, FreeBudget)

LEGAL: dict[type[Campaign], tuple[type[CampaignCommand], ...]] = {
    Absent: (DraftCampaign,),
    Draft: (LaunchCampaign, CancelCampaign),
    Launched: (InviteCreators, ApplyToCampaign, PauseCampaign, *_RUNNING),
    Paused: (ResumeCampaign, *_RUNNING),
    Cancelled: (FreeBudget,),
}


def owners(state: Campaign) -> frozenset[str] | None:
    return None if isinstance(state, Absent) else frozenset({state.plan.brand_id})


def campaign(policy: Policy) -> Decider[CampaignCommand, Campaign, CampaignEvent]:
    """The rules of a campaign under a policy."""
    return Decider(
        "campaign", "cmp", Absent(), partial(decide, policy), evolve, commands=CampaignCommand, legal=LEGAL, owners=owners
    )
