"""What discovery answers from read models that its processes share; the directory is kept by each that answers."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never, get_args

from libs.events.catalog.campaigns import (
    BrandRegistered,
    CampaignDrafted,
    ContentPosted,
    ContractFulfilled,
    ContractTerminated,
    EngagementOpened,
)
from libs.events.catalog.discovery import (
    CreatorContactsChanged,
    CreatorErased,
    CreatorShortlisted,
    CreatorUnlisted,
    SavedSearchDeleted,
    SavedSearchMatched,
    SearchSaved,
    ShortlistCreated,
    ShortlistDeleted,
)
from libs.events.envelope import Recorded, iso
from libs.events.ports import Document
from libs.events.projection import projection
from services.discovery.domain.criteria import Criteria
from services.discovery.domain.saved_search import anchors

DAY = 86_400


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


MOST_PAYMENTS = 20
"""Of a brand, the newest."""
PayingFact = BrandRegistered | ContentPosted | ContractFulfilled | ContractTerminated


@projection("paying_records", version=1, of=get_args(PayingFact), key="brand_id")
def paying_records(doc: Document, event: Recorded[PayingFact]) -> Document:
    """How fast a brand pays. `posted`: of contracts under way, when they last had a post; `paid`: of the newest that were paid
    [when, days since the last post, contract]. A contract's facts come in their order, those of two contracts in any."""
    posted, paid = dict(doc.get("posted", {})), list(doc.get("paid", ()))
    payments = doc.get("payments", 0)
    match event.data:
        case BrandRegistered():
            pass
        case ContentPosted(contract_id=contract):
            posted[contract] = iso(event.at)
        case ContractFulfilled(contract_id=contract):
            days = (event.at - datetime.fromisoformat(posted.pop(contract))).total_seconds() / DAY
            paid = sorted([*paid, [iso(event.at), round(days, 4), contract]], reverse=True)[:MOST_PAYMENTS]
            payments += 1
        case ContractTerminated(contract_id=contract):
            posted.pop(contract, None)
        case _:
            assert_never(event.data)
    return {**doc, "posted": posted, "paid": paid, "payments": payments}


ShortlistFact = ShortlistCreated | CreatorShortlisted | CreatorUnlisted | ShortlistDeleted


@projection(
    "shortlists",
    version=1,
    of=get_args(ShortlistFact),
    key="shortlist_id",
    indexes=(("brand_id", "created_at"), ("created_at",)),
)
def shortlists(doc: Document, event: Recorded[ShortlistFact]) -> Document | None:
    """`creators`: who is on it, to tell a new one from a changed note; the notes are in the list's own stream."""
    doc = {**doc, "version": event.version}
    match event.data:
        case ShortlistCreated(brand_id=brand, name=name):
            return {**doc, "brand_id": brand, "name": name, "creators": [], "created_at": iso(event.at)}
        case CreatorShortlisted(creator_id=creator):
            return {**doc, "creators": [*(one for one in doc["creators"] if one != creator), creator]}
        case CreatorUnlisted(creator_id=creator):
            return {**doc, "creators": [one for one in doc["creators"] if one != creator]}
        case ShortlistDeleted():
            return None
        case _:
            assert_never(event.data)


SavedSearchFact = SearchSaved | SavedSearchMatched | SavedSearchDeleted


@projection(
    "saved_searches",
    version=1,
    of=get_args(SavedSearchFact),
    key="saved_search_id",
    indexes=(("brand_id", "created_at"), ("created_at",), ("anchors",)),
)
def saved_searches(doc: Document, event: Recorded[SavedSearchFact]) -> Document | None:
    """`anchors`: by which a creator's event finds it; `position`: what happened before it, it does not hear of."""
    doc = {**doc, "version": event.version}
    match event.data:
        case SearchSaved(brand_id=brand, name=name, criteria=criteria):
            found_by = list(anchors(Criteria.model_validate(criteria)))
            said = {"brand_id": brand, "name": name, "criteria": criteria, "match_count": 0, "created_at": iso(event.at)}
            return {**doc, **said, "anchors": found_by, "position": event.position}
        case SavedSearchMatched():
            return {**doc, "match_count": doc["match_count"] + 1}
        case SavedSearchDeleted():
            return None
        case _:
            assert_never(event.data)


PROJECTIONS = (contacts, campaigns, paying_records, shortlists, saved_searches)
