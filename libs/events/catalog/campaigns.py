"""campaigns: what is agreed."""

from __future__ import annotations

from libs.events.catalog.values import (
    BrandId,
    Brief,
    CampaignId,
    CampaignMode,
    ContractId,
    CreatorId,
    DeliverableId,
    DeliverableTemplate,
    EngagementId,
    Label,
    Money,
    Objective,
    Party,
    Platform,
    PostId,
    Reason,
    Schedule,
    Terms,
    Text,
    Time,
    Url,
)
from libs.events.registry import Event, event

# --- Brand -----------------------------------------------------------------------------------------------------------


@event("limelight.campaigns.BrandRegistered", version=1)
class BrandRegistered(Event):
    brand_id: BrandId
    name: Label
    website: Url


@event("limelight.campaigns.BrandVerificationSubmitted", version=1)
class BrandVerificationSubmitted(Event):
    brand_id: BrandId
    legal_name: Label
    registration_number: Label


@event("limelight.campaigns.BrandVerified", version=1)
class BrandVerified(Event):
    """An operator checked who the brand is: it may launch campaigns."""

    brand_id: BrandId
    name: Label


@event("limelight.campaigns.BrandRejected", version=1)
class BrandRejected(Event):
    brand_id: BrandId
    reason: Text


# --- Campaign --------------------------------------------------------------------------------------------------------


@event("limelight.campaigns.CampaignDrafted", version=1)
class CampaignDrafted(Event):
    campaign_id: CampaignId
    brand_id: BrandId
    name: Label
    objective: Objective
    mode: CampaignMode
    brief: Brief
    budget: Money | None = None
    schedule: Schedule | None = None
    deliverables: tuple[DeliverableTemplate, ...] = ()


@event("limelight.campaigns.CampaignLaunched", version=1)
class CampaignLaunched(Event):
    """The campaign takes creators from now on. Carries what others need to know of it."""

    campaign_id: CampaignId
    brand_id: BrandId
    name: Label
    objective: Objective
    mode: CampaignMode
    budget: Money
    schedule: Schedule


@event("limelight.campaigns.CampaignPaused", version=1)
class CampaignPaused(Event):
    campaign_id: CampaignId


@event("limelight.campaigns.CampaignResumed", version=1)
class CampaignResumed(Event):
    campaign_id: CampaignId


@event("limelight.campaigns.CampaignCancelled", version=1)
class CampaignCancelled(Event):
    """`engagement_ids`: those without an agreement that the budget covers; they end with the campaign. Contracts go on."""

    campaign_id: CampaignId
    reason: Text
    engagement_ids: tuple[EngagementId, ...] = ()


@event("limelight.campaigns.CreatorInvited", version=1)
class CreatorInvited(Event):
    """A campaign invited a creator with a first offer; its engagement opens."""

    campaign_id: CampaignId
    brand_id: BrandId
    engagement_id: EngagementId
    creator_id: CreatorId
    terms: Terms
    brief: Brief
    expires_at: Time


@event("limelight.campaigns.ApplicationSubmitted", version=1)
class ApplicationSubmitted(Event):
    """A creator applied to an open campaign with an offer of its own; its engagement opens."""

    campaign_id: CampaignId
    brand_id: BrandId
    engagement_id: EngagementId
    creator_id: CreatorId
    terms: Terms
    brief: Brief
    message: Text = ""


@event("limelight.campaigns.BudgetCommitted", version=1)
class BudgetCommitted(Event):
    """The campaign's budget covers this agreement: its contract may be drafted."""

    campaign_id: CampaignId
    brand_id: BrandId
    engagement_id: EngagementId
    creator_id: CreatorId
    terms: Terms
    brief: Brief


@event("limelight.campaigns.BudgetExceeded", version=1)
class BudgetExceeded(Event):
    """The agreement would over-commit the campaign's budget; the engagement negotiates again."""

    campaign_id: CampaignId
    engagement_id: EngagementId
    fee: Money
    remaining: Money


@event("limelight.campaigns.BudgetFreed", version=1)
class BudgetFreed(Event):
    """A contract ended without being paid: its fee, less a kill fee, is the campaign's to spend again."""

    campaign_id: CampaignId
    engagement_id: EngagementId
    fee: Money


# --- Engagement ------------------------------------------------------------------------------------------------------


@event("limelight.campaigns.EngagementOpened", version=1)
class EngagementOpened(Event):
    """One creator and one brand talk about one campaign. `opened_by` made offer version 1."""

    engagement_id: EngagementId
    campaign_id: CampaignId
    brand_id: BrandId
    creator_id: CreatorId
    opened_by: Party
    terms: Terms
    brief: Brief
    message: Text = ""
    expires_at: Time


@event("limelight.campaigns.OfferMade", version=1)
class OfferMade(Event):
    """A further version of the offer; only the other party may accept it."""

    engagement_id: EngagementId
    campaign_id: CampaignId
    brand_id: BrandId
    creator_id: CreatorId
    offer_version: int
    by: Party
    terms: Terms
    message: Text = ""
    expires_at: Time


@event("limelight.campaigns.OfferAccepted", version=1)
class OfferAccepted(Event):
    """Both agree on this version."""

    engagement_id: EngagementId
    campaign_id: CampaignId
    brand_id: BrandId
    creator_id: CreatorId
    offer_version: int
    by: Party
    terms: Terms
    brief: Brief


@event("limelight.campaigns.EngagementReopened", version=1)
class EngagementReopened(Event):
    """The agreement could not be covered by the budget: negotiation goes on."""

    engagement_id: EngagementId
    campaign_id: CampaignId
    brand_id: BrandId
    creator_id: CreatorId
    reason: Reason
    expires_at: Time


@event("limelight.campaigns.EngagementDeclined", version=1)
class EngagementDeclined(Event):
    engagement_id: EngagementId
    campaign_id: CampaignId
    brand_id: BrandId
    creator_id: CreatorId
    by: Party
    reason: Text = ""


@event("limelight.campaigns.EngagementExpired", version=1)
class EngagementExpired(Event):
    """The newest offer was not answered in time."""

    engagement_id: EngagementId
    campaign_id: CampaignId
    brand_id: BrandId
    creator_id: CreatorId


# --- Contract --------------------------------------------------------------------------------------------------------


@event("limelight.campaigns.ContractDrafted", version=1)
class ContractDrafted(Event):
    """What both will sign. `terms_hash` is sha256 over the canonical JSON of parties, terms, brief and policy version."""

    contract_id: ContractId
    engagement_id: EngagementId
    campaign_id: CampaignId
    brand_id: BrandId
    creator_id: CreatorId
    terms: Terms
    brief: Brief
    deliverable_ids: tuple[DeliverableId, ...]
    policy_version: int
    terms_hash: Label
    sign_by: Time


@event("limelight.campaigns.ContractSigned", version=1)
class ContractSigned(Event):
    """A party signed. `complete`: it was the second signature, both under the same `terms_hash`; payments now holds `fee`."""

    contract_id: ContractId
    engagement_id: EngagementId
    campaign_id: CampaignId
    brand_id: BrandId
    creator_id: CreatorId
    by: Party
    terms_hash: Label
    fee: Money
    complete: bool
    fund_by: Time | None = None
    """Until when the money must be held; set with the second signature."""


@event("limelight.campaigns.ContractActivated", version=1)
class ContractActivated(Event):
    """Both have signed and the money is held: work begins."""

    contract_id: ContractId
    campaign_id: CampaignId
    brand_id: BrandId
    creator_id: CreatorId


@event("limelight.campaigns.CancellationProposed", version=1)
class CancellationProposed(Event):
    contract_id: ContractId
    campaign_id: CampaignId
    brand_id: BrandId
    creator_id: CreatorId
    by: Party
    reason: Text
    answer_by: Time


@event("limelight.campaigns.CancellationDeclined", version=1)
class CancellationDeclined(Event):
    contract_id: ContractId
    campaign_id: CampaignId
    brand_id: BrandId
    creator_id: CreatorId
    by: Party


@event("limelight.campaigns.ContractTerminated", version=1)
class ContractTerminated(Event):
    """The contract ended before it was fulfilled; what is held goes back to the brand, less the kill fee."""

    contract_id: ContractId
    engagement_id: EngagementId
    campaign_id: CampaignId
    brand_id: BrandId
    creator_id: CreatorId
    stage: Label
    reason: Text
    fee: Money
    kill_fee: Money


@event("limelight.campaigns.ContractFulfilled", version=1)
class ContractFulfilled(Event):
    """Every deliverable is accepted and the money is released."""

    contract_id: ContractId
    campaign_id: CampaignId
    brand_id: BrandId
    creator_id: CreatorId


# --- Deliverables of a contract --------------------------------------------------------------------------------------


@event("limelight.campaigns.DraftSubmitted", version=1)
class DraftSubmitted(Event):
    contract_id: ContractId
    deliverable_id: DeliverableId
    campaign_id: CampaignId
    brand_id: BrandId
    creator_id: CreatorId
    round: int
    url: Url
    caption: Text
    review_by: Time


@event("limelight.campaigns.ChangesRequested", version=1)
class ChangesRequested(Event):
    contract_id: ContractId
    deliverable_id: DeliverableId
    campaign_id: CampaignId
    brand_id: BrandId
    creator_id: CreatorId
    round: int
    changes: Text


@event("limelight.campaigns.DeliverableApproved", version=1)
class DeliverableApproved(Event):
    """The draft may be posted. `by_timer`: the brand kept silent past the review window."""

    contract_id: ContractId
    deliverable_id: DeliverableId
    campaign_id: CampaignId
    brand_id: BrandId
    creator_id: CreatorId
    round: int
    by_timer: bool = False


@event("limelight.campaigns.ContentPosted", version=1)
class ContentPosted(Event):
    """The content is out; analytics counts from here."""

    contract_id: ContractId
    deliverable_id: DeliverableId
    post_id: PostId
    campaign_id: CampaignId
    brand_id: BrandId
    creator_id: CreatorId
    platform: Platform
    url: Url
    caption: Text
    posted_at: Time


@event("limelight.campaigns.PostVerified", version=1)
class PostVerified(Event):
    """Inside the window, with every hashtag, mention and the disclosure label."""

    contract_id: ContractId
    deliverable_id: DeliverableId
    post_id: PostId
    campaign_id: CampaignId
    brand_id: BrandId
    creator_id: CreatorId


@event("limelight.campaigns.PostCheckFailed", version=1)
class PostCheckFailed(Event):
    """What the post lacks; the creator mends it and posts again."""

    contract_id: ContractId
    deliverable_id: DeliverableId
    post_id: PostId
    campaign_id: CampaignId
    brand_id: BrandId
    creator_id: CreatorId
    reasons: tuple[Reason, ...]


@event("limelight.campaigns.DeliverableAccepted", version=1)
class DeliverableAccepted(Event):
    """`last`: it was the contract's last one; payments now releases."""

    contract_id: ContractId
    deliverable_id: DeliverableId
    campaign_id: CampaignId
    brand_id: BrandId
    creator_id: CreatorId
    last: bool
