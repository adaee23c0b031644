"""A deliverable of an active contract: drafted, reviewed, posted, checked, accepted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, TypeAlias, assert_never

from pydantic import Field

from libs.events.catalog.campaigns import (
    ChangesRequested,
    ContentPosted,
    DeliverableAccepted,
    DeliverableApproved,
    DraftSubmitted,
    PostCheckFailed,
    PostVerified,
)
from libs.events.catalog.values import (
    CLOCK_SKEW,
    ContractId,
    DeliverableId,
    DeliverableTemplate,
    Party,
    Platform,
    Reason,
    Text,
    Time,
    Url,
)
from libs.events.decider import Command, Decision, Kind, Refusal, Role
from libs.events.envelope import iso
from libs.events.ids import derive
from services.campaigns.domain.deal import Deal
from services.campaigns.domain.policy import Policy
from services.campaigns.domain.postcheck import what_is_missing


@dataclass(frozen=True, slots=True)
class Draft:
    """What the creator handed in, in which round."""

    round: int
    url: str
    caption: str
    review_by: datetime


@dataclass(frozen=True, slots=True)
class Post:
    """What the creator says it posted."""

    post_id: str
    platform: Platform
    url: str
    caption: str
    posted_at: datetime


@dataclass(frozen=True, slots=True)
class Planned:
    template: DeliverableTemplate


@dataclass(frozen=True, slots=True)
class InReview:
    """The brand is to approve the draft or to ask for changes."""

    template: DeliverableTemplate
    draft: Draft


@dataclass(frozen=True, slots=True)
class ChangesWanted:
    """The creator is to hand in another draft."""

    template: DeliverableTemplate
    draft: Draft
    changes: str


@dataclass(frozen=True, slots=True)
class Approved:
    """May be posted."""

    template: DeliverableTemplate
    draft: Draft
    by_timer: bool


@dataclass(frozen=True, slots=True)
class Posted:
    """Is out and to be checked."""

    template: DeliverableTemplate
    draft: Draft
    post: Post


@dataclass(frozen=True, slots=True)
class CheckFailed:
    """Is out and lacks something; the creator mends it and posts again."""

    template: DeliverableTemplate
    draft: Draft
    post: Post
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Verified:
    """Keeps what was agreed; the same commit accepts it."""

    template: DeliverableTemplate
    draft: Draft
    post: Post


@dataclass(frozen=True, slots=True)
class Accepted:
    """Done."""

    template: DeliverableTemplate
    draft: Draft
    post: Post


Deliverable: TypeAlias = Planned | InReview | ChangesWanted | Approved | Posted | CheckFailed | Verified | Accepted
Deliverables: TypeAlias = Mapping[DeliverableId, Deliverable]
Out: TypeAlias = Posted | CheckFailed | Verified | Accepted
"""Content that the public has seen."""


class SubmitDraft(Command):
    """Hand in a draft for review."""

    contract_id: ContractId
    deliverable_id: DeliverableId
    url: Url
    caption: Text = ""


class RequestChanges(Command):
    """Ask for another draft; as often as the terms allow."""

    contract_id: ContractId
    deliverable_id: DeliverableId
    changes: Annotated[Text, Field(min_length=1)]


class ApproveDeliverable(Command):
    """Let the draft be posted."""

    contract_id: ContractId
    deliverable_id: DeliverableId


class ApproveBySilence(Command):
    """The brand did not answer; sent when the review window is over."""

    contract_id: ContractId
    deliverable_id: DeliverableId
    round: int


class PostContent(Command):
    """Say where the content was posted."""

    contract_id: ContractId
    deliverable_id: DeliverableId
    platform: Platform
    url: Url
    caption: Text
    posted_at: Time


class VerifyPost(Command):
    """Check the post against what was agreed; also sent when it was posted."""

    contract_id: ContractId
    deliverable_id: DeliverableId


DeliverableCommand: TypeAlias = SubmitDraft | RequestChanges | ApproveDeliverable | ApproveBySilence | PostContent | VerifyPost
DeliverableEvent: TypeAlias = (
    DraftSubmitted
    | ChangesRequested
    | DeliverableApproved
    | ContentPosted
    | PostVerified
    | PostCheckFailed
    | DeliverableAccepted
)


def decide(policy: Policy, command: DeliverableCommand, deal: Deal, state: Deliverable, *, last: bool) -> Decision:
    """`last`: every other deliverable of the contract is accepted."""
    match command, state:
        case SubmitDraft(), Planned():
            return [_draft(policy, command, deal, 1)]
        case SubmitDraft(), ChangesWanted(draft=before):
            return [_draft(policy, command, deal, before.round + 1)]
        case RequestChanges(), InReview(draft=draft):
            return [_changes(command, deal, draft)]
        case ApproveDeliverable(deliverable_id=id), InReview(draft=draft):
            deal.only(Party.BRAND, command.actor)
            return [DeliverableApproved(**deal.names, deliverable_id=id, round=draft.round, by_timer=False)]
        case ApproveBySilence(deliverable_id=id, round=round), InReview(draft=draft) if (
            round == draft.round and command.at >= draft.review_by
        ):
            return [DeliverableApproved(**deal.names, deliverable_id=id, round=draft.round, by_timer=True)]
        case PostContent(), Approved(template=template) | CheckFailed(template=template):
            return [_post(command, deal, template)]
        case VerifyPost(), Posted(post=post):
            return _verify(command, deal, post, last)
        case VerifyPost(), CheckFailed() | Accepted():
            return []  # checked before
        case ApproveBySilence(), _:
            return []  # answered in time
        case VerifyPost(), _ if command.actor.role is Role.SERVICE:
            return []
        case _:
            raise _illegal(command, state)


def _draft(policy: Policy, command: SubmitDraft, deal: Deal, round: int) -> DraftSubmitted:
    deal.only(Party.CREATOR, command.actor)
    return DraftSubmitted(
        **deal.names,
        deliverable_id=command.deliverable_id,
        round=round,
        url=command.url,
        caption=command.caption,
        review_by=command.at + policy.review_within,
    )


def _changes(command: RequestChanges, deal: Deal, draft: Draft) -> ChangesRequested:
    deal.only(Party.BRAND, command.actor)
    allowed = deal.terms.revisions
    if draft.round > allowed:
        said = f"the terms allow {allowed} rounds of changes, and they are used up: approve, or agree on other terms"
        raise Refusal("REVISIONS_EXHAUSTED", said, allowed=allowed)
    return ChangesRequested(**deal.names, deliverable_id=command.deliverable_id, round=draft.round, changes=command.changes)


def _post(command: PostContent, deal: Deal, template: DeliverableTemplate) -> ContentPosted:
    deal.only(Party.CREATOR, command.actor)
    if command.platform is not template.platform:
        said = f"the deliverable is for {template.platform.value}"
        raise Refusal("OTHER_PLATFORM", said, kind=Kind.INVALID_ARGUMENT, field="platform", platform=template.platform.value)
    if command.posted_at > command.at + CLOCK_SKEW:
        said = f"nothing can have been posted at {iso(command.posted_at)} yet"
        raise Refusal("POSTED_IN_FUTURE", said, kind=Kind.INVALID_ARGUMENT, field="posted_at")
    return ContentPosted(
        **deal.names,
        deliverable_id=command.deliverable_id,
        post_id=derive("pst", command.deliverable_id),
        platform=command.platform,
        url=command.url,
        caption=command.caption,
        posted_at=command.posted_at,
    )


def _verify(command: VerifyPost, deal: Deal, post: Post, last: bool) -> Decision:
    which = command.deliverable_id
    reasons = what_is_missing(deal.brief, deal.terms.post_window, caption=post.caption, posted_at=post.posted_at)
    if reasons:
        return [PostCheckFailed(**deal.names, deliverable_id=which, post_id=post.post_id, reasons=reasons)]
    return [
        PostVerified(**deal.names, deliverable_id=which, post_id=post.post_id),
        DeliverableAccepted(**deal.names, deliverable_id=which, last=last),
    ]


def evolve(state: Deliverable, event: DeliverableEvent) -> Deliverable:
    match event:
        case DraftSubmitted():
            return InReview(state.template, Draft(event.round, event.url, event.caption, event.review_by))
        case ChangesRequested():
            assert isinstance(state, InReview)
            return ChangesWanted(state.template, state.draft, event.changes)
        case DeliverableApproved():
            assert isinstance(state, InReview)
            return Approved(state.template, state.draft, event.by_timer)
        case ContentPosted():
            assert isinstance(state, Approved | CheckFailed)
            post = Post(event.post_id, event.platform, event.url, event.caption, event.posted_at)
            return Posted(state.template, state.draft, post)
        case PostCheckFailed():
            assert isinstance(state, Posted)
            return CheckFailed(state.template, state.draft, state.post, event.reasons)
        case PostVerified():
            assert isinstance(state, Posted)
            return Verified(state.template, state.draft, state.post)
        case DeliverableAccepted():
            assert isinstance(state, Verified)
            return Accepted(state.template, state.draft, state.post)
        case _:
            assert_never(event)


LEGAL: dict[type[Deliverable], Sequence[type[DeliverableCommand]]] = {
    Planned: (SubmitDraft,),
    InReview: (RequestChanges, ApproveDeliverable),
    ChangesWanted: (SubmitDraft,),
    Approved: (PostContent,),
    Posted: (VerifyPost,),
    CheckFailed: (PostContent,),
    Verified: (),
    Accepted: (),
}


def _illegal(command: DeliverableCommand, state: Deliverable) -> Refusal:
    now, legal = type(state).__name__, [cls.__name__ for cls in LEGAL[type(state)]]
    said = f"{type(command).__name__} is not possible while the deliverable is {now}; possible: {', '.join(legal) or 'nothing'}"
    return Refusal("ILLEGAL_DELIVERABLE_TRANSITION", said, state=now, legal=legal)
