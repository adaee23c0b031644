"""The ledger's read models, and how they are answered."""

from __future__ import annotations

from typing import Any

import pytest

from libs.chassis.rpcs import Reads
from libs.events.catalog.payments import PaymentRequested
from libs.events.decider import Actor, Refusal, Role
from libs.events.memory import ManualClock, MemoryCommitLog
from libs.events.ports import Document, Page, Where
from libs.events.testing import AT, OPERATOR, projected, recorded_of
from services.payments.domain.account import Unused, account
from services.payments.domain.payment import Absent, payment
from services.payments.projections import creator_accounts, entries, payments
from services.payments.queries import (
    GetAccount,
    ListEntries,
    ListPayments,
    get_account,
    list_entries,
    list_payments,
    show_account,
    show_payment,
)
from tests.unit.payments.examples import (
    ANA,
    AVAILABLE,
    BRAND,
    CASH,
    CREATOR,
    HELD,
    OWNER,
    PAYMENT,
    STRANGER,
    approved,
    cancelled,
    deposit_requested,
    deposited,
    eur,
    failed,
    held,
    payment_id,
    queued,
    refunded,
    released,
    requested,
    reserved,
    unknown,
    usd,
)


class FakeViews:
    """Read models by name; remembers what was asked of them."""

    def __init__(self, **documents: dict[str, Document]) -> None:
        self.documents, self.asked = documents, list[tuple[str, Where, Page]]()

    async def one(self, projection: str, id: str) -> Document | None:
        return self.documents[projection].get(id)

    async def page(self, projection: str, where: Where, page: Page, cursor: str = "") -> tuple[list[Document], str]:
        self.asked.append((projection, where, page))
        return [{**doc, "id": key} for key, doc in self.documents[projection].items()], "next"

    async def count(self, projection: str, where: Where) -> int:
        return len(self.documents[projection])


def reads(actor: Actor, **documents: dict[str, Document]) -> Reads:
    return Reads(actor, FakeViews(**documents), MemoryCommitLog(), ManualClock(AT))


# --- Entries and balances ----------------------------------------------------------------------------------------------


def test_an_entry_is_found_by_every_account_that_it_touches():
    [entry] = projected(entries, released).values()
    assert entry["accounts"] == sorted([HELD, AVAILABLE, "platform:fees"])
    assert (entry["kind"], entry["payment_id"], entry["at"]) == ("release", PAYMENT, "2026-11-22T14:00:00.000Z")


def test_each_event_that_moves_money_is_an_entry_of_its_own():
    kinds = [entry["kind"] for entry in projected(entries, deposited(eur(5)), held, refunded(20)).values()]
    assert kinds == ["deposit", "hold", "refund"]


def test_a_creators_balance_is_the_sum_of_its_postings():
    other = released.model_copy(update={"payment_id": payment_id(2)})
    documents = projected(creator_accounts, released, other, refunded(20_000).model_copy(update={"payment_id": payment_id(3)}))
    assert documents == {CREATOR: {"available": {"EUR": 236_000}, "entries": 3}}


def test_a_refund_without_a_kill_fee_gives_the_creator_nothing():
    assert projected(creator_accounts, refunded()) == {CREATOR: {"available": {}, "entries": 0}}


# --- Payments ----------------------------------------------------------------------------------------------------------

HISTORIES: list[tuple[Any, ...]] = [
    (requested,),
    (requested, cancelled),
    (requested, held),
    (requested, held, approved()),
    (requested, held, approved(), unknown()),
    (requested, held, approved(), unknown(), failed()),
    (requested, held, approved(), failed(), approved(attempt=2)),
    (requested, held, approved(), failed(), refunded(20_000)),
    (requested, held, approved(), released),
    (requested, held, refunded()),
]


@pytest.mark.parametrize("history", HISTORIES, ids=lambda h: type(h[-1]).__name__)
async def test_a_listed_payment_says_what_the_payment_itself_says(history: tuple[Any, ...]):
    listed = (await list_payments(ListPayments(), reads(OPERATOR, payments=projected(payments, *history))))["payments"]
    shown = show_payment(PAYMENT, payment.fold(history))
    assert listed == [{**shown, "version": len(history)}]


def test_a_payment_that_does_not_exist_has_no_resource():
    with pytest.raises(Refusal, match="NOT_FOUND"):
        show_payment(PAYMENT, Absent())


@pytest.mark.parametrize(("actor", "own"), [(OWNER, {"brand_id": BRAND}), (ANA, {"creator_id": CREATOR}), (OPERATOR, {})])
async def test_a_party_lists_its_own_payments_whatever_it_asks_for(actor: Actor, own: Document):
    asked = reads(actor, payments={})
    await list_payments(ListPayments(campaign_id="cmp_0000000001spring", status="held", page_size=7), asked)
    [(name, where, page)] = asked.views.asked  # type: ignore[attr-defined]
    assert (name, where) == ("payments", {"campaign_id": "cmp_0000000001spring", "status": "held", **own})
    assert page == Page(sort=(("requested_at", False),), limit=7)


async def test_a_brand_cannot_list_anothers_payments():
    asked = reads(STRANGER, payments={})
    await list_payments(ListPayments(brand_id=BRAND), asked)
    [(_, where, _)] = asked.views.asked  # type: ignore[attr-defined]
    assert where == {"brand_id": STRANGER.party}


# --- Accounts ----------------------------------------------------------------------------------------------------------


def test_a_brands_account_shows_each_currency_and_its_deposits():
    state = account.fold(
        [
            deposit_requested(eur(100)),
            deposited(eur(100)),
            reserved(eur(60)),
            queued(usd(30), usd(30), payment_id(2)),
            deposit_requested(usd(7), "dep_0000000001second"),
        ]
    )
    assert show_account(BRAND, state) == {
        "account_id": BRAND,
        "balances": [
            {"currency": "EUR", "available": 40, "reserved": 60, "queued": 0},
            {"currency": "USD", "available": 0, "reserved": 0, "queued": 30},
        ],
        "deposits": [
            {"deposit_id": "dep_0000000001first", "amount": eur(100).model_dump(), "status": "deposited"},
            {"deposit_id": "dep_0000000001second", "amount": usd(7).model_dump(), "status": "pending"},
        ],
    }


async def test_an_account_that_nothing_happened_to_is_empty():
    empty = {"account_id": BRAND, "balances": [], "deposits": []}
    assert show_account(BRAND, Unused()) == empty
    assert await get_account(GetAccount(account_id=BRAND), reads(OWNER)) == {**empty, "version": 0}
    assert (await get_account(GetAccount(account_id=CREATOR), reads(ANA, creator_accounts={})))["balances"] == []


async def test_a_creators_account_is_the_ledgers_sum():
    documents = projected(creator_accounts, released)
    assert await get_account(GetAccount(account_id=CREATOR), reads(ANA, creator_accounts=documents)) == {
        "account_id": CREATOR,
        "balances": [{"currency": "EUR", "available": 108_000}],
        "deposits": [],
        "version": 1,
    }


@pytest.mark.parametrize("actor", [STRANGER, ANA])
async def test_anothers_account_does_not_exist(actor: Actor):
    with pytest.raises(Refusal, match="NOT_FOUND"):
        await get_account(GetAccount(account_id=BRAND), reads(actor))
    with pytest.raises(Refusal, match="NOT_FOUND"):
        await list_entries(ListEntries(account_id=BRAND), reads(actor, entries={}))


@pytest.mark.parametrize("actor", [OWNER, OPERATOR, Actor("books", Role.DATA)])
async def test_entries_say_how_they_changed_the_account(actor: Actor):
    found = projected(entries, deposited(eur(200_000)), held)
    answer = await list_entries(ListEntries(account_id=BRAND), reads(actor, entries=found))
    assert [entry["change"]["amount"] for entry in answer["entries"]] == [200_000, -120_000]
    assert answer["next_cursor"] == "next"


async def test_entries_are_asked_for_by_ledger_account_newest_first():
    for account_id, name, actor in ((BRAND, CASH, OWNER), (CREATOR, AVAILABLE, ANA)):
        asked = reads(actor, entries={})
        await list_entries(ListEntries(account_id=account_id), asked)
        [(_, where, page)] = asked.views.asked  # type: ignore[attr-defined]
        assert (where, page) == ({"accounts": name}, Page(sort=(("at", False), ("position", False)), limit=50))


def test_a_replayed_payment_is_the_same():
    again = recorded_of(requested, at=AT)
    assert payments.apply(payments.apply({}, again), again) == payments.apply({}, again)
    assert payments.key(again) == PAYMENT == PaymentRequested.model_validate(requested.model_dump()).payment_id
