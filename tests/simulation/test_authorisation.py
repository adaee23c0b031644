"""Who may call what, cell by cell, while the story of `limelight demo` goes on: what one may not see is not there, in every
state that a deal goes through."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from cli.story import Deal, Silent
from cli.story.plot import perform
from libs.events.ids import compose, derive
from libs.events.memory import SeededIds
from libs.events.store import MongoCommitLog
from libs.events.virtual_time import run_virtual
from tests.simulation.authorisation import COMMANDS, METHODS, Cell, Json, Matrix, Things, Told, cells, key
from tests.simulation.marketplace import SERVICES, Marketplace
from tests.simulation.who_may import (
    BY_SIGNATURE,
    CALLERS,
    ITS_BRAND,
    ITS_CREATOR,
    LISTS,
    OTHER_BRAND,
    OTHER_CREATOR,
    ROLES,
    WHO_MAY,
)

CREATORS = 30
ACCEPTED = 25
"""Commands at least that somebody can still send when the story is over."""


@dataclass
class Asked:
    """What was told: at the end of the story in every cell, on the way where someone else's is asked for, by chapter."""

    things: Things
    told: dict[Cell, Told] = field(default_factory=dict)
    by_the_service: dict[Cell, str] = field(default_factory=dict)
    on_the_way: list[tuple[str, Cell, Told]] = field(default_factory=list)
    unsigned: dict[str, Told] = field(default_factory=dict)
    """What each caller was told of a webhook that is not signed."""
    again: dict[Cell, Told] = field(default_factory=dict)
    """What was told when the same was sent once more, under its key."""
    written_again: dict[Cell, int] = field(default_factory=dict)
    """Commits that its sender made by that."""
    written_by_the_refused: int = 0


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Asked:
    return run_virtual(_story(tmp_path_factory.mktemp("issuer")))


async def _story(directory: Path) -> Asked:
    async with Marketplace(directory) as marketplace:
        matrix = Matrix(marketplace, Things({}, {}))
        asked = Asked(matrix.things)
        deal = Deal(marketplace.api, Silent(), marketplace.clock.now, creators=CREATORS)

        async def strangers_ask(chapter: str) -> None:
            if "ana" not in deal.ids:
                return
            await _look(deal, matrix.things)
            for cell in cells():
                if cell.there and cell.expected == "NOT_FOUND" and matrix.things.known(cell):
                    told = await matrix.told(cell)
                    assert told.status >= 300, f"{chapter}: {cell}: {told}"  # what it did would spoil the rest of the story
                    asked.on_the_way.append((chapter, cell, told))

        deal.before = strangers_ask
        await perform(deal)
        await _look(deal, matrix.things)
        written = await _written(marketplace)
        for cell in cells():
            if cell.expected == "answer":
                continue
            asked.told[cell] = await matrix.told(cell)
            asked.by_the_service[cell] = await matrix.told_by_the_service(cell)
        asked.unsigned = {caller: await matrix.told_unsigned(caller) for caller in CALLERS}
        asked.written_by_the_refused = await _written(marketplace) - written
        for cell in cells():
            if cell.expected == "answer":
                asked.told[cell] = await matrix.told(cell, f"key of {cell}")
                if cell.rpc in COMMANDS:
                    written = await _written(marketplace, by=cell)
                    asked.again[cell] = await matrix.told(cell, f"key of {cell}")
                    asked.written_again[cell] = await _written(marketplace, by=cell) - written
        return asked


async def _written(marketplace: Marketplace, by: Cell | None = None) -> int:
    """Commits; `by`: those only that people made in the role of this caller."""
    logs = [MongoCommitLog(marketplace.databases[name], marketplace.clock, SeededIds()) for name in SERVICES]
    commits = [commit for log in logs for commit in await log.read(0, 1_000_000)]
    if by is None:
        return len(commits)
    return sum(commit.meta.input_hash is not None and commit.meta.actor.startswith(ROLES[by.caller]) for commit in commits)


async def _look(deal: Deal, things: Things) -> None:
    """What the deal has come to."""
    if not things.ids:
        await _begin(deal, things)
    ids = deal.ids
    found: dict[str, Any] = {"post_id": ids.get("post"), "payment_id": ids.get("payment")}
    if engagement := ids.get("ana's engagement"):
        found |= {"engagement_id": engagement, "thread_id": derive("thr", engagement)}
        path = f"/v1/threads/{found['thread_id']}"
        thread = await deal.api.until("the thread is open", lambda: deal.api.get(deal.operator, path), _begun)
        found["message_id"] = thread["lastMessageId"]
    if contract_id := ids.get("ana's contract"):
        contract = await deal.api.get(deal.operator, f"/v1/contracts/{contract_id}")
        found |= {"contract_id": contract_id, "terms_hash": contract["termsHash"]}
        found["deliverable_id"] = contract["deliverables"][0]["deliverableId"]
    if post_id := found["post_id"]:
        post = await deal.api.until("the post is tracked", lambda: deal.api.get(deal.operator, f"/v1/posts/{post_id}"))
        found["conversion_id"] = next((one["conversionId"] for one in post["conversions"]), None)
    things.ids |= {name: value for name, value in found.items() if value}


def _begun(thread: Json) -> bool:
    return thread["lastMessageId"] is not None


async def _begin(deal: Deal, things: Things) -> None:
    """Things that the story has no need of, and people who have no part in the deal."""
    api, ids, at = deal.api, deal.ids, deal.now()
    other, young = compose("brd", at, 7), compose("crt", at, 7)
    await api.post(api.person("otto", "brand", other), "/v1/brands", {"name": "Other", "website": "https://other.example"})
    application = {**next(iter(deal.joined.values())), "handle": "young", "age": 15}
    rejected = await api.post(deal.creator(young), "/v1/creators", application)
    assert rejected["status"] == "rejected"
    shortlist = await api.post(deal.brand, "/v1/shortlists", {"name": "Summer"})
    search = await api.post(deal.brand, "/v1/savedSearches", {"name": "Breakfast", "criteria": {"niches": ["cooking"]}})
    contacts = {"legalName": "Ana Ana", "email": "ana@example.com"}
    await api.call("PUT", deal.creator(ids["ana"]), f"/v1/creators/{ids['ana']}/contacts", body=contacts)
    things.ids |= {
        "brand_id": ids["brand"],
        "account_id": ids["brand"],
        "creator_id": ids["ana"],
        "campaign_id": ids["campaign"],
        "shortlist_id": shortlist["shortlistId"],
        "saved_search_id": search["savedSearchId"],
        "offer_version": 1,
    }
    # The other creator is invited to the same campaign, and still has no part in this deal.
    things.people |= {ITS_BRAND: ids["brand"], OTHER_BRAND: other, ITS_CREATOR: ids["ana"], OTHER_CREATOR: ids["caro"]}
    things.others["GetCreator, rejected"] = ({"creator_id": young}, {ITS_CREATOR: young})
    for rpc in ("GetAccount", "ListEntries"):
        things.others[f"{rpc}, a creator's"] = ({"account_id": ids["ana"]}, {})


def test_every_rpc_has_its_line() -> None:
    assert {line.partition(",")[0] for line in WHO_MAY} | BY_SIGNATURE == set(METHODS)


def test_nobody_is_believed_without_a_signature(asked: Asked) -> None:
    assert set(asked.unsigned) == set(CALLERS)
    assert {(told.status, told.code) for told in asked.unsigned.values()} == {(401, "SIGNATURE_MISSING")}


def test_who_is_not_named_is_refused_as_the_table_says(asked: Asked) -> None:
    assert not [f"{cell}: {told}" for cell, told in asked.told.items() if _refused(cell) and told.code != cell.expected]


def test_a_service_refuses_the_same_without_the_gateway(asked: Asked) -> None:
    assert not [f"{cell}: {code}" for cell, code in asked.by_the_service.items() if _refused(cell) and code != cell.expected]


def test_what_is_refused_leaves_no_trace(asked: Asked) -> None:
    assert asked.written_by_the_refused == 0


def test_what_is_anothers_and_what_is_missing_cannot_be_told_apart(asked: Asked) -> None:
    refused = [cell for cell in asked.told if cell.there and _refused(cell) and key(cell.line)]
    assert not [f"{cell}: {asked.told[cell]}" for cell in refused if asked.told[cell] != asked.told[_missing(cell)]]


def test_nor_at_any_time_on_the_way(asked: Asked) -> None:
    assert len({chapter for chapter, _, _ in asked.on_the_way}) >= 7
    wrong = [(chapter, cell, told) for chapter, cell, told in asked.on_the_way if told != asked.told[_missing(cell)]]
    assert not [f"{chapter}: {cell}: {told}" for chapter, cell, told in wrong]


def test_who_is_named_is_answered(asked: Asked) -> None:
    """A command that comes too late in the story is told so: that is an answer, too."""
    named = {cell: told for cell, told in asked.told.items() if cell.expected == "answer"}
    assert not [f"{cell}: {told}" for cell, told in named.items() if told.status not in _answers(cell)]


def test_every_command_is_done_once_under_its_key(asked: Asked) -> None:
    """Trap 4: the header was taken by every route, and ignored by the one that paid. What comes too late in the story is
    refused twice here; the simulation's people send that again, too."""
    assert {cell.rpc for cell in asked.again} == COMMANDS
    assert not [f"{cell}: {written}" for cell, written in asked.written_again.items() if written]
    different = {cell: (asked.told[cell], told) for cell, told in asked.again.items() if told != asked.told[cell]}
    assert not [f"{cell}: {first}, then {then}" for cell, (first, then) in different.items()]
    accepted = {cell.rpc for cell in asked.again if asked.told[cell].status == 200}
    assert len(accepted) >= ACCEPTED
    assert "RequestDeposit" in accepted


def test_a_list_holds_what_is_ones_own(asked: Asked) -> None:
    listed = {cell: told for cell, told in asked.told.items() if cell.rpc in LISTS and cell.expected in ("answer", "another's")}
    assert {cell.expected for cell in listed} == {"answer", "another's"}
    for cell, told in listed.items():
        assert told.status == 200, cell
        assert (asked.things.ids[LISTS[cell.rpc]] in told.said) == (cell.expected == "answer"), cell


def _answers(cell: Cell) -> tuple[int, ...]:
    return (200,) if METHODS[cell.rpc].http[0].verb == "GET" else (200, 409)


def _missing(cell: Cell) -> Cell:
    return Cell(cell.line, cell.caller, there=False)


def _refused(cell: Cell) -> bool:
    return cell.expected not in ("answer", "another's")
