"""A brand's shortlist: shared by its team, unknown to all others."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st
from pydantic import ValidationError

from libs.chassis.rpcs import Reads
from libs.events.catalog.discovery import (
    CreatorShortlisted,
    CreatorSuspended,
    CreatorUnlisted,
    ShortlistCreated,
    ShortlistDeleted,
)
from libs.events.decider import Actor, Role
from libs.events.memory import ManualClock, MemoryCommitLog
from libs.events.registry import Event
from libs.events.testing import AT, OPERATOR, check_legal, given, projected, recorded_of
from services.discovery.domain.shortlist import (
    MOST_CREATORS,
    Absent,
    AddToShortlist,
    CreateShortlist,
    DeleteShortlist,
    Open,
    RemoveFromShortlist,
    shortlist,
)
from services.discovery.projections import shortlists
from services.discovery.shortlists import ListShortlists, list_shortlists, show_shortlist, with_creator
from tests.unit.discovery.examples import ANA, AS_BRAND, BEA, applied, joined, rejected, stored
from tests.unit.read_models import views_of

GLOW, LIST = "brd_glow000000", "lst_summer0000"
AS_COLLEAGUE, AS_RIVAL = Actor("gus", Role.BRAND, GLOW), Actor("rita", Role.BRAND, "brd_rival00000")

created = ShortlistCreated(shortlist_id=LIST, brand_id=GLOW, name="Summer")
deleted = ShortlistDeleted(shortlist_id=LIST, brand_id=GLOW)
create, delete = CreateShortlist(shortlist_id=LIST, name="Summer"), DeleteShortlist(shortlist_id=LIST)


def listed(creator: str = ANA, note: str = "") -> CreatorShortlisted:
    return CreatorShortlisted(shortlist_id=LIST, brand_id=GLOW, creator_id=creator, note=note)


def unlisted(creator: str = ANA) -> CreatorUnlisted:
    return CreatorUnlisted(shortlist_id=LIST, brand_id=GLOW, creator_id=creator)


def add(creator: str = ANA, note: str = "", *, joined: bool = True) -> AddToShortlist:
    return AddToShortlist(shortlist_id=LIST, creator_id=creator, note=note, creator_joined=joined)


def remove(creator: str = ANA) -> RemoveFromShortlist:
    return RemoveFromShortlist(shortlist_id=LIST, creator_id=creator)


def creators(count: int) -> list[str]:
    return [f"crt_many{n:06}" for n in range(count)]


# --- Rules -----------------------------------------------------------------------------------------------------------


def test_a_list_is_its_brands() -> None:
    given(shortlist).when(create, actor=AS_BRAND).then(created)


def test_who_acts_for_no_brand_begins_no_list() -> None:
    for nobody in (OPERATOR, Actor("bob", Role.BRAND), Actor("ana", Role.CREATOR, ANA)):
        given(shortlist).when(create, actor=nobody).then_refused("NOT_A_BRAND")


def test_the_whole_team_keeps_it() -> None:
    given(shortlist, created).when(add(note="Great hooks"), actor=AS_COLLEAGUE).then(listed(note="Great hooks"))


@pytest.mark.parametrize("command", [add(), remove(), delete])
def test_to_others_it_does_not_exist(command: Any) -> None:
    given(shortlist, created, listed()).when(command, actor=AS_RIVAL).then_refused("NOT_FOUND")


def test_a_creator_is_kept_once_and_its_note_may_change() -> None:
    given(shortlist, created, listed(note="?")).when(add(note="?")).then_nothing()
    given(shortlist, created, listed(note="?")).when(add(note="!")).then(listed(note="!"))


def test_only_who_has_joined_is_added() -> None:
    given(shortlist, created).when(add(joined=False)).then_refused("NOT_FOUND")


def test_a_note_on_one_that_has_been_suspended_since_may_change() -> None:
    given(shortlist, created, listed()).when(add(note="Wait", joined=False)).then(listed(note="Wait"))


def test_a_full_list_refuses_another_and_changes_notes() -> None:
    full = given(shortlist, created, *map(listed, creators(MOST_CREATORS)))
    full.when(add()).then_refused("SHORTLIST_FULL", most=500)
    full.when(add(creators(1)[0], "First")).then(listed(creators(1)[0], "First"))


def test_a_creator_is_taken_off_once() -> None:
    given(shortlist, created, listed()).when(remove()).then(unlisted())
    given(shortlist, created).when(remove()).then_nothing()


def test_what_is_deleted_is_gone_for_its_brand_too() -> None:
    gone = given(shortlist, created, listed()).when(delete, actor=AS_BRAND).then(deleted)
    for command in (add(), remove(), delete):
        gone.when(command, actor=AS_BRAND).then_refused("NOT_FOUND")
    gone.when(delete, actor=OPERATOR).then_refused("ILLEGAL_TRANSITION", legal=[])


def test_there_is_no_list_to_add_to_yet() -> None:
    given(shortlist).when(add(), actor=AS_BRAND).then_refused("NOT_FOUND")


def test_the_legality_table_says_what_decide_does() -> None:
    states = [Absent(), given(shortlist, created).state, given(shortlist, created, deleted).state]
    check_legal(shortlist, states, (create, add(), remove(), delete), actor=AS_BRAND)


@pytest.mark.parametrize("wrong", [{"name": ""}, {"name": "x" * 201}])
def test_a_name_is_bounded(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        CreateShortlist(shortlist_id=LIST, **wrong)


@for_all(steps=st.lists(st.tuples(st.sampled_from(creators(4)), st.none() | st.sampled_from(["", "a", "b"])), max_size=30))
def test_a_list_is_the_last_word_on_each_creator(steps: list[tuple[str, str | None]]) -> None:
    """Against a plain dict; and the read model counts the same."""
    events: list[Event] = [created]
    expected = dict[str, str]()
    for creator, note in steps:
        state = shortlist.fold(events)
        command = remove(creator) if note is None else add(creator, note)
        events += shortlist.judge(command.model_copy(update={"actor": AS_BRAND, "at": AT}), state)
        if note is None:
            expected.pop(creator, None)
        else:
            expected[creator] = note
    state = shortlist.fold(events)
    assert isinstance(state, Open)
    assert state.notes == expected
    assert sorted(projected(shortlists, *events)[LIST]["creators"]) == sorted(expected)


# --- What an addition depends on -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("past", "there"),
    [
        ((), False),
        ((applied(), rejected()), False),
        ((applied(), joined()), True),
        ((applied(), joined(), CreatorSuspended(creator_id=ANA, reason="spam")), False),
    ],
)
async def test_whether_a_creator_has_joined_stands_in_its_stream(past: tuple[Event, ...], there: bool) -> None:
    log = MemoryCommitLog()
    if past:
        await stored(log, ANA, *past)
    reads = Reads(AS_BRAND, None, log, ManualClock(AT))  # type: ignore[arg-type]
    assert (await with_creator(add(joined=not there), reads)).creator_joined is there


# --- What is shown -----------------------------------------------------------------------------------------------------


def test_a_list_shows_its_creators_with_notes() -> None:
    shown = show_shortlist(LIST, given(shortlist, created, listed(note="Great hooks"), listed(BEA)).state)
    assert (shown["brand_id"], shown["name"], shown["status"]) == (GLOW, "Summer", "open")
    assert shown["creators"] == [{"creator_id": ANA, "note": "Great hooks"}, {"creator_id": BEA, "note": ""}]


def test_a_deleted_list_shows_nothing_of_what_it_was() -> None:
    assert show_shortlist(LIST, given(shortlist, created, listed(), deleted).state) == {
        "shortlist_id": LIST,
        "brand_id": GLOW,
        "status": "deleted",
    }


async def found(actor: Actor, **asked: Any) -> dict[str, Any]:
    clock, rivals = ManualClock(AT), {"brand_id": AS_RIVAL.party, "name": "Theirs"}
    others = [ShortlistCreated(shortlist_id=f"lst_other{n:05}", brand_id=GLOW, name=f"Other {n}") for n in range(3)]
    events = [
        *(recorded_of(one, at=AT.replace(hour=n)) for n, one in enumerate(others)),
        *(recorded_of(one, version=n) for n, one in enumerate((created, listed(), listed(BEA), listed(note="!")), start=1)),
        recorded_of(ShortlistCreated(shortlist_id="lst_rival00000", **rivals)),
        recorded_of(ShortlistCreated(shortlist_id="lst_gone000000", brand_id=GLOW, name="Gone")),
        recorded_of(ShortlistDeleted(shortlist_id="lst_gone000000", brand_id=GLOW), version=2),
    ]
    reads = Reads(actor, await views_of(clock, {shortlists: events}), MemoryCommitLog(), clock)
    return await list_shortlists(ListShortlists(**asked), reads)


async def test_a_team_lists_its_own_newest_first_and_pages_on() -> None:
    first = await found(AS_COLLEAGUE, page_size=2)
    assert [one["name"] for one in first["shortlists"]] == ["Summer", "Other 2"]
    assert (first["shortlists"][0]["creator_count"], first["shortlists"][0]["version"]) == (2, 4)
    second = await found(AS_COLLEAGUE, page_size=2, cursor=first["next_cursor"])
    assert [one["name"] for one in second["shortlists"]] == ["Other 1", "Other 0"]
    assert second["next_cursor"] == ""


async def test_an_operator_lists_all_and_who_acts_for_no_brand_none() -> None:
    assert len((await found(OPERATOR))["shortlists"]) == 5
    assert (await found(Actor("bob", Role.BRAND)))["shortlists"] == []
