"""Saved searches: how they are shown and listed, and how many a brand has."""

from __future__ import annotations

from typing import Annotated, assert_never

from pydantic import Field

from libs.chassis.rpcs import Reads, Request
from libs.events.ports import Document, Page
from services.discovery.domain.saved_search import Absent, Deleted, Saved, SavedSearch, SaveSearch
from services.discovery.shortlists import of_team


async def with_kept(save: SaveSearch, reads: Reads) -> SaveSearch:
    """Stamps on how many searches the brand has."""
    kept = await reads.views.count("saved_searches", {"brand_id": save.actor.party or "nobody"})
    return save.model_copy(update={"kept": kept})


# --- What is shown -----------------------------------------------------------------------------------------------------


def show_saved_search(id: str, state: SavedSearch) -> Document:
    match state:
        case Absent():
            return {"saved_search_id": id}
        case Saved(brand_id=brand, name=name, criteria=criteria, matches=newest, matched=count):
            return {
                "saved_search_id": id,
                "brand_id": brand,
                "name": name,
                "status": "saved",
                "criteria": criteria.model_dump(mode="json", exclude_defaults=True),
                "match_count": count,
                "matches": [{"creator_id": one.creator_id, "source_event_id": one.source_event_id} for one in reversed(newest)],
            }
        case Deleted(brand_id=brand):
            return {"saved_search_id": id, "brand_id": brand, "status": "deleted"}
        case _:
            assert_never(state)


class ListSavedSearches(Request):
    """A page, newest first."""

    page_size: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: Annotated[str, Field(max_length=2000)] = ""


async def list_saved_searches(request: ListSavedSearches, reads: Reads) -> Document:
    page = Page(sort=(("created_at", False),), limit=request.page_size)
    found, cursor = await reads.views.page("saved_searches", of_team(reads.actor), page, request.cursor)
    names = ("brand_id", "name", "criteria", "match_count", "created_at", "version")
    shown = [{"saved_search_id": doc["id"], **{name: doc[name] for name in names}} for doc in found]
    return {"saved_searches": shown, "next_cursor": cursor}
