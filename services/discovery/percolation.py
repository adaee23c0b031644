"""Percolation: each event of a creator is held against the searches that it may match, never a search against all creators.

A search hears of what happened after it was saved, from when the read model knows it (usually within a second).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from libs.events.catalog.discovery import CreatorJoined
from libs.events.envelope import Recorded
from libs.events.ids import derive
from libs.events.ports import AnyOf, CommitLog, Document, Page, Range
from libs.events.reactions import Intent, Keyed, Reaction, reaction
from libs.events.views import Views
from services.discovery.directory import LISTED, entry
from services.discovery.domain.criteria import Criteria, matches
from services.discovery.domain.saved_search import RecordMatch, traits
from services.discovery.streams import events_of

CANDIDATES = 200
"""Searches that are read at once."""


def percolation(log: CommitLog, views: Views) -> Reaction:
    """The reaction to each event that changes a creator's entry."""

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
