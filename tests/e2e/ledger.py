"""What must be true of the money: it is neither made nor lost, and nothing is done with it twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from libs.events.envelope import Commit
from libs.events.ports import Stored

ENDS = frozenset({"PaymentReleased", "RefundIssued", "PaymentCancelled"})
"""Of which a payment has one."""
ONCE_PER_PAYMENT = ENDS | {"FundsReserved", "FundsHeld", "ReservationSpent", "ReservationReturned"}
ONCE_PER_DEPOSIT = frozenset({"DepositRequested", "FundsDeposited", "DepositFailed"})


def adds_up(commits: Sequence[Commit]) -> None:
    """Double entry: what left one account reached another, and no account but the world's is below zero at any time."""
    balances: Counter[str] = Counter()
    for commit in commits:
        for event in commit.events:
            touched = set()
            for posting in event.data.get("postings", ()):
                assert posting["amount"]["amount"] > 0
                balances[posting["debit"]] -= posting["amount"]["amount"]
                balances[posting["credit"]] += posting["amount"]["amount"]
                touched |= {posting["debit"], posting["credit"]}
            below = {name: balances[name] for name in touched if balances[name] < 0 and not name.startswith("world:")}
            assert not below, f"after position {commit.position}: {below}"
    assert sum(balances.values()) == 0


def moved_once(commits: Sequence[Commit]) -> None:
    """Nothing was deposited, reserved, held, released or refunded twice, and what was released was not refunded."""
    counted: Counter[tuple[str, str]] = Counter()
    ends: Counter[str] = Counter()
    for kind, data in _facts(commits):
        if kind in ONCE_PER_PAYMENT:
            counted[kind, data["payment_id"]] += 1
        if kind in ONCE_PER_DEPOSIT:
            counted[kind, data["deposit_id"]] += 1
        if kind in ENDS:
            ends[data["payment_id"]] += 1
    assert not [(what, times) for what, times in counted.items() if times > 1]
    assert not [(payment, times) for payment, times in ends.items() if times > 1], "ended twice"


def provider_agrees(commits: Sequence[Commit], effects: Iterable[Stored]) -> None:
    """What the sandbox did is what the ledger says that it did: one effect per intent, none without one."""
    done: Counter[tuple[str, str]] = Counter()
    for effect in effects:
        request, outcome = effect.body["request"], effect.body["outcome"]
        if outcome is not None and "reference" in outcome:
            done[request["kind"], request["party"]] += request["amount"]["amount"]
    told: Counter[tuple[str, str]] = Counter()
    for kind, data in _facts(commits):
        if kind == "FundsDeposited":
            told["charge", data["brand_id"]] += data["amount"]["amount"]
        if kind == "PaymentReleased":
            told["transfer", data["creator_id"]] += data["creator_amount"]["amount"]
    assert done == told, f"only one of both has: {sorted({*done.items()} ^ {*told.items()})[:5]}"


def _facts(commits: Sequence[Commit]) -> Iterator[tuple[str, dict[str, Any]]]:
    for commit in commits:
        for event in commit.events:
            yield event.type.rpartition(".")[2], dict(event.data)
