"""The campaign dashboard's facts. Figures are not stored: they are computed when they are read, by `domain/formulas.py`."""

from __future__ import annotations

from typing import Any

from libs.events.catalog.analytics import ConversionRecorded, ConversionReversed, MetricsReported, PostTracked
from libs.events.catalog.campaigns import CampaignLaunched
from libs.events.catalog.payments import PaymentReleased, RefundIssued
from libs.events.catalog.values import Money
from libs.events.envelope import Recorded, iso
from libs.events.ports import Document
from libs.events.projection import projection
from services.analytics.domain.snapshots import Snapshot

EMPTY: Document = {"brand_id": None, "campaign": None, "posts": {}, "paid": {}, "facts": 0}
"""What a dashboard begins as. `posts` by post id; `paid` by creator id, then currency; `facts` counts the events in it."""

SNAPSHOT = set(Snapshot.model_fields)
"""What a dashboard keeps of a report."""


@projection(
    "campaign_dashboards",
    version=1,
    of=(
        CampaignLaunched,
        PostTracked,
        MetricsReported,
        ConversionRecorded,
        ConversionReversed,
        PaymentReleased,
        RefundIssued,
    ),
    key="campaign_id",
)
def campaign_dashboards(doc: Document, event: Recorded[Any]) -> Document:
    """Events of different services come in any order; whichever names the brand first says whose dashboard it is."""
    known = doc or EMPTY
    brand_id = getattr(event.data, "brand_id", None) or known["brand_id"]
    moment = max(known.get("updated_at", ""), iso(event.at))
    return {**known, **_changed(known, event.data), "brand_id": brand_id, "facts": known["facts"] + 1, "updated_at": moment}


def _changed(doc: Document, fact: Any) -> Document:
    match fact:
        case CampaignLaunched():
            return {"campaign": fact.model_dump(mode="json", include={"name", "objective", "budget", "schedule"})}
        case PostTracked():
            return _post(doc, fact.post_id, _tracked(doc["posts"].get(fact.post_id), fact))
        case MetricsReported():
            return _post(doc, fact.post_id, _measured(doc["posts"][fact.post_id], fact))
        case ConversionRecorded(value=value):
            return _post(doc, fact.post_id, _sold(doc["posts"][fact.post_id], value, 1))
        case ConversionReversed(value=value):
            return _post(doc, fact.post_id, _sold(doc["posts"][fact.post_id], value, -1))
        case PaymentReleased():
            return _paid(doc, fact.creator_id, creator_amount=fact.creator_amount, platform_fee=fact.platform_fee)
        case RefundIssued():
            return _paid(doc, fact.creator_id, kill_fee=fact.kill_fee) if fact.kill_fee.amount else {}
        case _:
            raise AssertionError(f"not a fact of a dashboard: {fact}")


def _post(doc: Document, post_id: str, post: Document) -> Document:
    return {"posts": {**doc["posts"], post_id: post}}


def _tracked(known: Document | None, fact: PostTracked) -> Document:
    """A post that went out anew keeps its numbers and its first date."""
    if known is not None:
        return {**known, "url": fact.url, "platform": fact.platform.value}
    return {
        "creator_id": fact.creator_id,
        "platform": fact.platform.value,
        "url": fact.url,
        "posted_at": iso(fact.posted_at),
        "snapshot": None,
        "snapshots": 0,
        "conversions": None,
        "revenue": {},
    }


def _measured(post: Document, fact: MetricsReported) -> Document:
    counted = {"snapshot": fact.model_dump(mode="json", include=SNAPSHOT)} if _counts(fact, post["snapshot"]) else {}
    return {**post, **counted, "snapshots": post["snapshots"] + 1}


def _counts(fact: MetricsReported, kept: Document | None) -> bool:
    """Whether it outranks the snapshot that is kept. The moment alone decides nearly always, and is compared as text."""
    if kept is None:
        return True
    before, now = kept["captured_at"], iso(fact.captured_at)
    return bool(before < now) if before != now else Snapshot.model_validate(kept).rank() < Snapshot.of(fact).rank()


def _sold(post: Document, value: Money, times: int) -> Document:
    revenue = {**post["revenue"], value.currency: post["revenue"].get(value.currency, 0) + times * value.amount}
    return {**post, "conversions": (post["conversions"] or 0) + times, "revenue": revenue}


def _paid(doc: Document, creator_id: str, **amounts: Money) -> Document:
    of_creator = dict(doc["paid"].get(creator_id, {}))
    for name, money in amounts.items():
        sums = {"creator_amount": 0, "platform_fee": 0, "kill_fee": 0, **of_creator.get(money.currency, {})}
        of_creator[money.currency] = {**sums, name: sums[name] + money.amount}
    return {"paid": {**doc["paid"], creator_id: of_creator}}


PROJECTIONS = (campaign_dashboards,)
