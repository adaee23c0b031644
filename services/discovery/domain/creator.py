"""A creator: asks to join, is judged by the eligibility policy, and can then be found and hired."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import TypeAlias, assert_never

from libs.events.catalog.discovery import (
    AudienceSnapshotRecorded,
    AvailabilityChanged,
    CreatorApplied,
    CreatorContactsChanged,
    CreatorErased,
    CreatorJoined,
    CreatorProfileUpdated,
    CreatorReinstated,
    CreatorRejected,
    CreatorSuspended,
    PerformanceSnapshotRecorded,
    PlatformAccountConnected,
    RateCardChanged,
)
from libs.events.catalog.values import (
    Absence,
    CreatorId,
    Reason,
)
from libs.events.decider import Decider, Decision, Kind, Refusal, Role, illegal, not_found
from libs.events.envelope import iso
from services.discovery.domain.creator_commands import (
    ApplyToJoin,
    Change,
    ConnectAccount,
    CreatorCommand,
    EraseCreator,
    ImportCreator,
    RecordAudienceSnapshot,
    RecordPerformanceSnapshot,
    ReinstateCreator,
    SetAvailability,
    SetContacts,
    SetRateCard,
    SuspendCreator,
    UpdateProfile,
)
from services.discovery.domain.eligibility import Policy
from services.discovery.domain.joining import imported, judge, taken_over
from services.discovery.domain.profile import (
    SAID,
    Contacts,
    Profile,
    as_known_by,
    check_account,
    check_rate_card,
    check_words,
    is_over,
    said,
)
from services.discovery.domain.snapshots import check_audience, check_performance, is_newer


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
    """Can be found and hired, unless it is away for now (`profile.absence`)."""

    creator_id: CreatorId
    profile: Profile
    contacts: Contacts | None = None


@dataclass(frozen=True, slots=True)
class Suspended:
    """Taken out of the directory by an operator."""

    creator_id: CreatorId
    profile: Profile
    reason: str
    contacts: Contacts | None = None


@dataclass(frozen=True, slots=True)
class Erased:
    """Gone for good."""

    creator_id: CreatorId


Creator: TypeAlias = Absent | Applied | Rejected | Joined | Suspended | Erased


CreatorEvent: TypeAlias = (
    CreatorApplied
    | CreatorJoined
    | CreatorRejected
    | CreatorProfileUpdated
    | PlatformAccountConnected
    | RateCardChanged
    | AvailabilityChanged
    | CreatorContactsChanged
    | AudienceSnapshotRecorded
    | PerformanceSnapshotRecorded
    | CreatorSuspended
    | CreatorReinstated
    | CreatorErased
)


def decide(policy: Policy, command: CreatorCommand, state: Creator) -> Decision:
    if command.actor.role is Role.CREATOR and command.actor.party != command.creator_id:
        raise not_found("creator")  # who has joined is visible to all, and changed by itself only
    match command, state:
        case ImportCreator(), Rejected() if command.at < state.reapply_after and not is_newer(
            command.performance, state.profile.performance
        ):
            return []  # what was judged is imported once more
        case ((ApplyToJoin() | ImportCreator()), Rejected(reapply_after=when)) if command.at < when:
            raise Refusal(
                "REAPPLY_TOO_EARLY", f"the application was rejected; apply again from {iso(when)}", reapply_after=iso(when)
            )
        case ApplyToJoin(), Absent() | Rejected():
            return judge(policy, command)
        case ImportCreator(), Absent() | Rejected():
            return imported(policy, command)
        case ImportCreator(), Joined(profile=profile):
            return taken_over(command, profile)
        case SuspendCreator(), Joined():
            return [CreatorSuspended(creator_id=command.creator_id, reason=command.reason)]
        case ReinstateCreator(), Suspended():
            return [CreatorReinstated(creator_id=command.creator_id)]
        case EraseCreator(), Applied() | Rejected() | Joined() | Suspended():
            return [CreatorErased(creator_id=command.creator_id)]
        case (
            UpdateProfile()
            | ConnectAccount()
            | SetRateCard()
            | SetAvailability()
            | SetContacts()
            | RecordAudienceSnapshot()
            | RecordPerformanceSnapshot(),
            Joined(),
        ):
            return _changed(command, state)
        case _:
            raise illegal(command, state)


def _changed(command: Change, state: Joined) -> Decision:
    """What changes of a creator who has joined; nothing where it is so already."""
    of, profile = command.creator_id, state.profile
    match command:
        case UpdateProfile():
            check_words(command.country, command.niches)
            changed = said(profile, {name: getattr(command, name) for name in SAID}, command.clear)
            updated = CreatorProfileUpdated(creator_id=of, **changed)
            return [] if profile.updated(updated) == profile else [updated]
        case ConnectAccount(account=account):
            account = as_known_by(command.actor.role, account)
            check_account(profile.accounts, account)
            return [] if account in profile.accounts else [PlatformAccountConnected(creator_id=of, account=account)]
        case SetRateCard(rate_card=card):
            check_rate_card(card)
            return [] if card == profile.rate_card else [RateCardChanged(creator_id=of, rate_card=card)]
        case SetAvailability(absence=absence):
            _check_absence(absence, command.at)
            return [] if absence == profile.absence else [AvailabilityChanged(creator_id=of, absence=absence)]
        case SetContacts(legal_name=name, email=email, phone=phone):
            told = CreatorContactsChanged(creator_id=of, legal_name=name, email=email, phone=phone)
            return [] if state.contacts == Contacts(name, email, phone) else [told]
        case RecordAudienceSnapshot(audience=audience):
            check_audience(audience, profile.audience, command.at)
            return [AudienceSnapshotRecorded(creator_id=of, audience=audience)]
        case RecordPerformanceSnapshot(performance=performance):
            check_performance(performance, profile.performance, command.at)
            return [PerformanceSnapshotRecorded(creator_id=of, performance=performance)]
        case _:
            assert_never(command)


def _check_absence(absence: Absence | None, at: datetime) -> None:
    if absence is not None and is_over(absence, at):
        said = "an absence ends after it starts, and not in the past"
        raise Refusal("ABSENCE_IS_OVER", said, kind=Kind.INVALID_ARGUMENT, field="absence.ends_at")


# --- Evolution -------------------------------------------------------------------------------------------------------


def evolve(state: Creator, event: CreatorEvent) -> Creator:
    match event:
        case CreatorApplied():
            return Applied(event.creator_id, Profile.of(event))
        case CreatorJoined():
            return Joined(event.creator_id, Profile.of(event))
        case CreatorRejected():
            assert isinstance(state, Applied)
            return Rejected(event.creator_id, state.profile, event.reasons, event.reapply_after)
        case CreatorErased():
            return Erased(event.creator_id)
        case CreatorReinstated():
            assert isinstance(state, Suspended)
            return Joined(event.creator_id, state.profile, state.contacts)
        case CreatorSuspended():
            assert isinstance(state, Joined)
            return Suspended(event.creator_id, state.profile, event.reason, state.contacts)
        case CreatorContactsChanged():
            assert isinstance(state, Joined)
            return replace(state, contacts=Contacts(event.legal_name, event.email, event.phone))
        case _:
            assert isinstance(state, Joined)
            return replace(state, profile=changed_profile(state.profile, event))


ProfileEvent: TypeAlias = (
    CreatorProfileUpdated
    | PlatformAccountConnected
    | RateCardChanged
    | AvailabilityChanged
    | AudienceSnapshotRecorded
    | PerformanceSnapshotRecorded
)


def changed_profile(profile: Profile, event: ProfileEvent) -> Profile:
    match event:
        case CreatorProfileUpdated():
            return profile.updated(event)
        case PlatformAccountConnected(account=account):
            return profile.connected(account)
        case RateCardChanged(rate_card=card):
            return replace(profile, rate_card=card)
        case AvailabilityChanged(absence=absence):
            return replace(profile, absence=absence)
        case AudienceSnapshotRecorded(audience=audience):
            return replace(profile, audience=audience)
        case PerformanceSnapshotRecorded(performance=performance):
            return profile.measured(performance)
        case _:
            assert_never(event)


def owners(state: Creator) -> frozenset[str] | None:
    """Whoever has joined is public; the others are visible to themselves; who was erased, to operators only."""
    match state:
        case Applied() | Rejected() | Suspended():
            return frozenset({state.creator_id})
        case Erased():
            return frozenset()
        case _:
            return None


LEGAL: dict[type[Creator], tuple[type[CreatorCommand], ...]] = {
    Absent: (ApplyToJoin, ImportCreator),
    Applied: (EraseCreator,),
    Rejected: (ApplyToJoin, ImportCreator, EraseCreator),
    Joined: (
        ImportCreator,
        UpdateProfile,
        ConnectAccount,
        SetRateCard,
        SetAvailability,
        SetContacts,
        RecordAudienceSnapshot,
        RecordPerformanceSnapshot,
        SuspendCreator,
        EraseCreator,
    ),
    Suspended: (ReinstateCreator, EraseCreator),
    Erased: (),
}


def creator(policy: Policy) -> Decider[CreatorCommand, Creator, CreatorEvent]:
    """The rules of a creator under a policy."""
    return Decider(
        "creator", "crt", Absent(), partial(decide, policy), evolve, commands=CreatorCommand, legal=LEGAL, owners=owners
    )
