"""Answers of messaging: threads, their messages, and what happens in one as it happens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from libs.chassis.rpcs import Reads, Request
from libs.events.catalog.messaging import CardPosted, MessageRead, MessageSent
from libs.events.catalog.values import Party, ThreadId
from libs.events.decider import Actor, Role, not_found
from libs.events.envelope import Recorded, iso, recorded
from libs.events.ports import Document, Page
from services.messaging.domain.thread import Absent, Open, Thread, thread
from services.messaging.projections import message

PAGE = 50
"""Documents of a page whose size was left open."""
POLL_SECONDS = 0.5
"""How soon a live stream sees what another process wrote; what this one wrote rings the bell."""


def show_thread(id: str, state: Thread) -> Document:
    if isinstance(state, Absent):
        raise not_found("thread")
    return {
        "thread_id": id,
        "engagement_id": state.engagement_id,
        "campaign_id": state.campaign_id,
        "brand_id": state.brand_id,
        "creator_id": state.creator_id,
        "messages": len(state.messages),
        "last_message_id": state.messages[-1] if state.messages else None,
        "read_up_to_brand": _read(state, Party.BRAND),
        "read_up_to_creator": _read(state, Party.CREATOR),
    }


def _read(state: Open, party: Party) -> str | None:
    count = state.read.get(party, 0)
    return state.messages[count - 1] if count else None


# --- Lists -----------------------------------------------------------------------------------------------------------

PageSize = Annotated[int, Field(ge=0, le=200)]
Cursor = Annotated[str, StringConstraints(max_length=2000)]


class ListThreads(Request):
    page_size: PageSize = 0
    cursor: Cursor = ""


class ListMessages(Request):
    thread_id: ThreadId
    page_size: PageSize = 0
    cursor: Cursor = ""


async def list_threads(request: ListThreads, reads: Reads) -> Document:
    """A party's own, the one with the newest message first; an operator sees all."""
    where = {f"{reads.actor.role.value}_id": reads.actor.party} if _is_party(reads.actor) else {}
    page = Page(sort=(("last_at", False),), limit=request.page_size or PAGE)
    found, cursor = await reads.views.page("threads", where, page, request.cursor)
    return {"threads": [_summary(doc) for doc in found], "next_cursor": cursor}


def _summary(doc: Document) -> Document:
    read = doc["read_up_to"]
    shown = {name: value for name, value in doc.items() if name not in ("id", "read_up_to")}
    return {**shown, "read_up_to_brand": read.get("brand"), "read_up_to_creator": read.get("creator")}


async def list_messages(request: ListMessages, reads: Reads) -> Document:
    """Newest first."""
    found = await reads.views.one("threads", request.thread_id)
    if found is None or (_is_party(reads.actor) and reads.actor.party not in (found["brand_id"], found["creator_id"])):
        raise not_found("thread")
    page = Page(sort=(("version", False),), limit=request.page_size or PAGE)
    documents, cursor = await reads.views.page("messages", {"thread_id": request.thread_id}, page, request.cursor)
    return {
        "messages": [{name: value for name, value in doc.items() if name != "id"} for doc in documents],
        "next_cursor": cursor,
    }


def _is_party(actor: Actor) -> bool:
    return actor.role in (Role.BRAND, Role.CREATOR)


# --- Live ------------------------------------------------------------------------------------------------------------


class WatchThread(Request):
    thread_id: ThreadId
    after: Annotated[str, StringConstraints(pattern=r"^[0-9]{0,15}$")] = ""
    """The `id` of the last change that was seen; empty: from the thread's beginning."""


async def watch_thread(request: WatchThread, reads: Reads) -> AsyncIterator[Document]:
    """Every message, card and read receipt after `after`, straight from the log: nothing is lost between two connections."""
    commits = await reads.log.stream(request.thread_id)
    state = thread.fold([event.data for commit in commits for event in _events(commit)])
    if isinstance(state, Absent) or not thread.visible(state, reads.actor):
        raise not_found("thread")
    seen = int(request.after or 0)
    while True:
        head = await reads.log.head()
        for commit in await reads.log.stream(request.thread_id, seen):
            for event in _events(commit):
                if event.version > seen and (change := _change(event)):
                    yield change
            seen = max(seen, commit.last)
        await reads.log.wait(head, POLL_SECONDS)


def _events(commit: Any) -> list[Recorded[Any]]:
    return list(recorded(commit, "messaging"))


def _change(event: Recorded[Any]) -> Document | None:
    match event.data:
        case MessageSent() | CardPosted():
            return {"id": str(event.version), "message": message(event)}
        case MessageRead(by=by, message_id=message_id):
            receipt = {"by": by.value, "message_id": message_id, "at": iso(event.at)}
            return {"id": str(event.version), "read": receipt}
        case _:
            return None
