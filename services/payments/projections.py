"""Read models of payments: the ledger's entries, what is on creators' accounts, the list of payments."""

from __future__ import annotations

from typing import Any

from libs.events.catalog.payments import (
    FundsDeposited,
    FundsHeld,
    PaymentCancelled,
    PaymentOutcomeUnknown,
    PaymentReleased,
    PaymentRequested,
    RefundIssued,
    ReleaseApproved,
    ReleaseFailed,
)
from libs.events.envelope import Recorded, iso
from libs.events.ports import Document
from libs.events.projection import projection
from services.payments.domain.ledger import change, creator_available

KINDS: dict[type[Any], str] = {
    FundsDeposited: "deposit",
    FundsHeld: "hold",
    PaymentReleased: "release",
    RefundIssued: "refund",
}
"""Events that move money, and what their entries are called."""


@projection("entries", version=1, of=tuple(KINDS), key=lambda event: event.id, indexes=[("accounts", "at", "position")])
def entries(doc: Document, event: Recorded[Any]) -> Document:
    """One document per journal entry: the postings of one event, found by each account that they touch."""
    moved = event.data
    return {
        "kind": KINDS[type(moved)],
        "at": iso(event.at),
        "position": event.position,
        "accounts": sorted({name for posting in moved.postings for name in (posting.debit, posting.credit)}),
        "postings": [posting.model_dump() for posting in moved.postings],
        "deposit_id": getattr(moved, "deposit_id", None),
        "payment_id": getattr(moved, "payment_id", None),
        "contract_id": getattr(moved, "contract_id", None),
        "campaign_id": getattr(moved, "campaign_id", None),
    }


@projection("creator_accounts", version=1, of=(PaymentReleased, RefundIssued), key="creator_id")
def creator_accounts(doc: Document, event: Recorded[PaymentReleased | RefundIssued]) -> Document:
    """A creator's account as a fold of the ledger's postings: `available` by currency, and how many entries made it."""
    changes = change(creator_available(event.data.creator_id), event.data.postings)
    available = dict(doc.get("available", {}))
    for currency, amount in changes.items():
        available[currency] = available.get(currency, 0) + amount
    return {"available": available, "entries": doc.get("entries", 0) + bool(changes)}


@projection(
    "payments",
    version=1,
    of=(
        PaymentRequested,
        FundsHeld,
        PaymentCancelled,
        ReleaseApproved,
        PaymentOutcomeUnknown,
        ReleaseFailed,
        PaymentReleased,
        RefundIssued,
    ),
    key="payment_id",
    indexes=[("brand_id", "requested_at"), ("creator_id", "requested_at"), ("campaign_id", "requested_at"), ("requested_at",)],
)
def payments(doc: Document, event: Recorded[Any]) -> Document:
    """The same fields as a payment's own resource."""
    return {**doc, **_payment(event), "version": event.version}


def _payment(event: Recorded[Any]) -> Document:
    match event.data:
        case PaymentRequested() as requested:
            return {**requested.model_dump(), "status": "requested", "requested_at": iso(event.at)}
        case FundsHeld():
            return {"status": "held"}
        case PaymentCancelled():
            return {"status": "cancelled"}
        case ReleaseApproved() as approved:
            split = approved.model_dump(include={"creator_amount", "platform_fee", "attempt"})
            return {"status": "releasing", "failure": None, **split}
        case PaymentOutcomeUnknown():
            return {"status": "outcome_unknown"}
        case ReleaseFailed(reason=reason):
            return {"status": "release_refused", "failure": reason}
        case PaymentReleased(provider_reference=reference):
            return {"status": "released", "provider_reference": reference}
        case RefundIssued() as refund:
            gone = {"failure": None, "creator_amount": None, "platform_fee": None, "attempt": None}
            returned = {"refunded": refund.amount.model_dump(), "kill_fee": refund.kill_fee.model_dump()}
            return {"status": "refunded", **returned, **gone}
        case other:
            raise AssertionError(f"not an event of payments: {other}")


PROJECTIONS = (entries, creator_accounts, payments)
