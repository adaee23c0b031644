"""What campaigns answers beyond single aggregates: lists of what is the caller's own, and what is open to all."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from libs.chassis.rpcs import Reads, Request
from libs.events.catalog.values import CampaignId
from libs.events.decider import Actor, Role
from libs.events.envelope import iso
from libs.events.ports import Document, Page, Range, Where

NEWEST_FIRST = (("created_at", False),)


class CampaignStatus(StrEnum):
    DRAFT = "draft"
    LAUNCHED = "launched"
    PAUSED = "paused"
    CANCELLED = "cancelled"


class EngagementStatus(StrEnum):
    INVITED = "invited"
    APPLIED = "applied"
    NEGOTIATING = "negotiating"
    AGREED = "agreed"
    DECLINED = "declined"
    EXPIRED = "expired"


class ContractStatus(StrEnum):
    DRAFTED = "drafted"
    SIGNED_BY_ONE = "signed_by_one"
    SIGNED = "signed"
    ACTIVE = "active"
    DELIVERED = "delivered"
    FULFILLED = "fulfilled"
    TERMINATED = "terminated"


class ListRequest(Request):
    """A page, newest first."""

    page_size: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: Annotated[str, Field(max_length=2000)] = ""


class ListCampaigns(ListRequest):
    status: CampaignStatus | None = None


class ListOpportunities(ListRequest):
    pass


class ListEngagements(ListRequest):
    campaign_id: CampaignId | None = None
    status: EngagementStatus | None = None


class ListContracts(ListRequest):
    campaign_id: CampaignId | None = None
    status: ContractStatus | None = None


async def list_campaigns(request: ListCampaigns, reads: Reads) -> Document:
    found, cursor = await _page("campaigns", {**own(reads.actor), **_given(status=request.status)}, request, reads)
    return {"campaigns": [_campaign(doc) for doc in found], "next_cursor": cursor}


async def list_opportunities(request: ListOpportunities, reads: Reads) -> Document:
    """Campaigns that anyone may apply to. By the day: a campaign that ends today is listed until tomorrow, so that a cursor,
    which is bound to its filters, outlives the second it was given in."""
    today = iso(reads.clock.now())[:10]
    where = {"status": "launched", "mode": "open", "schedule.ends_at": Range(least=today)}
    found, cursor = await _page("campaigns", where, request, reads)
    names = ("brand_id", "name", "objective", "brief", "deliverables", "schedule")
    shown = [{"campaign_id": doc["id"], **{name: doc[name] for name in names}} for doc in found]
    return {"opportunities": shown, "next_cursor": cursor}


async def list_engagements(request: ListEngagements, reads: Reads) -> Document:
    where = {**own(reads.actor), **_given(campaign_id=request.campaign_id, status=request.status)}
    found, cursor = await _page("engagements", where, request, reads)
    names = ("campaign_id", "brand_id", "creator_id", "status", "offer_version", "offered_by", "fee", "expires_at", "version")
    shown = [{"engagement_id": doc["id"], **{name: doc[name] for name in names}} for doc in found]
    return {"engagements": shown, "next_cursor": cursor}


async def list_contracts(request: ListContracts, reads: Reads) -> Document:
    where = {**own(reads.actor), **_given(campaign_id=request.campaign_id, status=request.status)}
    found, cursor = await _page("contracts", where, request, reads)
    names = ("engagement_id", "campaign_id", "brand_id", "creator_id", "status", "fee", "terms_hash", "version")
    shown = [{"contract_id": doc["id"], **{name: doc[name] for name in names}} for doc in found]
    return {"contracts": shown, "next_cursor": cursor}


def own(actor: Actor) -> dict[str, Any]:
    """What of a list an actor may see: its own; everything for operators, services and data teams."""
    if actor.role in (Role.OPERATOR, Role.SERVICE, Role.DATA):
        return {}
    return {"brand_id" if actor.role is Role.BRAND else "creator_id": actor.party or "nobody"}


def _given(**filters: str | None) -> dict[str, str]:
    return {name: str(value) for name, value in filters.items() if value is not None}


async def _page(projection: str, where: Where, request: ListRequest, reads: Reads) -> tuple[list[Document], str]:
    return await reads.views.page(projection, where, Page(sort=NEWEST_FIRST, limit=request.page_size), request.cursor)


def _campaign(doc: Document) -> Document:
    budget = doc["budget"]
    names = ("brand_id", "status", "name", "objective", "mode", "schedule", "budget", "engagement_count", "version")
    committed = budget and {"amount": doc["committed"], "currency": budget["currency"]}
    return {"campaign_id": doc["id"], **{name: doc[name] for name in names}, "committed": committed}
