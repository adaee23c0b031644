"""A brand's saved search, and which of them a creator newly matches by an event."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st
from pydantic import ValidationError

from libs.chassis.rpcs import Reads
from libs.events.catalog.discovery import (
    BadgeAwarded,
    BadgeRevoked,
    CreatorErased,
    CreatorProfileUpdated,
    CreatorReinstated,
    CreatorSuspended,
    PerformanceSnapshotRecorded,
    RateCardChanged,
    SavedSearchDeleted,
    SavedSearchMatched,
    SearchSaved,
)
from libs.events.catalog.values import Badge
from libs.events.decider import Actor, Role
from libs.events.envelope import Recorded, recorded
from libs.events.ids import derive
from libs.events.memory import ManualClock, MemoryCommitLog
from libs.events.ports import Document
from libs.events.reactions import Keyed
from libs.events.registry import Event
from libs.events.testing import AT, OPERATOR, check_legal, given, projected, recorded_of, run_virtual
from services.discovery.directory import entry
from services.discovery.domain.criteria import CountRange, Criteria, matches
from services.discovery.domain.saved_search import (
    MOST_REMEMBERED,
    MOST_SAVED,
    Absent,
    DeleteSavedSearch,
    RecordMatch,
    Saved,
    SavedSearch,
    SaveSearch,
    anchors,
    saved_search,
    traits,
)
from services.discovery.percolation import around, percolation
from services.discovery.projections import saved_searches
from services.discovery.saved_searches import (
    ListSavedSearches,
    list_saved_searches,
    show_saved_search,
    with_kept,
)
from tests.unit.discovery.entries import criteria, entries
from tests.unit.discovery.examples import ANA, AS_BRAND, BEA, applied, joined, measured, priced, stored
from tests.unit.read_models import views_of

GLOW, SEARCH = "brd_glow000000", "srh_soap000000"
AS_COLLEAGUE, AS_RIVAL = Actor("gus", Role.BRAND, GLOW), Actor("rita", Role.BRAND, "brd_rival00000")
BEAUTY = Criteria(niches=("beauty",), followers=CountRange(least=10_000))
ASKED = {"niches": ["beauty"], "followers": {"least": 10_000}}


def saved(id: str = SEARCH, brand: str = GLOW, name: str = "Soap", **asked: Any) -> SearchSaved:
    return SearchSaved(saved_search_id=id, brand_id=brand, name=name, criteria=asked or ASKED)


def matched(number: int = 0) -> SavedSearchMatched:
    return SavedSearchMatched(saved_search_id=SEARCH, brand_id=GLOW, creator_id=ANA, source_event_id=f"event-{number}")


def match(number: int = 0) -> RecordMatch:
    return RecordMatch(saved_search_id=SEARCH, creator_id=ANA, source_event_id=f"event-{number}")


def save(asked: Criteria = BEAUTY, kept: int = 0) -> SaveSearch:
    return SaveSearch(saved_search_id=SEARCH, name="Soap", criteria=asked, kept=kept)


deleted = SavedSearchDeleted(saved_search_id=SEARCH, brand_id=GLOW)
delete = DeleteSavedSearch(saved_search_id=SEARCH)

# --- Rules -----------------------------------------------------------------------------------------------------------


def test_a_search_is_saved_as_it_was_asked() -> None:
    after = given(saved_search).when(save(), actor=AS_BRAND).then(saved())
    assert isinstance(after.state, Saved)
    assert after.state.criteria == BEAUTY


@for_all(asked=criteria())
def test_criteria_are_read_as_they_were_saved(asked: Criteria) -> None:
    (event,) = saved_search.judge(save(asked).model_copy(update={"actor": AS_BRAND, "at": AT}), Absent())
    state = saved_search.fold([SearchSaved.model_validate_json(event.model_dump_json())])
    assert isinstance(state, Saved)
    assert state.criteria == asked


def test_an_unknown_word_is_named() -> None:
    given(saved_search).when(save(Criteria(niches=("soap",))), actor=AS_BRAND).then_refused("UNKNOWN_NICHE", unknown=["soap"])


def test_who_acts_for_no_brand_saves_nothing() -> None:
    given(saved_search).when(save(), actor=OPERATOR).then_refused("NOT_A_BRAND")


def test_a_brand_keeps_only_so_many() -> None:
    given(saved_search).when(save(kept=MOST_SAVED - 1), actor=AS_BRAND).then(saved())
    given(saved_search).when(save(kept=MOST_SAVED), actor=AS_BRAND).then_refused("TOO_MANY_SAVED_SEARCHES", most=100)


def test_a_match_is_recorded_once_per_event() -> None:
    given(saved_search, saved()).when(match()).then(matched())
    given(saved_search, saved(), matched()).when(match()).then_nothing()
    given(saved_search, saved(), matched()).when(match(1)).then(matched(1))


def test_the_newest_matches_are_remembered_and_all_are_counted() -> None:
    state = given(saved_search, saved(), *map(matched, range(MOST_REMEMBERED + 5))).state
    shown = show_saved_search(SEARCH, state)
    assert (shown["match_count"], len(shown["matches"])) == (MOST_REMEMBERED + 5, MOST_REMEMBERED)
    assert shown["matches"][0] == {"creator_id": ANA, "source_event_id": f"event-{MOST_REMEMBERED + 4}"}


def test_a_deleted_search_hears_of_nothing_and_is_gone_for_its_brand_too() -> None:
    gone = given(saved_search, saved()).when(delete, actor=AS_COLLEAGUE).then(deleted)
    gone.when(match()).then_nothing()
    gone.when(delete, actor=AS_BRAND).then_refused("NOT_FOUND")
    gone.when(delete, actor=OPERATOR).then_refused("ILLEGAL_TRANSITION", legal=[])
    assert show_saved_search(SEARCH, gone.state) == {"saved_search_id": SEARCH, "brand_id": GLOW, "status": "deleted"}


def test_to_others_it_does_not_exist() -> None:
    given(saved_search, saved()).when(delete, actor=AS_RIVAL).then_refused("NOT_FOUND")
    given(saved_search).when(delete, actor=AS_BRAND).then_refused("NOT_FOUND")


def test_the_legality_table_says_what_decide_does() -> None:
    states: list[SavedSearch] = [Absent(), given(saved_search, saved()).state, given(saved_search, saved(), deleted).state]
    check_legal(saved_search, states, (save(), match(), delete), actor=AS_BRAND, ignored=(RecordMatch,))


@pytest.mark.parametrize("wrong", [{"name": ""}, {"criteria": {"niches": ["beauty"] * 51}}, {"criteria": {"nothing": 1}}])
def test_what_is_saved_is_bounded(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SaveSearch.model_validate({"saved_search_id": SEARCH, "name": "Soap", "criteria": ASKED, **wrong})


# --- Lists -----------------------------------------------------------------------------------------------------------


async def reads(actor: Actor, *events: Event | Recorded[Any]) -> Reads:
    clock = ManualClock(AT)
    return Reads(actor, await views_of(clock, {saved_searches: events}), MemoryCommitLog(), clock)


HISTORY = (
    saved("srh_older00000", name="Older"),
    saved("srh_rival00000", brand="brd_rival00000"),
    *(recorded_of(one, at=AT.replace(hour=15), version=n) for n, one in enumerate((saved(), matched(), matched(1)), start=1)),
    saved("srh_gone000000"),
    SavedSearchDeleted(saved_search_id="srh_gone000000", brand_id=GLOW),
)


async def test_a_team_lists_its_own_newest_first() -> None:
    told = (await list_saved_searches(ListSavedSearches(), await reads(AS_COLLEAGUE, *HISTORY)))["saved_searches"]
    assert [(one["saved_search_id"], one["match_count"], one["version"]) for one in told] == [
        (SEARCH, 2, 3),
        ("srh_older00000", 0, 1),
    ]
    assert told[0]["criteria"] == ASKED


async def test_what_a_brand_keeps_is_counted() -> None:
    assert (await with_kept(save().model_copy(update={"actor": AS_BRAND}), await reads(AS_BRAND, *HISTORY))).kept == 2
    assert (await with_kept(save().model_copy(update={"actor": AS_RIVAL}), await reads(AS_RIVAL, *HISTORY))).kept == 1


# --- By which traits a search is found -----------------------------------------------------------------------------------


@for_all(asked=criteria(), of=entries)
@settings(max_examples=300)
def test_whoever_matches_has_a_trait_by_which_the_search_is_found(asked: Criteria, of: Document) -> None:
    if matches(of, asked, AT):
        assert set(anchors(asked)) & set(traits(of))


# --- New matches -------------------------------------------------------------------------------------------------------


async def told(log: MemoryCommitLog, event: Recorded[Any], *searches: SearchSaved | Recorded[Any]) -> list[str]:
    """Ids of the searches that hear of the event."""
    views = await views_of(ManualClock(AT), {saved_searches: searches or (saved(),)})
    percolate = percolation(log, views)
    assert isinstance(event.data, percolate.to)
    heard = list[str]()
    async for intent in percolate.react(event):  # type: ignore[union-attr]
        assert isinstance(intent, Keyed)
        assert isinstance(intent.command, RecordMatch)
        assert (intent.key, intent.command.creator_id) == (intent.command.saved_search_id, ANA)
        assert intent.command.source_event_id == event.id
        heard.append(intent.key)
    return heard


async def happened(log: MemoryCommitLog, event: Event, stream: str = ANA) -> Recorded[Any]:
    commit = await stored(log, stream, event)
    return next(iter(recorded(commit, "discovery")))


async def test_who_joins_and_matches_is_told_of() -> None:
    log = MemoryCommitLog()
    await stored(log, BEA, applied(creator_id=BEA), joined(creator_id=BEA))
    *_, joins = recorded(await stored(log, ANA, applied(), joined()), "discovery")
    others = (saved("srh_food000000", niches=["food"]), saved("srh_big0000000", followers={"least": 10**6}))
    assert await told(log, joins, saved(), *others) == [SEARCH]


async def test_who_comes_to_match_is_told_of_once() -> None:
    log = MemoryCommitLog()
    await stored(log, ANA, applied(niches=("food",)), joined(niches=("food",)))
    says = {"creator_id": ANA, "name": "Ana", "country": "DE"}
    new = await happened(log, CreatorProfileUpdated(**says, niches=("beauty",)))
    same = await happened(log, CreatorProfileUpdated(**says, niches=("beauty", "food")))
    assert await told(log, new) == [SEARCH], "whatever has happened since"
    assert await told(log, same) == []


async def test_a_badge_can_make_a_creator_match() -> None:
    log, wanted = MemoryCommitLog(), saved(badges=["reliable"])
    await stored(log, ANA, applied(), joined())
    badge = {"creator_id": ANA, "badge": Badge.RELIABLE, "policy_version": 1, "evidence": {}}
    first = await happened(log, BadgeAwarded(**badge), derive("trk", ANA))
    measured_again = await happened(log, PerformanceSnapshotRecorded(creator_id=ANA, performance=measured(AT)))
    gone = await happened(log, BadgeRevoked(**badge), derive("trk", ANA))
    again = await happened(log, BadgeAwarded(**badge), derive("trk", ANA))
    assert [await told(log, event, wanted) for event in (first, measured_again, gone, again)] == [[SEARCH], [], [], [SEARCH]]


async def test_who_is_suspended_or_gone_matches_nothing_and_who_comes_back_matches_anew() -> None:
    log = MemoryCommitLog()
    await stored(log, ANA, applied(), joined())
    suspended = await happened(log, CreatorSuspended(creator_id=ANA, reason="spam"))
    back = await happened(log, CreatorReinstated(creator_id=ANA))
    erased = await happened(log, CreatorErased(creator_id=ANA))
    assert [await told(log, event) for event in (suspended, back, erased)] == [[], [SEARCH], []]


async def test_what_happened_before_a_search_was_saved_it_does_not_hear_of() -> None:
    log = MemoryCommitLog()
    *_, joins = recorded(await stored(log, ANA, applied(), joined()), "discovery")
    assert await told(log, joins, recorded_of(saved(), position=joins.position + 1)) == []


async def test_searches_of_many_brands_are_read_page_by_page() -> None:
    log = MemoryCommitLog()
    *_, joins = recorded(await stored(log, ANA, applied(), joined()), "discovery")
    many = [recorded_of(saved(f"srh_many{n:06}"), position=0) for n in range(450)]
    assert len(await told(log, joins, *many)) == 450


CHANGES: tuple[tuple[Event, str], ...] = (
    (CreatorProfileUpdated(creator_id=ANA, name="Ana", country="FR", niches=("food",)), ANA),
    (CreatorProfileUpdated(creator_id=ANA, name="Ana", country="DE", niches=("beauty",)), ANA),
    (RateCardChanged(creator_id=ANA, rate_card=(priced(),)), ANA),
    (PerformanceSnapshotRecorded(creator_id=ANA, performance=measured(AT, median_views=5)), ANA),
    (CreatorSuspended(creator_id=ANA, reason="?"), ANA),
    (CreatorReinstated(creator_id=ANA), ANA),
    (BadgeAwarded(creator_id=ANA, badge=Badge.RELIABLE, policy_version=1, evidence={"deliveries": 3}), derive("trk", ANA)),
    (BadgeRevoked(creator_id=ANA, badge=Badge.RELIABLE, policy_version=1, evidence={}), derive("trk", ANA)),
)


@for_all(changes=st.lists(st.sampled_from(CHANGES), max_size=12), asked=criteria())
@settings(deadline=None)
def test_percolation_says_what_a_search_of_all_before_and_after_each_event_would(
    changes: list[tuple[Event, str]], asked: Criteria
) -> None:
    async def main() -> None:
        log = MemoryCommitLog()
        first = [*recorded(await stored(log, ANA, applied(), joined()), "discovery")][1]
        events = [first, *[await happened(log, event, stream) for event, stream in changes]]
        wanted = saved().model_copy(update={"criteria": asked.model_dump(mode="json", exclude_defaults=True)})
        before = Document()
        for event in events:
            after = entry(before, event) or {}
            assert await around(log, event) == (before, after)
            newly = matches(after, asked, event.at) and not matches(before, asked, event.at)
            assert await told(log, event, recorded_of(wanted, position=0)) == ([SEARCH] if newly else [])
            before = after

    run_virtual(main())


def test_the_read_model_finds_a_search_by_its_anchors() -> None:
    assert projected(saved_searches, saved())[SEARCH]["anchors"] == ["niche:beauty"]
    assert projected(saved_searches, saved(text="soap"))[SEARCH]["anchors"] == ["any"]
