"""Shortlists: how they are shown and listed, and what of a creator its addition depends on."""

from __future__ import annotations

from typing import Annotated, Any, assert_never

from pydantic import Field

from libs.chassis.rpcs import Reads, Request
from libs.events.decider import Actor, Role
from libs.events.ports import Document, Page
from services.discovery.domain.creator import Joined, creator
from services.discovery.domain.eligibility import Policy
from services.discovery.domain.shortlist import Absent, AddToShortlist, Deleted, Open, Shortlist
from services.discovery.streams import state_of


async def with_creator(add: AddToShortlist, reads: Reads) -> AddToShortlist:
    """Stamps on whether the creator has joined, read from its own stream: never out of date."""
    whose = await state_of(creator(Policy()), reads.log, add.creator_id)
    return add.model_copy(update={"creator_joined": isinstance(whose, Joined)})


def show_shortlist(id: str, state: Shortlist) -> Document:
    match state:
        case Absent():
            return {"shortlist_id": id}
        case Open(brand_id=brand, name=name, notes=notes):
            creators = [{"creator_id": creator, "note": note} for creator, note in notes.items()]
            return {"shortlist_id": id, "brand_id": brand, "name": name, "status": "open", "creators": creators}
        case Deleted(brand_id=brand):
            return {"shortlist_id": id, "brand_id": brand, "status": "deleted"}
        case _:
            assert_never(state)


class ListShortlists(Request):
    """A page, newest first."""

    page_size: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: Annotated[str, Field(max_length=2000)] = ""


async def list_shortlists(request: ListShortlists, reads: Reads) -> Document:
    page = Page(sort=(("created_at", False),), limit=request.page_size)
    found, cursor = await reads.views.page("shortlists", of_team(reads.actor), page, request.cursor)
    names = ("brand_id", "name", "created_at", "version")
    shown = [
        {"shortlist_id": doc["id"], **{name: doc[name] for name in names}, "creator_count": len(doc["creators"])}
        for doc in found
    ]
    return {"shortlists": shown, "next_cursor": cursor}


def of_team(actor: Actor) -> dict[str, Any]:
    """What of a list of brands' things someone may see: the own brand's; everything for operators."""
    return {} if actor.role is Role.OPERATOR else {"brand_id": actor.party or "nobody"}
