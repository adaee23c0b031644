"""Joining: an application is judged by the policy; an import is judged like one, and keeps who has joined up to date."""

from __future__ import annotations

from libs.events.catalog.discovery import (
    AudienceSnapshotRecorded,
    AvailabilityChanged,
    CreatorApplied,
    CreatorJoined,
    CreatorProfileUpdated,
    CreatorRejected,
    PerformanceSnapshotRecorded,
    PlatformAccountConnected,
)
from libs.events.decider import Command, Decision
from services.discovery.domain.creator_commands import ApplyToJoin, ImportCreator
from services.discovery.domain.eligibility import Policy, reasons_against
from services.discovery.domain.profile import Profile, as_known_by, check_account, check_rate_card, check_words, is_over, said
from services.discovery.domain.snapshots import check_audience, check_captured, check_performance, is_newer


def judge(policy: Policy, command: ApplyToJoin | ImportCreator) -> list[CreatorApplied | CreatorJoined | CreatorRejected]:
    check_words(command.country, command.niches)
    check_rate_card(command.rate_card)
    check_captured(command.performance, command.at)
    said = {name: getattr(command, name) for name in ApplyToJoin.model_fields if name not in Command.model_fields}
    accounts = tuple(as_known_by(command.actor.role, account) for account in command.accounts)
    said["accounts"] = accounts
    applied = CreatorApplied(**said)
    reasons = reasons_against(policy, age=command.age, accounts=accounts, performance=command.performance)
    if not reasons:
        del said["age"]
        return [applied, CreatorJoined(**said, policy_version=policy.version)]
    rejected = CreatorRejected(
        creator_id=command.creator_id,
        policy_version=policy.version,
        reasons=reasons,
        reapply_after=command.at + policy.reapply_after,
    )
    return [applied, rejected]


def imported(policy: Policy, command: ImportCreator) -> Decision:
    check_performance(command.performance, None, command.at)
    if command.audience is not None:
        check_audience(command.audience, None, command.at)
    judged = judge(policy, command)
    joined = judged[-1]
    return [*judged, *_also_known(command, Profile.of(joined))] if isinstance(joined, CreatorJoined) else judged


def _also_known(command: ImportCreator, profile: Profile) -> Decision:
    """What an application has no place for."""
    of, events = command.creator_id, list[CreatorProfileUpdated | AvailabilityChanged | AudienceSnapshotRecorded]()
    updated = CreatorProfileUpdated(creator_id=of, **said(profile, {"state": command.state, "city": command.city}))
    if profile.updated(updated) != profile:
        events.append(updated)
    if command.absence is not None and not is_over(command.absence, command.at):
        events.append(AvailabilityChanged(creator_id=of, absence=command.absence))
    if command.audience is not None and is_newer(command.audience, profile.audience):
        events.append(AudienceSnapshotRecorded(creator_id=of, audience=command.audience))
    return events


def taken_over(command: ImportCreator, profile: Profile) -> Decision:
    """Of one that has joined only what was measured since, and accounts: what it says of itself is its own."""
    of, events = command.creator_id, list[PlatformAccountConnected | AudienceSnapshotRecorded | PerformanceSnapshotRecorded]()
    for account in command.accounts:
        if account not in profile.accounts:
            check_account(profile.accounts, account)
            events.append(PlatformAccountConnected(creator_id=of, account=account))
            profile = profile.connected(account)
    if is_newer(command.performance, profile.performance):
        check_performance(command.performance, profile.performance, command.at)
        events.append(PerformanceSnapshotRecorded(creator_id=of, performance=command.performance))
    if command.audience is not None and is_newer(command.audience, profile.audience):
        check_audience(command.audience, profile.audience, command.at)
        events.append(AudienceSnapshotRecorded(creator_id=of, audience=command.audience))
    return events
