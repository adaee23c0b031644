"""Saved searches: how they are shown and listed, and which of them a creator newly matches by an event."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any, assert_never

from pydantic import Field

from libs.chassis.rpcs import Reads, Request
from libs.events.catalog.discovery import CreatorJoined
from libs.events.envelope import Recorded
from libs.events.ids import derive
from libs.events.ports import AnyOf, CommitLog, Document, Page, Range
from libs.events.reactions import Intent, Keyed, Reaction, reaction
from libs.events.views import Views
from services.discovery.directory import LISTED, entry
from services.discovery.domain.criteria import Criteria, matches
from services.discovery.domain.saved_search import Absent, Deleted, RecordMatch, Saved, SavedSearch, SaveSearch, traits
from services.discovery.shortlists import of_team
from services.discovery.streams import events_of

CANDIDATES = 200
"""Searches that are read at once."""


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


# --- New matches -------------------------------------------------------------------------------------------------------


def percolation(log: CommitLog, views: Views) -> Reaction:
    """Each event of a creator is held against the searches that it may match, never a search against all creators. A search
    hears of what happened after it was saved, from when the read model knows it (usually within a second)."""

    @reaction("tell saved searches of new matches", to=LISTED)
    async def percolate(event: Recorded[Any]) -> AsyncIterator[Intent]:
        before, after = await around(log, event)
        if after.get("status") != "joined":
            return
        async for search in _candidates(views, after, event.position):
            criteria = Criteria.model_validate(search["criteria"])
            if matches(after, criteria, event.at) and not matches(before, criteria, event.at):
                found = RecordMatch(saved_search_id=search["id"], creator_id=event.data.creator_id, source_event_id=event.id)
                yield Keyed(search["id"], found)

    return percolate


async def around(log: CommitLog, event: Recorded[Any]) -> tuple[Document, Document]:
    """The creator's entry before the event and after it, whatever has happened since; empty where there was or is none."""
    if isinstance(event.data, CreatorJoined):  # nothing is before it: an import is not slowed by reading back
        return {}, entry({}, event) or {}
    creator = event.data.creator_id
    told = [*await events_of(log, creator), *await events_of(log, derive("trk", creator))]
    before = Document()
    for one in sorted((one for one in told if isinstance(one.data, LISTED)), key=_place):
        if _place(one) < _place(event):
            before = entry(before, one) or {}
    return before, entry(before, event) or {}


def _place(event: Recorded[Any]) -> tuple[int, int]:
    """In the log's order."""
    return event.position, event.version


async def _candidates(views: Views, of: Document, position: int) -> AsyncIterator[Document]:
    """Searches that were saved before the position and have one of the creator's traits."""
    where, cursor = {"anchors": AnyOf(tuple(sorted(set(traits(of))))), "position": Range(most=position)}, ""
    while True:
        found, cursor = await views.page("saved_searches", where, Page(limit=CANDIDATES), cursor)
        for search in found:
            yield search
        if not cursor:
            return
