"""analytics: what it brought."""

from __future__ import annotations

from libs.events.catalog.values import (
    BrandId,
    CampaignId,
    ContractId,
    ConversionId,
    CreatorId,
    Label,
    Metrics,
    MetricsSource,
    Money,
    Platform,
    PostId,
    Text,
    Time,
    Url,
)
from libs.events.registry import Event, event


@event("limelight.analytics.PostTracked", version=1)
class PostTracked(Event):
    """From here on the post's numbers are counted."""

    post_id: PostId
    contract_id: ContractId
    campaign_id: CampaignId
    brand_id: BrandId
    creator_id: CreatorId
    platform: Platform
    url: Url
    posted_at: Time


@event("limelight.analytics.MetricsReported", version=1)
class MetricsReported(Event):
    """A cumulative snapshot of a post, as captured then: the newest `captured_at` counts, whenever it arrives."""

    post_id: PostId
    campaign_id: CampaignId
    brand_id: BrandId
    creator_id: CreatorId
    captured_at: Time
    source: MetricsSource
    organic: Metrics
    paid: Metrics | None = None


@event("limelight.analytics.ConversionRecorded", version=1)
class ConversionRecorded(Event):
    """A sale attributed to a post by its code or link; once per order id."""

    conversion_id: ConversionId
    post_id: PostId
    campaign_id: CampaignId
    brand_id: BrandId
    creator_id: CreatorId
    order_id: Label
    value: Money
    occurred_at: Time


@event("limelight.analytics.ConversionReversed", version=1)
class ConversionReversed(Event):
    """A return or a correction: the opposite entry."""

    conversion_id: ConversionId
    post_id: PostId
    campaign_id: CampaignId
    value: Money
    reason: Text = ""
