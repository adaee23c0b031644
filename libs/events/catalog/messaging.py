"""messaging: how they talk."""

from __future__ import annotations

from libs.events.catalog.values import (
    BrandId,
    CampaignId,
    CreatorId,
    EngagementId,
    Label,
    MessageId,
    Party,
    Text,
    ThreadId,
    Time,
)
from libs.events.registry import Event, Personal, event


@event("limelight.messaging.ThreadOpened", version=1)
class ThreadOpened(Event):
    """A conversation bound to an engagement; only its parties and an operator read it."""

    thread_id: ThreadId
    engagement_id: EngagementId
    campaign_id: CampaignId
    brand_id: BrandId
    creator_id: CreatorId


@event("limelight.messaging.MessageSent", version=1)
class MessageSent(Event):
    thread_id: ThreadId
    message_id: MessageId
    by: Party
    text: Personal[Text]


@event("limelight.messaging.CardPosted", version=1)
class CardPosted(Event):
    """A system card: a step of the deal, mirrored from the event that it names and that came about at `occurred_at`."""

    thread_id: ThreadId
    message_id: MessageId
    kind: Label
    text: Text
    source_event_id: Label
    occurred_at: Time


@event("limelight.messaging.MessageRead", version=1)
class MessageRead(Event):
    """A party has read the thread up to this message."""

    thread_id: ThreadId
    message_id: MessageId
    by: Party
