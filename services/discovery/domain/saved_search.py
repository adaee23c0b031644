"""A brand's saved search: criteria whose new matches it wants to hear of, shared by its team."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias, assert_never

from libs.events.catalog.discovery import SavedSearchDeleted, SavedSearchMatched, SearchSaved
from libs.events.catalog.values import BrandId, Count, CreatorId, Label, SavedSearchId
from libs.events.decider import Command, Decider, Decision, Refusal, illegal
from services.discovery.domain.criteria import Criteria, Entry
from services.discovery.domain.team import brand_of

MOST_SAVED = 100
"""Searches that a brand keeps. A bound of cost, not an invariant: it is counted in the read model, so that several saved in the
same moment may pass it."""
MOST_REMEMBERED = 100
"""Matches that are shown, the newest."""


# --- State -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Absent:
    """No such search yet."""


@dataclass(frozen=True, slots=True)
class Match:
    """By which event a creator came to match."""

    creator_id: CreatorId
    source_event_id: str


@dataclass(frozen=True, slots=True)
class Saved:
    """`matches`: the newest, oldest first; `matched`: how many there were in all."""

    brand_id: BrandId
    name: str
    criteria: Criteria
    matches: tuple[Match, ...] = ()
    matched: int = 0


@dataclass(frozen=True, slots=True)
class Deleted:
    """Gone, for its brand as for others."""

    brand_id: BrandId


SavedSearch: TypeAlias = Absent | Saved | Deleted


# --- Commands --------------------------------------------------------------------------------------------------------


class SaveSearch(Command):
    """Be told of creators that newly match. `kept` is stamped on: how many searches the brand has."""

    saved_search_id: SavedSearchId
    name: Label
    criteria: Criteria
    kept: Count = 0


class RecordMatch(Command):
    """A creator that did not match does now; sent for the event that made it so."""

    saved_search_id: SavedSearchId
    creator_id: CreatorId
    source_event_id: Label


class DeleteSavedSearch(Command):
    """Be told of no more."""

    saved_search_id: SavedSearchId


SavedSearchCommand: TypeAlias = SaveSearch | RecordMatch | DeleteSavedSearch
SavedSearchEvent: TypeAlias = SearchSaved | SavedSearchMatched | SavedSearchDeleted


# --- Rules -----------------------------------------------------------------------------------------------------------


def decide(command: SavedSearchCommand, state: SavedSearch) -> Decision:
    match command, state:
        case SaveSearch(), Absent():
            return [_save(command)]
        case RecordMatch(saved_search_id=id, creator_id=creator, source_event_id=source), Saved(brand_id=brand, matches=known):
            told = SavedSearchMatched(saved_search_id=id, brand_id=brand, creator_id=creator, source_event_id=source)
            return [] if Match(creator, source) in known else [told]
        case RecordMatch(), Absent() | Deleted():
            return []  # it was deleted meanwhile
        case DeleteSavedSearch(saved_search_id=id), Saved(brand_id=brand):
            return [SavedSearchDeleted(saved_search_id=id, brand_id=brand)]
        case _:
            raise illegal(command, state)


def _save(command: SaveSearch) -> SearchSaved:
    brand = brand_of(command.actor)
    command.criteria.check()
    if command.kept >= MOST_SAVED:
        said = f"a brand keeps at most {MOST_SAVED} searches: delete one"
        raise Refusal("TOO_MANY_SAVED_SEARCHES", said, most=MOST_SAVED)
    asked = command.criteria.model_dump(mode="json", exclude_defaults=True)
    return SearchSaved(saved_search_id=command.saved_search_id, brand_id=brand, name=command.name, criteria=asked)


def evolve(state: SavedSearch, event: SavedSearchEvent) -> SavedSearch:
    if isinstance(event, SearchSaved):
        return Saved(event.brand_id, event.name, Criteria.model_validate(event.criteria))
    assert isinstance(state, Saved), f"{event.type} cannot be a saved search's first event"
    match event:
        case SavedSearchMatched(creator_id=creator, source_event_id=source):
            matches = (*state.matches, Match(creator, source))[-MOST_REMEMBERED:]
            return replace(state, matches=matches, matched=state.matched + 1)
        case SavedSearchDeleted(brand_id=brand):
            return Deleted(brand)
        case _:
            assert_never(event)


LEGAL: Mapping[type[SavedSearch], tuple[type[Command], ...]] = {
    Absent: (SaveSearch,),
    Saved: (RecordMatch, DeleteSavedSearch),
    Deleted: (),
}


def owners(state: SavedSearch) -> frozenset[str] | None:
    """The brand's team; of a deleted one nobody."""
    match state:
        case Absent():
            return None
        case Saved(brand_id=brand):
            return frozenset({brand})
        case Deleted():
            return frozenset()
        case _:
            assert_never(state)


saved_search: Decider[SavedSearchCommand, SavedSearch, SavedSearchEvent] = Decider(
    "saved_search", "srh", Absent(), decide, evolve, commands=SavedSearchCommand, legal=LEGAL, owners=owners
)


# --- Which searches to ask about a creator -----------------------------------------------------------------------------

ANYONE = "any"


def anchors(criteria: Criteria) -> tuple[str, ...]:
    """Whoever matches has at least one of these traits: by them the searches that a creator may match are found, and no other
    is looked at."""
    for name, values in (
        ("niche", criteria.all_niches[:1]),
        ("niche", criteria.niches),
        ("country", criteria.countries),
        ("language", criteria.languages),
        ("platform", criteria.platforms),
        ("badge", criteria.badges[:1]),
    ):
        if values:
            return tuple(f"{name}:{value}" for value in values)
    return (ANYONE,)


def traits(entry: Entry) -> Iterator[str]:
    """Of a creator: see `anchors`."""
    yield ANYONE
    yield f"country:{entry['country']}"
    yield from (f"niche:{niche}" for niche in entry["niches"])
    yield from (f"language:{language}" for language in entry["languages"])
    yield from (f"platform:{account['platform']}" for account in entry["accounts"])
    yield from (f"badge:{badge}" for badge in entry["badges"])
