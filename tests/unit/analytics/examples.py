"""What the analytics specifications speak of."""

from datetime import datetime, timedelta
from typing import Any

from libs.events.catalog.analytics import ConversionRecorded, ConversionReversed, MetricsReported, PostTracked
from libs.events.catalog.campaigns import CampaignLaunched
from libs.events.catalog.payments import PaymentReleased, RefundIssued
from libs.events.catalog.values import CampaignMode, Metrics, MetricsSource, Money, Objective, Platform, Schedule
from libs.events.decider import Actor, Role
from libs.events.ids import derive
from libs.events.testing import AT

POSTED = AT - timedelta(days=2)
CAMPAIGN, BRAND, CREATOR = "cmp_0000000001spring", "brd_0000000001acme", "crt_0000000001ana"
CONTRACT, PAYMENT = "ctr_0000000001deal", "pay_0000000001deal"
POST, OTHER_POST = "pst_0000000001one", "pst_0000000001two"
ACME, ANA = Actor("acme", Role.BRAND, BRAND), Actor("ana", Role.CREATOR, CREATOR)
RIVAL, BEA = Actor("rival", Role.BRAND, "brd_0000000002rival"), Actor("bea", Role.CREATOR, "crt_0000000002bea")
OF_POST: dict[str, Any] = {"post_id": POST, "campaign_id": CAMPAIGN, "brand_id": BRAND, "creator_id": CREATOR}
OF_PAYMENT = {
    "payment_id": PAYMENT,
    "contract_id": CONTRACT,
    "campaign_id": CAMPAIGN,
    "brand_id": BRAND,
    "creator_id": CREATOR,
}


def eur(amount: int) -> Money:
    return Money(amount=amount, currency="EUR")


def hours(number: float) -> datetime:
    """After the post went out."""
    return POSTED + timedelta(hours=number)


launched = CampaignLaunched(
    campaign_id=CAMPAIGN,
    brand_id=BRAND,
    name="Spring",
    objective=Objective.CONVERSIONS,
    mode=CampaignMode.OPEN,
    budget=eur(500_000),
    schedule=Schedule(starts_at=POSTED, ends_at=POSTED + timedelta(days=30)),
)


def tracked(post_id: str = POST, url: str = "https://tiktok.example/1", posted_at: datetime = POSTED) -> PostTracked:
    fields = {**OF_POST, "post_id": post_id, "contract_id": CONTRACT, "platform": Platform.TIKTOK}
    return PostTracked(**fields, url=url, posted_at=posted_at)


def reported(
    at: datetime,
    *,
    post_id: str = POST,
    source: MetricsSource = MetricsSource.PLATFORM_API,
    paid: Metrics | None = None,
    **counts: int | None,
) -> MetricsReported:
    fields = {**OF_POST, "post_id": post_id, "captured_at": at, "source": source}
    return MetricsReported(**fields, organic=Metrics(**counts), paid=paid)


def sold(order: str, value: Money, post_id: str = POST) -> ConversionRecorded:
    fields = {**OF_POST, "post_id": post_id, "order_id": order, "value": value, "occurred_at": hours(1)}
    return ConversionRecorded(**fields, conversion_id=derive("cnv", post_id, order))


def taken_back(order: str, value: Money, post_id: str = POST) -> ConversionReversed:
    return ConversionReversed(
        conversion_id=derive("cnv", post_id, order), post_id=post_id, campaign_id=CAMPAIGN, value=value, reason="returned"
    )


def released(creator: int, fee: int) -> PaymentReleased:
    amounts = {"amount": eur(creator + fee), "creator_amount": eur(creator), "platform_fee": eur(fee)}
    return PaymentReleased(**OF_PAYMENT, **amounts, provider="sandbox", provider_reference="t", postings=())


def refunded(kill_fee: int) -> RefundIssued:
    return RefundIssued(**OF_PAYMENT, amount=eur(1_000), kill_fee=eur(kill_fee), postings=())
