"""The deal's steps in a thread: which, where and in which words."""

import pytest

from libs.events.catalog import campaigns, payments
from libs.events.catalog.values import Money, Party
from libs.events.ids import derive
from libs.events.registry import Event
from libs.events.testing import AT, reacts, recorded_of
from services.messaging.domain.cards import CARDS, LONGEST, sentence
from services.messaging.domain.thread import PostCard
from services.messaging.domain.wording import spell
from services.messaging.reactions import post_card
from tests.unit.messaging.test_thread import BRAND, CREATOR, DEAL, ENGAGEMENT, THREAD

CONTRACT = derive("ctr", ENGAGEMENT)
OF_CONTRACT = {"contract_id": CONTRACT, "campaign_id": DEAL["campaign_id"], "brand_id": BRAND, "creator_id": CREATOR}


def eur(amount: int) -> Money:
    return Money(amount=amount, currency="EUR")


held = payments.FundsHeld(**OF_CONTRACT, payment_id=derive("pay", CONTRACT), amount=eur(120_000), postings=())
requested = campaigns.ChangesRequested(**OF_CONTRACT, deliverable_id="dlv_0000000001one", round=1, changes="Louder, please.")
declined = campaigns.EngagementDeclined(**DEAL, by=Party.CREATOR)


def test_a_step_of_the_contract_is_posted_to_the_engagements_thread():
    event = recorded_of(held)
    assert reacts(post_card, event) == [
        PostCard(
            thread_id=THREAD,
            **DEAL,
            kind="funds_held",
            text="EUR 1,200.00 are held for this contract.",
            source_event_id=event.id,
            occurred_at=AT,
        )
    ]


def test_a_step_of_the_engagement_is_posted_there_too():
    [card] = reacts(post_card, declined)
    assert isinstance(card, PostCard)
    assert (card.thread_id, card.kind, card.text) == (THREAD, "engagement_declined", "The creator declined.")


@pytest.mark.parametrize("event_type", CARDS, ids=lambda cls: cls.__name__)
def test_every_mirrored_event_leads_to_its_thread(event_type: type[Event]):
    fields = set(event_type.model_fields)
    assert {"campaign_id", "brand_id", "creator_id"} <= fields
    assert fields & {"engagement_id", "contract_id"}


MIRRORED = {
    "offer_made", "offer_accepted", "contract_drafted", "contract_signed", "funds_held", "draft_submitted", "changes_requested",
    "draft_approved", "content_posted", "post_verified", "payment_released", "contract_terminated", "payment_refunded",
}  # fmt: skip


def test_the_whole_deal_is_mirrored():
    assert {card.kind for card in CARDS.values()} >= MIRRORED


def test_what_people_wrote_is_quoted():
    assert sentence(requested) == "The brand asked for changes to draft 1: “Louder, please.”"


def test_a_long_quotation_is_cut():
    long = sentence(requested.model_copy(update={"changes": "x" * 2000}))
    assert len(long) == LONGEST
    assert long.endswith("…")


def test_signing_says_when_it_was_the_second_signature():
    fields = {**OF_CONTRACT, "engagement_id": ENGAGEMENT, "terms_hash": "h", "fee": eur(1)}
    first = campaigns.ContractSigned(**fields, by=Party.BRAND, complete=False)
    second = campaigns.ContractSigned(**fields, by=Party.CREATOR, complete=True)
    assert [sentence(first), sentence(second)] == [
        "The brand signed the contract.",
        "The creator signed the contract, and so have both.",
    ]


def test_a_refund_tells_of_the_kill_fee_only_if_there_is_one():
    fields = {**OF_CONTRACT, "payment_id": derive("pay", CONTRACT), "postings": ()}
    whole = payments.RefundIssued(**fields, amount=eur(100), kill_fee=eur(0))
    part = payments.RefundIssued(**fields, amount=eur(80), kill_fee=eur(20))
    assert sentence(whole) == "EUR 1.00 went back to the brand."
    assert sentence(part) == "EUR 0.80 went back to the brand; EUR 0.20 are the creator's."


@pytest.mark.parametrize(
    ("money", "words"),
    [
        (eur(123_456_789), "EUR 1,234,567.89"),
        (eur(5), "EUR 0.05"),
        (eur(-250), "EUR -2.50"),
        (Money(amount=1500, currency="JPY"), "JPY 1,500"),
        (Money(amount=1500, currency="KWD"), "KWD 1.500"),
    ],
)
def test_money_is_spelled_by_its_currencys_minor_unit(money: Money, words: str):
    assert spell(money) == words
