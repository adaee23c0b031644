"""What discovery answers from read models that its processes share; the directory is kept by each that answers."""

from __future__ import annotations

from typing import assert_never

from libs.events.catalog.campaigns import CampaignDrafted, EngagementOpened
from libs.events.catalog.discovery import (
    CreatorContactsChanged,
    CreatorErased,
)
from libs.events.envelope import Recorded
from libs.events.ports import Document
from libs.events.projection import projection


@projection("contacts", version=1, of=(CreatorContactsChanged, CreatorErased, EngagementOpened), key="creator_id")
def contacts(doc: Document, event: Recorded[CreatorContactsChanged | CreatorErased | EngagementOpened]) -> Document:
    """Who a creator is in law, and the brands that may know it: those that it is or was engaged with."""
    match event.data:
        case CreatorContactsChanged() as told:
            return {**doc, **told.model_dump(mode="json")}
        case EngagementOpened(brand_id=brand, creator_id=creator):
            return {**doc, "creator_id": creator, "brands": sorted({*doc.get("brands", ()), brand})}
        case CreatorErased(creator_id=creator):
            return {"creator_id": creator, "brands": doc.get("brands", [])}
        case _:
            assert_never(event.data)


@projection("campaigns", version=1, of=(CampaignDrafted, EngagementOpened), key="campaign_id")
def campaigns(doc: Document, event: Recorded[CampaignDrafted | EngagementOpened]) -> Document:
    """What a campaign asks for, and who is engaged with it already: for recommendations."""
    match event.data:
        case CampaignDrafted() as drafted:
            return {**doc, **drafted.model_dump(mode="json")}
        case EngagementOpened(creator_id=creator):
            return {**doc, "engaged": sorted({*doc.get("engaged", ()), creator})}
        case _:
            assert_never(event.data)


PROJECTIONS = (contacts, campaigns)
