"""A brand's shortlist: creators that it keeps in view, with notes, shared by its team."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias, assert_never

from libs.events.catalog.discovery import CreatorShortlisted, CreatorUnlisted, ShortlistCreated, ShortlistDeleted
from libs.events.catalog.values import BrandId, CreatorId, Label, ShortlistId, Text
from libs.events.decider import Command, Decider, Decision, Refusal, illegal, not_found
from services.discovery.domain.team import brand_of

MOST_CREATORS = 500


# --- State -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Absent:
    """No such shortlist yet."""


@dataclass(frozen=True, slots=True)
class Open:
    """`notes`: of each creator on it, in the order in which they were added."""

    brand_id: BrandId
    name: str
    notes: Mapping[CreatorId, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Deleted:
    """Gone, for its brand as for others."""

    brand_id: BrandId


Shortlist: TypeAlias = Absent | Open | Deleted


# --- Commands --------------------------------------------------------------------------------------------------------


class CreateShortlist(Command):
    """Begin a list."""

    shortlist_id: ShortlistId
    name: Label


class AddToShortlist(Command):
    """Put a creator on the list, or change its note. `creator_joined` is stamped on: it stands in the creator's own stream."""

    shortlist_id: ShortlistId
    creator_id: CreatorId
    note: Text = ""
    creator_joined: bool = False


class RemoveFromShortlist(Command):
    """Take a creator off the list. One that is not on it changes nothing."""

    shortlist_id: ShortlistId
    creator_id: CreatorId


class DeleteShortlist(Command):
    """Throw the list away."""

    shortlist_id: ShortlistId


ShortlistCommand: TypeAlias = CreateShortlist | AddToShortlist | RemoveFromShortlist | DeleteShortlist
ShortlistEvent: TypeAlias = ShortlistCreated | CreatorShortlisted | CreatorUnlisted | ShortlistDeleted


# --- Rules -----------------------------------------------------------------------------------------------------------


def decide(command: ShortlistCommand, state: Shortlist) -> Decision:
    match command, state:
        case CreateShortlist(shortlist_id=id, name=name), Absent():
            return [ShortlistCreated(shortlist_id=id, brand_id=brand_of(command.actor), name=name)]
        case AddToShortlist(), Open():
            return _add(command, state)
        case RemoveFromShortlist(shortlist_id=id, creator_id=creator), Open(brand_id=brand, notes=notes):
            return [CreatorUnlisted(shortlist_id=id, brand_id=brand, creator_id=creator)] if creator in notes else []
        case DeleteShortlist(shortlist_id=id), Open(brand_id=brand):
            return [ShortlistDeleted(shortlist_id=id, brand_id=brand)]
        case _:
            raise illegal(command, state)


def _add(command: AddToShortlist, state: Open) -> Decision:
    creator = command.creator_id
    if state.notes.get(creator) == command.note:
        return []
    if creator not in state.notes and not command.creator_joined:
        raise not_found("creator")
    if creator not in state.notes and len(state.notes) >= MOST_CREATORS:
        raise Refusal("SHORTLIST_FULL", f"a shortlist holds at most {MOST_CREATORS} creators", most=MOST_CREATORS)
    return [
        CreatorShortlisted(shortlist_id=command.shortlist_id, brand_id=state.brand_id, creator_id=creator, note=command.note)
    ]


def evolve(state: Shortlist, event: ShortlistEvent) -> Shortlist:
    if isinstance(event, ShortlistCreated):
        return Open(event.brand_id, event.name)
    assert isinstance(state, Open), f"{event.type} cannot be a shortlist's first event"
    match event:
        case CreatorShortlisted(creator_id=creator, note=note):
            return replace(state, notes={**state.notes, creator: note})
        case CreatorUnlisted(creator_id=creator):
            return replace(state, notes={other: note for other, note in state.notes.items() if other != creator})
        case ShortlistDeleted(brand_id=brand):
            return Deleted(brand)
        case _:
            assert_never(event)


LEGAL: Mapping[type[Shortlist], tuple[type[Command], ...]] = {
    Absent: (CreateShortlist,),
    Open: (AddToShortlist, RemoveFromShortlist, DeleteShortlist),
    Deleted: (),
}


def owners(state: Shortlist) -> frozenset[str] | None:
    """The brand's team; of a deleted one nobody."""
    match state:
        case Absent():
            return None
        case Open(brand_id=brand):
            return frozenset({brand})
        case Deleted():
            return frozenset()
        case _:
            assert_never(state)


shortlist: Decider[ShortlistCommand, Shortlist, ShortlistEvent] = Decider(
    "shortlist", "lst", Absent(), decide, evolve, commands=ShortlistCommand, legal=LEGAL, owners=owners
)
