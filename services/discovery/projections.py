"""What brands search: one document per creator who has joined."""

from __future__ import annotations

from typing import assert_never

from libs.events.catalog.campaigns import EngagementOpened
from libs.events.catalog.discovery import (
    CreatorContactsChanged,
    CreatorErased,
    CreatorJoined,
    CreatorReinstated,
    CreatorSuspended,
    PerformanceSnapshotRecorded,
)
from libs.events.envelope import Recorded
from libs.events.ports import Document
from libs.events.projection import projection
from services.discovery.domain.eligibility import largest_following

Listed = CreatorJoined | PerformanceSnapshotRecorded | CreatorSuspended | CreatorReinstated


@projection(
    "creators",
    version=1,
    of=(CreatorJoined, PerformanceSnapshotRecorded, CreatorSuspended, CreatorReinstated),
    key="creator_id",
    indexes=(
        ("status", "followers"),
        ("status", "niches", "followers"),
        ("status", "country", "followers"),
        ("status", "performance.engagement_rate_method", "performance.engagement_rate"),
    ),
)
def creators(doc: Document, event: Recorded[Listed]) -> Document:
    match event.data:
        case CreatorJoined(accounts=accounts) as joined:
            profile = joined.model_dump(mode="json", exclude={"creator_id", "policy_version"})
            return {**profile, "followers": largest_following(accounts), "status": "joined"}
        case PerformanceSnapshotRecorded(performance=performance):
            return {**doc, "performance": performance.model_dump(mode="json")}
        case CreatorSuspended():
            return {**doc, "status": "suspended"}
        case CreatorReinstated():
            return {**doc, "status": "joined"}
        case _:
            assert_never(event.data)


@projection("contacts", version=1, of=(CreatorContactsChanged, CreatorErased, EngagementOpened), key="creator_id")
def contacts(doc: Document, event: Recorded[CreatorContactsChanged | CreatorErased | EngagementOpened]) -> Document | None:
    """Who a creator is in law, and the brands that may know it: those that it is or was engaged with."""
    match event.data:
        case CreatorContactsChanged() as told:
            return {**doc, **told.model_dump(mode="json")}
        case EngagementOpened(brand_id=brand, creator_id=creator):
            return {**doc, "creator_id": creator, "brands": sorted({*doc.get("brands", ()), brand})}
        case CreatorErased():
            return None
        case _:
            assert_never(event.data)


PROJECTIONS = (creators, contacts)
