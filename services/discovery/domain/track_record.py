"""A creator's track record: what other services' facts say of it, each once, and the badges that follow from them.

The record is bounded: it remembers the newest facts of a kind, and by them knows one that it is told again. A badge is awarded
or revoked in the commit of the fact that decides it; a changed policy shows with the next fact.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TypeAlias, TypeVar, assert_never

from libs.events.catalog.discovery import (
    BadgeAwarded,
    BadgeRevoked,
    CollaborationFinished,
    DeliveryJudged,
    InvitationAnswered,
    InvitationReceived,
    InvitationWithdrawn,
)
from libs.events.catalog.values import Badge, ContractId, CreatorId, DeliverableId, EngagementId, Time
from libs.events.decider import Command, Decider, Decision
from libs.events.ids import derive
from services.discovery.domain.badges import BadgePolicy, verdicts

V = TypeVar("V")

MOST_KEPT = 100
"""Facts of a kind, the newest; a policy's window lies within."""
MOST_OPEN = 1_000
"""Invitations that are waited for at once; beyond them none is noted. Each ends with its window."""


# --- State -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Invitation:
    invited_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """`answers`: hours by engagement; `deliveries`: on time or not by deliverable; `contracts`: the newest of those that were
    fulfilled, `collaborations` how many in all; `badges`: those held, with their evidence. Oldest first."""

    invitations: Mapping[EngagementId, Invitation] = field(default_factory=dict)
    answers: Mapping[EngagementId, float] = field(default_factory=dict)
    contracts: tuple[ContractId, ...] = ()
    collaborations: int = 0
    deliveries: Mapping[DeliverableId, bool] = field(default_factory=dict)
    badges: Mapping[Badge, Mapping[str, float]] = field(default_factory=dict)


# --- Commands --------------------------------------------------------------------------------------------------------


class Note(Command):
    """A fact about a creator; its record's id follows from the creator's."""

    creator_id: CreatorId

    @property
    def track_record_id(self) -> str:
        return derive("trk", self.creator_id)


class NoteInvitation(Note):
    """A brand turned to the creator."""

    engagement_id: EngagementId
    invited_at: Time
    expires_at: Time


class NoteAnswer(Note):
    """The creator made an offer, accepted or declined; the first counts."""

    engagement_id: EngagementId
    answered_at: Time


class NoteSilence(Note):
    """The window is over."""

    engagement_id: EngagementId


class NoteWithdrawal(Note):
    """The brand wants no deal any more."""

    engagement_id: EngagementId


class NoteCollaboration(Note):
    """A contract was fulfilled."""

    contract_id: ContractId


class NoteDelivery(Note):
    """A post was checked; the first check of a deliverable says whether it came on time."""

    deliverable_id: DeliverableId
    on_time: bool


TrackRecordCommand: TypeAlias = NoteInvitation | NoteAnswer | NoteSilence | NoteWithdrawal | NoteCollaboration | NoteDelivery
Fact: TypeAlias = InvitationReceived | InvitationAnswered | InvitationWithdrawn | CollaborationFinished | DeliveryJudged
TrackRecordEvent: TypeAlias = Fact | BadgeAwarded | BadgeRevoked


# --- Rules -----------------------------------------------------------------------------------------------------------


def decide(policy: BadgePolicy, command: TrackRecordCommand, state: TrackRecord) -> Decision:
    fact = _fact(command, state)
    return [] if fact is None else [fact, *_badges(policy, command.creator_id, evolve(state, fact))]


def _fact(command: TrackRecordCommand, state: TrackRecord) -> Fact | None:
    """None: it was known, or concerns nothing that is waited for."""
    of = command.creator_id
    match command:
        case NoteInvitation(engagement_id=engagement, invited_at=since, expires_at=until):
            known = engagement in state.invitations or engagement in state.answers
            if known or len(state.invitations) >= MOST_OPEN:
                return None
            return InvitationReceived(creator_id=of, engagement_id=engagement, invited_at=since, expires_at=until)
        case NoteAnswer(engagement_id=engagement, answered_at=at):
            if (waiting := state.invitations.get(engagement)) is None:
                return None
            return InvitationAnswered(creator_id=of, engagement_id=engagement, hours=_hours(at - waiting.invited_at))
        case NoteSilence(engagement_id=engagement):
            if (waiting := state.invitations.get(engagement)) is None:
                return None
            window = _hours(waiting.expires_at - waiting.invited_at)
            return InvitationAnswered(creator_id=of, engagement_id=engagement, hours=window, expired=True)
        case NoteWithdrawal(engagement_id=engagement):
            waits = engagement in state.invitations
            return InvitationWithdrawn(creator_id=of, engagement_id=engagement) if waits else None
        case NoteCollaboration(contract_id=contract):
            known = contract in state.contracts
            return None if known else CollaborationFinished(creator_id=of, contract_id=contract)
        case NoteDelivery(deliverable_id=deliverable, on_time=on_time):
            known = deliverable in state.deliveries
            return None if known else DeliveryJudged(creator_id=of, deliverable_id=deliverable, on_time=on_time)
        case _:
            assert_never(command)


def _hours(passed: timedelta) -> float:
    """Not below zero: two clocks may disagree."""
    return max(passed.total_seconds(), 0.0) / 3_600


def _badges(policy: BadgePolicy, creator_id: CreatorId, state: TrackRecord) -> Iterator[BadgeAwarded | BadgeRevoked]:
    """What of the badges changes."""
    judged = verdicts(
        policy,
        hours=tuple(state.answers.values()),
        collaborations=state.collaborations,
        on_time=tuple(state.deliveries.values()),
    )
    for badge, verdict in judged.items():
        if verdict.earned != (badge in state.badges):
            told = BadgeAwarded if verdict.earned else BadgeRevoked
            yield told(creator_id=creator_id, badge=badge, policy_version=policy.version, evidence=dict(verdict.evidence))


def evolve(state: TrackRecord, event: TrackRecordEvent) -> TrackRecord:
    match event:
        case InvitationReceived(engagement_id=engagement):
            waiting = Invitation(event.invited_at, event.expires_at)
            return replace(state, invitations={**state.invitations, engagement: waiting})
        case InvitationAnswered(engagement_id=engagement, hours=hours):
            answered = _newest({**state.answers, engagement: hours})
            return replace(state, invitations=_without(state.invitations, engagement), answers=answered)
        case InvitationWithdrawn(engagement_id=engagement):
            return replace(state, invitations=_without(state.invitations, engagement))
        case CollaborationFinished(contract_id=contract):
            contracts = (*state.contracts, contract)[-MOST_KEPT:]
            return replace(state, contracts=contracts, collaborations=state.collaborations + 1)
        case DeliveryJudged(deliverable_id=deliverable, on_time=on_time):
            return replace(state, deliveries=_newest({**state.deliveries, deliverable: on_time}))
        case BadgeAwarded(badge=badge, evidence=evidence):
            return replace(state, badges={**state.badges, badge: evidence})
        case BadgeRevoked(badge=badge):
            return replace(state, badges={held: why for held, why in state.badges.items() if held is not badge})
        case _:
            assert_never(event)


def _without(invitations: Mapping[EngagementId, Invitation], engagement: EngagementId) -> Mapping[EngagementId, Invitation]:
    return {other: waiting for other, waiting in invitations.items() if other != engagement}


def _newest(facts: Mapping[str, V]) -> Mapping[str, V]:
    return dict(list(facts.items())[-MOST_KEPT:])


LEGAL: Mapping[type[TrackRecord], tuple[type[Command], ...]] = {
    TrackRecord: (NoteInvitation, NoteAnswer, NoteSilence, NoteWithdrawal, NoteCollaboration, NoteDelivery),
}


def track_record(policy: BadgePolicy) -> Decider[TrackRecordCommand, TrackRecord, TrackRecordEvent]:
    """The rules of a track record under a policy."""
    return Decider(
        "track_record",
        "trk",
        TrackRecord(),
        partial(decide, policy),
        evolve,
        commands=TrackRecordCommand,
        legal=LEGAL,
    )
