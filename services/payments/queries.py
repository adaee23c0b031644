"""Answers of payments: resources of the aggregates, and lists from the read models."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from libs.chassis.rpcs import Reads, Request
from libs.events.catalog.values import BrandId, CampaignId, ContractId, Money, Posting
from libs.events.decider import Actor, Role, not_found
from libs.events.envelope import recorded
from libs.events.ports import Document, Page
from services.payments.domain.account import Account, Deposit, InUse, account
from services.payments.domain.ledger import brand_cash, change, creator_available
from services.payments.domain.payment import (
    Absent,
    Cancelled,
    Held,
    OutcomeUnknown,
    Payment,
    Refunded,
    Released,
    ReleaseRefused,
    Releasing,
    Requested,
)

PAGE = 50
"""Documents of a page whose size was left open."""

# --- Resources -------------------------------------------------------------------------------------------------------

STATUS: dict[type[Payment], str] = {
    Requested: "requested",
    Held: "held",
    Releasing: "releasing",
    OutcomeUnknown: "outcome_unknown",
    ReleaseRefused: "release_refused",
    Released: "released",
    Refunded: "refunded",
    Cancelled: "cancelled",
}


def show_payment(id: str, state: Payment) -> Document:
    if isinstance(state, Absent):
        raise not_found("payment")
    shown: Document = {**state.deal.ids(), "amount": state.deal.amount.model_dump(), "status": STATUS[type(state)]}
    match state:
        case Releasing(_, transfer) | OutcomeUnknown(_, transfer) | ReleaseRefused(_, transfer) | Released(_, transfer):
            split = {name: amount.model_dump() for name, amount in transfer.split._asdict().items()}
            shown |= {**split, "attempt": transfer.attempt}
    match state:
        case ReleaseRefused(reason=reason):
            shown["failure"] = reason
        case Released(reference=reference):
            shown["provider_reference"] = reference
        case Refunded(refund=refund, kill_fee=kill_fee):
            shown |= {"refunded": refund.model_dump(), "kill_fee": kill_fee.model_dump()}
    return shown


def show_account(id: str, state: Account) -> Document:
    """A brand's account. Amounts by currency: one line each."""
    if not isinstance(state, InUse):
        return {"account_id": id, "balances": [], "deposits": []}
    currencies = sorted(
        {*state.available, *(m.currency for m in state.reserved.values()), *(w.amount.currency for w in state.queue)}
    )
    return {
        "account_id": id,
        "balances": [
            {
                "currency": currency,
                "available": state.available.get(currency, 0),
                "reserved": sum(m.amount for m in state.reserved.values() if m.currency == currency),
                "queued": state.queued(currency),
            }
            for currency in currencies
        ],
        "deposits": [_deposit(deposit) for deposit in (*state.settled, *state.pending.values())],
    }


def _deposit(deposit: Deposit) -> Document:
    shown: Document = {
        "deposit_id": deposit.deposit_id,
        "amount": deposit.amount.model_dump(),
        "status": deposit.status,
    }
    return {**shown, "failure": deposit.reason} if deposit.reason else shown


# --- Queries ---------------------------------------------------------------------------------------------------------

AccountId = Annotated[str, StringConstraints(pattern=r"^(brd|crt)_[0-9a-z]{10,40}$")]
PageSize = Annotated[int, Field(ge=0, le=200)]
Cursor = Annotated[str, StringConstraints(max_length=2000)]


class GetAccount(Request):
    account_id: AccountId


class ListEntries(Request):
    account_id: AccountId
    page_size: PageSize = 0
    cursor: Cursor = ""


class ListPayments(Request):
    """Only an operator may leave out whose payments; a party sees its own."""

    brand_id: BrandId | Literal[""] = ""
    campaign_id: CampaignId | Literal[""] = ""
    contract_id: ContractId | Literal[""] = ""
    status: Annotated[str, StringConstraints(max_length=40)] = ""
    page_size: PageSize = 0
    cursor: Cursor = ""


async def get_account(request: GetAccount, reads: Reads) -> Document:
    """A brand's account is its aggregate, strongly consistent: cash is decided on there. A creator's is the ledger's sum."""
    _own(request.account_id, reads.actor)
    if request.account_id.startswith("brd_"):
        return await _brand_account(request.account_id, reads)
    found = await reads.views.one("creator_accounts", request.account_id) or {"available": {}, "entries": 0}
    balances = [{"currency": currency, "available": amount} for currency, amount in sorted(found["available"].items())]
    return {"account_id": request.account_id, "balances": balances, "deposits": [], "version": found["entries"]}


async def _brand_account(brand_id: str, reads: Reads) -> Document:
    commits = await reads.log.stream(brand_id)
    events: list[Any] = [event.data for commit in commits for event in recorded(commit, "payments")]
    return {**show_account(brand_id, account.fold(events)), "version": commits[-1].last if commits else 0}


async def list_entries(request: ListEntries, reads: Reads) -> Document:
    """Newest first; `change` is how an entry changed the account asked for."""
    _own(request.account_id, reads.actor)
    name = _ledger_account(request.account_id)
    page = Page(sort=(("at", False), ("position", False)), limit=request.page_size or PAGE)
    found, cursor = await reads.views.page("entries", {"accounts": name}, page, request.cursor)
    return {"entries": [_entry(doc, name) for doc in found], "next_cursor": cursor}


def _entry(doc: Document, account: str) -> Document:
    changes = change(account, [Posting.model_validate(posting) for posting in doc["postings"]])
    known = {name: doc[name] for name in ("deposit_id", "payment_id", "contract_id", "campaign_id") if doc[name] is not None}
    (currency, amount), *_ = changes.items()
    return {
        "entry_id": doc["id"],
        "kind": doc["kind"],
        "at": doc["at"],
        "change": Money(amount=amount, currency=currency).model_dump(),
        "postings": doc["postings"],
        **known,
    }


async def list_payments(request: ListPayments, reads: Reads) -> Document:
    where = {name: value for name in ("brand_id", "campaign_id", "contract_id", "status") if (value := getattr(request, name))}
    where |= _own_payments(reads.actor)
    page = Page(sort=(("requested_at", False),), limit=request.page_size or PAGE)
    found, cursor = await reads.views.page("payments", where, page, request.cursor)
    return {"payments": [_listed(doc) for doc in found], "next_cursor": cursor}


def _listed(doc: Document) -> Document:
    return {name: value for name, value in doc.items() if value is not None and name not in ("id", "requested_at")}


def _own(account_id: str, actor: Actor) -> None:
    if actor.role in (Role.CREATOR, Role.BRAND) and actor.party != account_id:
        raise not_found("account")


def _own_payments(actor: Actor) -> Document:
    match actor.role:
        case Role.BRAND:
            return {"brand_id": actor.party}
        case Role.CREATOR:
            return {"creator_id": actor.party}
        case _:
            return {}


def _ledger_account(account_id: str) -> str:
    return brand_cash(account_id) if account_id.startswith("brd_") else creator_available(account_id)
