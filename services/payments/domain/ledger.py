"""The ledger: double entry, append-only. A posting takes from one account what it gives another: sums are zero by form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from libs.events.catalog.values import BrandId, ContractId, CreatorId, Money, Posting

WORLD_DEPOSITS = "world:deposits"
"""Where money comes from: the only account that may be below zero."""
PLATFORM_FEES = "platform:fees"

Balances = Mapping[tuple[str, str], int]
"""(account, currency) -> minor units."""


def brand_cash(brand_id: BrandId) -> str:
    return f"brand:{brand_id}:cash"


def contract_held(contract_id: ContractId) -> str:
    return f"contract:{contract_id}:held"


def creator_available(creator_id: CreatorId) -> str:
    return f"creator:{creator_id}:available"


def postings(*legs: tuple[str, str, Money]) -> tuple[Posting, ...]:
    """(debit, credit, amount) each; a leg that moves nothing is left out."""
    return tuple(Posting(debit=debit, credit=credit, amount=amount) for debit, credit, amount in legs if amount.amount)


def balances(entries: Iterable[Posting]) -> Balances:
    """What is on each account after these postings."""
    sums = Counter[tuple[str, str]]()
    for entry in entries:
        sums[entry.debit, entry.amount.currency] -= entry.amount.amount
        sums[entry.credit, entry.amount.currency] += entry.amount.amount
    return sums


def change(account: str, entries: Iterable[Posting]) -> dict[str, int]:
    """Currency -> by how much these postings change an account."""
    return {currency: amount for (name, currency), amount in balances(entries).items() if name == account}
