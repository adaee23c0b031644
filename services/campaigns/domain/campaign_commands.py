"""What one can ask of a campaign."""

from __future__ import annotations

from typing import Annotated, ClassVar, TypeAlias

from pydantic import AfterValidator, Field

from libs.events.catalog.values import (
    Brief,
    CampaignId,
    CampaignMode,
    CreatorId,
    DeliverableTemplate,
    EngagementId,
    Label,
    Money,
    Objective,
    Schedule,
    Terms,
    Text,
)
from libs.events.decider import Command

LARGEST_BRIEF = 128 * 1024
"""Bytes as JSON. Every invitation, offer and contract holds the brief again, and a hundred are invited at once."""


def _in_bounds(brief: Brief) -> Brief:
    if (size := len(brief.model_dump_json().encode())) > LARGEST_BRIEF:
        raise ValueError(f"a brief has at most {LARGEST_BRIEF} bytes, this one has {size}")
    return brief


class DraftCampaign(Command):
    """Write down a campaign. What is missing may be missing until it is launched."""

    campaign_id: CampaignId
    name: Label
    objective: Objective
    mode: CampaignMode
    brief: Annotated[Brief, AfterValidator(_in_bounds)] = Brief()
    budget: Money | None = None
    schedule: Schedule | None = None
    deliverables: Annotated[tuple[DeliverableTemplate, ...], Field(max_length=20)] = ()


class LaunchCampaign(Command):
    """Start taking creators."""

    campaign_id: CampaignId
    brand_verified: bool = False
    """Stamped on by the service from the brand's own stream; no part of a request."""


class PauseCampaign(Command):
    """Take no creators for a while; agreements go on."""

    campaign_id: CampaignId


class ResumeCampaign(Command):
    """Take creators again."""

    campaign_id: CampaignId


class CancelCampaign(Command):
    """End the campaign and its open engagements; contracts go on."""

    campaign_id: CampaignId
    reason: Annotated[Text, Field(min_length=1)]


def _each_once(creators: tuple[CreatorId, ...]) -> tuple[CreatorId, ...]:
    if len(set(creators)) != len(creators):
        raise ValueError("name each creator once")
    return creators


class InviteCreators(Command):
    """Invite creators with a first offer, the same for all: all of them or none."""

    campaign_id: CampaignId
    creator_ids: Annotated[tuple[CreatorId, ...], Field(min_length=1, max_length=100), AfterValidator(_each_once)]
    terms: Terms


class ApplyToCampaign(Command):
    """A creator offers itself to an open campaign."""

    by_anyone: ClassVar[bool] = True

    campaign_id: CampaignId
    terms: Terms
    message: Text = ""


class CommitBudget(Command):
    """Cover an agreement by the budget; sent when an offer is accepted."""

    campaign_id: CampaignId
    engagement_id: EngagementId
    creator_id: CreatorId
    terms: Terms
    brief: Brief


class FreeBudget(Command):
    """Give back what a contract no longer needs; sent when it is terminated."""

    campaign_id: CampaignId
    engagement_id: EngagementId
    fee: Money


CampaignCommand: TypeAlias = (
    DraftCampaign
    | LaunchCampaign
    | PauseCampaign
    | ResumeCampaign
    | CancelCampaign
    | InviteCreators
    | ApplyToCampaign
    | CommitBudget
    | FreeBudget
)
