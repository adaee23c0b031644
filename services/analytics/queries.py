"""Answers of analytics: a post, a campaign's dashboard, and the dashboard as it changes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from pydantic import StringConstraints

from libs.chassis.rpcs import Reads, Request
from libs.events.catalog.values import CampaignId
from libs.events.decider import Actor, Role, not_found
from libs.events.envelope import iso
from libs.events.ports import Document
from services.analytics.domain.dashboard import dashboard
from services.analytics.domain.post import Conversion, Post, Untracked

SHOWN = 100
"""Conversions that a post shows, the latest."""
POLL_SECONDS = 0.25
"""How soon a live dashboard sees a change of its read model."""


def show_post(id: str, state: Post) -> Document:
    if isinstance(state, Untracked):
        raise not_found("post")
    latest = list(state.conversions.items())[-SHOWN:]
    return {
        "post_id": id,
        "contract_id": state.contract_id,
        "campaign_id": state.campaign_id,
        "brand_id": state.brand_id,
        "creator_id": state.creator_id,
        "platform": state.platform.value,
        "url": state.url,
        "posted_at": iso(state.posted_at),
        "snapshots": state.snapshots,
        "newest": state.newest.model_dump(mode="json") if state.newest else None,
        "conversions": [_conversion(conversion_id, conversion) for conversion_id, conversion in latest],
    }


def _conversion(conversion_id: str, conversion: Conversion) -> Document:
    return {
        "conversion_id": conversion_id,
        "order_id": conversion.order_id,
        "value": conversion.value.model_dump(),
        "reversed": conversion.reversed,
    }


class GetCampaignDashboard(Request):
    campaign_id: CampaignId


class WatchCampaignDashboard(Request):
    campaign_id: CampaignId
    after: Annotated[str, StringConstraints(pattern=r"^[0-9]{0,15}$")] = ""
    """The `id` of the last dashboard that was seen; it is sent again only once it has changed."""


async def get_campaign_dashboard(request: GetCampaignDashboard, reads: Reads) -> Document:
    return dashboard(request.campaign_id, await _facts(request.campaign_id, reads))


async def watch_campaign_dashboard(request: WatchCampaignDashboard, reads: Reads) -> AsyncIterator[Document]:
    """The dashboard now, and again whenever it has changed; changes that come fast are sent as one."""
    seen = request.after
    while True:
        facts = await _facts(request.campaign_id, reads)
        if (newest := str(facts["facts"])) != seen:
            yield {"id": newest, "dashboard": dashboard(request.campaign_id, facts)}
            seen = newest
        await reads.clock.sleep(POLL_SECONDS)


async def _facts(campaign_id: str, reads: Reads) -> Document:
    facts = await reads.views.one("campaign_dashboards", campaign_id)
    if facts is None or not _may_see(reads.actor, facts):
        raise not_found("campaign")
    return facts


def _may_see(actor: Actor, facts: Document) -> bool:
    return actor.role in (Role.OPERATOR, Role.SERVICE, Role.DATA) or (
        actor.party is not None and actor.party == facts["brand_id"]
    )
