"""A creator: asks to join, is judged by the eligibility policy, and can then be found and hired."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, ClassVar, TypeAlias, assert_never

from pydantic import Field

from libs.events.catalog.discovery import (
    CreatorApplied,
    CreatorJoined,
    CreatorReinstated,
    CreatorRejected,
    CreatorSuspended,
    PerformanceSnapshotRecorded,
)
from libs.events.catalog.values import (
    Country,
    CreatorId,
    Handle,
    Label,
    Language,
    Niche,
    Performance,
    PlatformAccount,
    RateCardEntry,
    Reason,
    Text,
)
from libs.events.decider import Command, Decider, Decision, Kind, Refusal, Role, illegal, not_found
from libs.events.envelope import iso
from services.discovery.domain.eligibility import Policy, reasons_against

CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far a measurer's clock may be ahead of ours."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What brands see of a creator."""

    handle: str
    name: str
    bio: str
    country: str
    languages: tuple[str, ...]
    niches: tuple[str, ...]
    accounts: tuple[PlatformAccount, ...]
    rate_card: tuple[RateCardEntry, ...]
    performance: Performance


@dataclass(frozen=True, slots=True)
class Absent:
    """Has never applied."""


@dataclass(frozen=True, slots=True)
class Applied:
    """Asked to join; the same commit says what became of it."""

    creator_id: CreatorId
    profile: Profile


@dataclass(frozen=True, slots=True)
class Rejected:
    """Did not meet the policy; may read why, and may come back."""

    creator_id: CreatorId
    profile: Profile
    reasons: tuple[Reason, ...]
    reapply_after: datetime


@dataclass(frozen=True, slots=True)
class Joined:
    """Can be found and hired."""

    creator_id: CreatorId
    profile: Profile


@dataclass(frozen=True, slots=True)
class Suspended:
    """Taken out of the directory by an operator."""

    creator_id: CreatorId
    profile: Profile
    reason: str


Creator: TypeAlias = Absent | Applied | Rejected | Joined | Suspended


class ApplyToJoin(Command):
    """Ask to join the marketplace. Rejected creators may ask again after the time that they were told."""

    by_anyone: ClassVar[bool] = True

    creator_id: CreatorId
    handle: Handle
    name: Label
    bio: Text = ""
    age: Annotated[int, Field(ge=0, le=130)]
    country: Country
    languages: Annotated[tuple[Language, ...], Field(max_length=20)] = ()
    niches: Annotated[tuple[Niche, ...], Field(max_length=20)] = ()
    accounts: Annotated[tuple[PlatformAccount, ...], Field(max_length=20)] = ()
    rate_card: Annotated[tuple[RateCardEntry, ...], Field(max_length=50)] = ()
    performance: Performance


class RecordPerformanceSnapshot(Command):
    """A newer measurement of the creator's account."""

    creator_id: CreatorId
    performance: Performance


class SuspendCreator(Command):
    """Take a creator out of the directory."""

    creator_id: CreatorId
    reason: Annotated[Text, Field(min_length=1)]


class ReinstateCreator(Command):
    """Put a suspended creator back."""

    creator_id: CreatorId


CreatorCommand: TypeAlias = ApplyToJoin | RecordPerformanceSnapshot | SuspendCreator | ReinstateCreator
CreatorEvent: TypeAlias = (
    CreatorApplied | CreatorJoined | CreatorRejected | PerformanceSnapshotRecorded | CreatorSuspended | CreatorReinstated
)


def decide(policy: Policy, command: CreatorCommand, state: Creator) -> Decision:
    if command.actor.role is Role.CREATOR and command.actor.party != command.creator_id:
        raise not_found("creator")  # who has joined is visible to all, and changed by itself only
    match command, state:
        case ApplyToJoin(), Absent():
            return _judge(policy, command)
        case ApplyToJoin(), Rejected(reapply_after=when) if command.at < when:
            raise Refusal(
                "REAPPLY_TOO_EARLY", f"the application was rejected; apply again from {iso(when)}", reapply_after=iso(when)
            )
        case ApplyToJoin(), Rejected():
            return _judge(policy, command)
        case RecordPerformanceSnapshot(performance=new), Joined(profile=profile):
            _check_newer(new, profile.performance, command.at)
            return [PerformanceSnapshotRecorded(creator_id=command.creator_id, performance=new)]
        case SuspendCreator(), Joined():
            return [CreatorSuspended(creator_id=command.creator_id, reason=command.reason)]
        case ReinstateCreator(), Suspended():
            return [CreatorReinstated(creator_id=command.creator_id)]
        case _:
            raise illegal(command, state)


def _judge(policy: Policy, command: ApplyToJoin) -> Decision:
    said = command.model_dump(exclude={"actor", "at"})
    applied = CreatorApplied(**said)
    reasons = reasons_against(policy, age=command.age, accounts=command.accounts, performance=command.performance)
    if not reasons:
        return [applied, CreatorJoined(**said, policy_version=policy.version)]
    rejected = CreatorRejected(
        creator_id=command.creator_id,
        policy_version=policy.version,
        reasons=reasons,
        reapply_after=command.at + policy.reapply_after,
    )
    return [applied, rejected]


def _check_newer(new: Performance, last: Performance, at: datetime) -> None:
    field = "performance.captured_at"
    if new.captured_at > at + CLOCK_TOLERANCE:
        said = f"nothing can have been measured at {iso(new.captured_at)}"
        raise Refusal("CAPTURED_IN_FUTURE", said, kind=Kind.INVALID_ARGUMENT, field=field)
    if new.captured_at <= last.captured_at:
        captured = iso(last.captured_at)
        raise Refusal("SNAPSHOT_NOT_NEWER", f"the last snapshot is of {captured}", field=field, last_captured_at=captured)


def evolve(state: Creator, event: CreatorEvent) -> Creator:
    match event:
        case CreatorApplied():
            return Applied(event.creator_id, _profile(event))
        case CreatorJoined():
            return Joined(event.creator_id, _profile(event))
        case CreatorRejected():
            assert isinstance(state, Applied)
            return Rejected(event.creator_id, state.profile, event.reasons, event.reapply_after)
        case PerformanceSnapshotRecorded():
            assert isinstance(state, Joined)
            return replace(state, profile=replace(state.profile, performance=event.performance))
        case CreatorSuspended():
            assert isinstance(state, Joined)
            return Suspended(event.creator_id, state.profile, event.reason)
        case CreatorReinstated():
            assert isinstance(state, Suspended)
            return Joined(event.creator_id, state.profile)
        case _:
            assert_never(event)


def _profile(event: CreatorApplied | CreatorJoined) -> Profile:
    return Profile(
        handle=event.handle,
        name=event.name,
        bio=event.bio,
        country=event.country,
        languages=event.languages,
        niches=event.niches,
        accounts=event.accounts,
        rate_card=event.rate_card,
        performance=event.performance,
    )


def owners(state: Creator) -> frozenset[str] | None:
    """Whoever has joined is public; the others are visible to themselves."""
    return frozenset({state.creator_id}) if isinstance(state, Applied | Rejected | Suspended) else None


LEGAL: dict[type[Creator], tuple[type[CreatorCommand], ...]] = {
    Absent: (ApplyToJoin,),
    Applied: (),
    Rejected: (ApplyToJoin,),
    Joined: (RecordPerformanceSnapshot, SuspendCreator),
    Suspended: (ReinstateCreator,),
}


def creator(policy: Policy) -> Decider[CreatorCommand, Creator, CreatorEvent]:
    """The rules of a creator under a policy."""
    return Decider(
        "creator", "crt", Absent(), partial(decide, policy), evolve, commands=CreatorCommand, legal=LEGAL, owners=owners
    )
