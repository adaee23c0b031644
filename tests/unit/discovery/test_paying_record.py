"""How fast a brand pays: days from a contract's last post to the creator's money."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from libs.chassis.rpcs import Reads
from libs.events.catalog.campaigns import BrandRegistered, ContentPosted, ContractFulfilled, ContractTerminated
from libs.events.catalog.values import Money, Platform
from libs.events.decider import Kind, Refusal
from libs.events.envelope import Recorded
from libs.events.ids import derive
from libs.events.memory import ManualClock, MemoryCommitLog
from libs.events.registry import Event
from libs.events.testing import AT, Numbering, projected
from services.discovery.paying_records import GetPayingRecord, get_paying_record
from services.discovery.projections import MOST_PAYMENTS, paying_records
from tests.unit.discovery.examples import ANA, AS_BRAND
from tests.unit.read_models import views_of

BRAND, CAMPAIGN = "brd_glow000000", "cmp_glow000000"
NO_MONEY = Money(amount=0, currency="EUR")
registered = BrandRegistered(brand_id=BRAND, name="Glow", website="https://glow.example")


def deal(number: int = 1) -> dict[str, Any]:
    return {"contract_id": f"ctr_glow{number:06}", "campaign_id": CAMPAIGN, "brand_id": BRAND, "creator_id": ANA}


def posted(number: int = 1) -> ContentPosted:
    which = {"deliverable_id": "dlv_glow000000", "post_id": "pst_glow000000", "platform": Platform.TIKTOK}
    return ContentPosted(**deal(number), **which, url="https://t.example/1", caption="#ad", posted_at=AT)


def terminated(number: int = 1) -> ContractTerminated:
    why = {"stage": "active", "reason": "agreed", "fee": NO_MONEY, "kill_fee": NO_MONEY}
    return ContractTerminated(**deal(number), engagement_id=derive("eng", f"ctr_glow{number:06}"), **why)


def history(*told: tuple[float, Event]) -> list[Recorded[Any]]:
    """Events, each so many days after the first."""
    return [Numbering(AT + timedelta(days=days))(event) for days, event in told]


async def record(*told: tuple[float, Event]) -> Any:
    clock = ManualClock(AT)
    reads = Reads(AS_BRAND, await views_of(clock, {paying_records: history((0, registered), *told)}), MemoryCommitLog(), clock)
    return await get_paying_record(GetPayingRecord(brand_id=BRAND), reads)


async def test_a_brand_that_has_paid_nobody_yet_has_an_empty_record() -> None:
    empty = {"brand_id": BRAND, "payments": 0, "median_days_to_pay": None, "evidence": []}
    assert await record() == empty
    assert await record((1, posted()), (3, terminated())) == empty


async def test_days_count_from_the_contracts_last_post_and_their_median_is_told() -> None:
    told = await record(
        *((0, posted(1)), (2, posted(1)), (3, ContractFulfilled(**deal(1)))),
        *((0, posted(2)), (10, ContractFulfilled(**deal(2)))),
        *((5, posted(3)), (7, ContractFulfilled(**deal(3)))),
    )
    assert (told["payments"], told["median_days_to_pay"]) == (3, 2)
    assert [one["days"] for one in told["evidence"]] == [10, 2, 1], "the newest first"


async def test_only_the_newest_payments_are_told() -> None:
    many = [(float(n), event) for n in range(MOST_PAYMENTS + 5) for event in (posted(n), ContractFulfilled(**deal(n)))]
    told = await record(*many)
    assert (told["payments"], len(told["evidence"]), told["median_days_to_pay"]) == (MOST_PAYMENTS + 5, MOST_PAYMENTS, 0)


async def test_a_brand_that_nobody_knows_has_no_record() -> None:
    clock = ManualClock(AT)
    reads = Reads(AS_BRAND, await views_of(clock, {paying_records: ()}), MemoryCommitLog(), clock)
    with pytest.raises(Refusal) as refused:
        await get_paying_record(GetPayingRecord(brand_id=BRAND), reads)
    assert refused.value.kind is Kind.NOT_FOUND


def test_contracts_may_be_told_of_in_any_order() -> None:
    """They lie in several partitions; the facts of one stay in their order."""
    one = history((0, posted(1)), (3, ContractFulfilled(**deal(1))))
    other = history((1, posted(2)), (2, ContractFulfilled(**deal(2))))
    begun = history((0, registered))
    assert projected(paying_records, *begun, *one, *other) == projected(paying_records, *other, *begun, *one)
