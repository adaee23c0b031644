"""discovery: who can be hired."""

from __future__ import annotations

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
    Time,
)
from libs.events.registry import Event, Personal, event


@event("limelight.discovery.CreatorApplied", version=1)
class CreatorApplied(Event):
    """A creator asked to join, with the profile that the eligibility policy judges."""

    creator_id: CreatorId
    handle: Handle
    name: Personal[Label]
    bio: Personal[Text] = ""
    age: Personal[int]
    country: Country
    languages: tuple[Language, ...] = ()
    niches: tuple[Niche, ...] = ()
    accounts: tuple[PlatformAccount, ...] = ()
    rate_card: tuple[RateCardEntry, ...] = ()
    performance: Performance


@event("limelight.discovery.CreatorJoined", version=1)
class CreatorJoined(Event):
    """The creator met the policy and can be found and hired. Carries the public profile."""

    creator_id: CreatorId
    policy_version: int
    handle: Handle
    name: Personal[Label]
    bio: Personal[Text] = ""
    country: Country
    languages: tuple[Language, ...] = ()
    niches: tuple[Niche, ...] = ()
    accounts: tuple[PlatformAccount, ...] = ()
    rate_card: tuple[RateCardEntry, ...] = ()
    performance: Performance


@event("limelight.discovery.CreatorRejected", version=1)
class CreatorRejected(Event):
    """The policy was not met: every reason, and when to come back."""

    creator_id: CreatorId
    policy_version: int
    reasons: tuple[Reason, ...]
    reapply_after: Time


@event("limelight.discovery.PerformanceSnapshotRecorded", version=1)
class PerformanceSnapshotRecorded(Event):
    """A newer measurement of a creator's account."""

    creator_id: CreatorId
    performance: Performance


@event("limelight.discovery.CreatorSuspended", version=1)
class CreatorSuspended(Event):
    """An operator took the creator out of the directory."""

    creator_id: CreatorId
    reason: Text


@event("limelight.discovery.CreatorReinstated", version=1)
class CreatorReinstated(Event):
    """An operator put the creator back."""

    creator_id: CreatorId
