"""discovery: who can be hired."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from libs.events.catalog.values import (
    Absence,
    Audience,
    Badge,
    BrandId,
    ContractId,
    Country,
    CreatorId,
    DeliverableId,
    Email,
    EngagementId,
    Handle,
    Label,
    Language,
    Niche,
    Performance,
    Phone,
    PlatformAccount,
    PortfolioEntry,
    RateCardEntry,
    Reason,
    SavedSearchId,
    ShortlistId,
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


@event("limelight.discovery.CreatorProfileUpdated", version=1)
class CreatorProfileUpdated(Event):
    """What the creator says of itself, as it is from now on, whole."""

    creator_id: CreatorId
    name: Personal[Label]
    bio: Personal[Text] = ""
    country: Country
    state: Label | None = None
    city: Label | None = None
    languages: tuple[Language, ...] = ()
    niches: tuple[Niche, ...] = ()
    portfolio: tuple[PortfolioEntry, ...] = ()


@event("limelight.discovery.PlatformAccountConnected", version=1)
class PlatformAccountConnected(Event):
    """An account of the creator on a platform: a new one, or what is now known of one that it had."""

    creator_id: CreatorId
    account: PlatformAccount


@event("limelight.discovery.RateCardChanged", version=1)
class RateCardChanged(Event):
    """What the creator asks for, from now on, whole."""

    creator_id: CreatorId
    rate_card: tuple[RateCardEntry, ...]


@event("limelight.discovery.AvailabilityChanged", version=1)
class AvailabilityChanged(Event):
    """The creator is away for a while, or (`absence` null) no longer."""

    creator_id: CreatorId
    absence: Absence | None


@event("limelight.discovery.CreatorContactsChanged", version=1)
class CreatorContactsChanged(Event):
    """Who the creator is in law and how to reach it: for operators and brands that it is engaged with."""

    creator_id: CreatorId
    legal_name: Personal[Label]
    email: Personal[Email]
    phone: Personal[Phone | None] = None


@event("limelight.discovery.AudienceSnapshotRecorded", version=1)
class AudienceSnapshotRecorded(Event):
    """A newer measurement of who watches a creator."""

    creator_id: CreatorId
    audience: Audience


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


@event("limelight.discovery.CreatorErased", version=1)
class CreatorErased(Event):
    """The creator left for good, or was made to: it is shown to nobody any more."""

    creator_id: CreatorId


# --- Track record: what a creator has shown, from other services' facts ------------------------------------------------


@event("limelight.discovery.InvitationReceived", version=1)
class InvitationReceived(Event):
    """A brand turned to the creator: its answer is waited for, until `expires_at`."""

    creator_id: CreatorId
    engagement_id: EngagementId
    invited_at: Time
    expires_at: Time


@event("limelight.discovery.InvitationAnswered", version=1)
class InvitationAnswered(Event):
    """A creator's first answer to a brand. `hours` since the brand first turned to it; `expired`: there was none, and it is the
    whole window."""

    creator_id: CreatorId
    engagement_id: EngagementId
    hours: Annotated[float, Field(ge=0)]
    expired: bool = False


@event("limelight.discovery.InvitationWithdrawn", version=1)
class InvitationWithdrawn(Event):
    """The brand took it back before the creator answered: it counts for nothing."""

    creator_id: CreatorId
    engagement_id: EngagementId


@event("limelight.discovery.CollaborationFinished", version=1)
class CollaborationFinished(Event):
    """A contract of the creator was fulfilled."""

    creator_id: CreatorId
    contract_id: ContractId


@event("limelight.discovery.DeliveryJudged", version=1)
class DeliveryJudged(Event):
    """A deliverable first went out in its window, or did not."""

    creator_id: CreatorId
    deliverable_id: DeliverableId
    on_time: bool


@event("limelight.discovery.BadgeAwarded", version=1)
class BadgeAwarded(Event):
    """The creator has shown it. `evidence`: the figures of the rule, e.g. `median_hours` and `n`."""

    creator_id: CreatorId
    badge: Badge
    policy_version: int
    evidence: dict[Label, float]


@event("limelight.discovery.BadgeRevoked", version=1)
class BadgeRevoked(Event):
    """The figures no longer meet the rule."""

    creator_id: CreatorId
    badge: Badge
    policy_version: int
    evidence: dict[Label, float]


# --- What brands keep --------------------------------------------------------------------------------------------------


@event("limelight.discovery.ShortlistCreated", version=1)
class ShortlistCreated(Event):
    """A list of creators that a brand's team shares."""

    shortlist_id: ShortlistId
    brand_id: BrandId
    name: Label


@event("limelight.discovery.CreatorShortlisted", version=1)
class CreatorShortlisted(Event):
    """A creator is on the list, or its note was changed."""

    shortlist_id: ShortlistId
    brand_id: BrandId
    creator_id: CreatorId
    note: Personal[Text] = ""


@event("limelight.discovery.CreatorUnlisted", version=1)
class CreatorUnlisted(Event):
    """A creator was taken off the list."""

    shortlist_id: ShortlistId
    brand_id: BrandId
    creator_id: CreatorId


@event("limelight.discovery.ShortlistDeleted", version=1)
class ShortlistDeleted(Event):
    shortlist_id: ShortlistId
    brand_id: BrandId


@event("limelight.discovery.SearchSaved", version=1)
class SearchSaved(Event):
    """A search whose new matches the brand wants to hear of. `criteria`: the search's filters, as they were asked."""

    saved_search_id: SavedSearchId
    brand_id: BrandId
    name: Label
    criteria: dict[str, Any]


@event("limelight.discovery.SavedSearchMatched", version=1)
class SavedSearchMatched(Event):
    """A creator that did not match before now does, by the event that is named."""

    saved_search_id: SavedSearchId
    brand_id: BrandId
    creator_id: CreatorId
    source_event_id: Label


@event("limelight.discovery.SavedSearchDeleted", version=1)
class SavedSearchDeleted(Event):
    saved_search_id: SavedSearchId
    brand_id: BrandId
