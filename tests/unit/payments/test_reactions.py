"""Facts in, intents out."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from libs.events.catalog.campaigns import ContractSigned, ContractTerminated, DeliverableAccepted
from libs.events.catalog.payments import DepositLookupStarted, DepositOutcomeUnknown
from libs.events.catalog.values import Party
from libs.events.deadlines import Deadline
from libs.events.memory import ManualClock
from libs.events.reactions import Intent, Reaction
from libs.events.registry import Event
from libs.events.testing import AT, reacts
from services.payments.domain.account import ReconcileDeposit, RecordCharge, Reserve, ReturnReservation, SpendReservation
from services.payments.domain.outcome import Refused, Succeeded, Unknown
from services.payments.domain.payment import (
    ApproveRelease,
    Reconcile,
    RecordHold,
    RecordTransfer,
    Refund,
    RequestPayment,
    RetryRelease,
)
from services.payments.ports import KEYS_LAST, Answer
from services.payments.reactions import reactions
from services.payments.settings import Settings
from tests.unit.payments.examples import (
    BRAND,
    CAMPAIGN,
    CONTRACT,
    CREATOR,
    DEPOSIT,
    FEE,
    IDS,
    KEY,
    PAYMENT,
    approved,
    asked,
    cancelled,
    deposit_requested,
    eur,
    failed,
    refunded,
    released,
    requested,
    reserved,
    unknown,
)

DEAL = {"contract_id": CONTRACT, "campaign_id": CAMPAIGN, "brand_id": BRAND, "creator_id": CREATOR}
ENGAGEMENT = "eng_0000000001deal"
DONE = Succeeded(provider="scripted", reference="r-1")


class Scripted:
    """A provider that answers as it is told, and remembers what it was asked."""

    def __init__(self, *, answer: Answer = DONE, known: Answer | None = None) -> None:
        self.answer, self.known = answer, known
        self.calls: list[tuple[str, str]] = []

    async def charge(self, key: str, brand_id: str, amount: object) -> Answer:
        self.calls.append(("charge", key))
        return self.answer

    async def transfer(self, key: str, creator_id: str, amount: object) -> Answer:
        self.calls.append(("transfer", key))
        return self.answer

    async def lookup(self, key: str) -> Answer | None:
        self.calls.append(("lookup", key))
        return self.known


def intents(event: Event, provider: Scripted | None = None, *, later: timedelta = timedelta()) -> list[Intent]:
    """What all reactions of the service make of an event, at once or so much later."""
    all_of_them: Sequence[Reaction] = reactions(Settings(), provider or Scripted(), ManualClock(AT + later))
    return [intent for reaction in all_of_them if isinstance(event, reaction.to) for intent in reacts(reaction, event)]


def signed(*, complete: bool) -> ContractSigned:
    fields = {**DEAL, "engagement_id": ENGAGEMENT, "by": Party.BRAND, "terms_hash": "h", "fee": FEE}
    return ContractSigned(**fields, complete=complete)


def accepted(*, last: bool) -> DeliverableAccepted:
    return DeliverableAccepted(**DEAL, deliverable_id="dlv_0000000001one", last=last)


def test_the_second_signature_asks_for_the_fee():
    assert intents(signed(complete=True)) == [RequestPayment(**IDS, amount=FEE)]
    assert intents(signed(complete=False)) == []


def test_a_requested_payment_asks_for_cash_and_reserved_cash_is_held():
    assert intents(requested) == [Reserve(brand_id=BRAND, payment_id=PAYMENT, amount=FEE)]
    assert intents(reserved(FEE)) == [RecordHold(payment_id=PAYMENT)]


def test_the_last_accepted_deliverable_releases():
    assert intents(accepted(last=True)) == [ApproveRelease(payment_id=PAYMENT, fee_bps=1000)]
    assert intents(accepted(last=False)) == []


def test_a_terminated_contract_refunds_less_the_kill_fee():
    ended = ContractTerminated(**DEAL, engagement_id=ENGAGEMENT, stage="active", reason="agreed", fee=FEE, kill_fee=eur(20_000))
    assert intents(ended) == [Refund(payment_id=PAYMENT, kill_fee=eur(20_000))]


def test_the_accounts_reservation_follows_the_payments_end():
    assert intents(refunded(20_000)) == [ReturnReservation(brand_id=BRAND, payment_id=PAYMENT, amount=eur(100_000))]
    assert intents(cancelled) == [ReturnReservation(brand_id=BRAND, payment_id=PAYMENT, amount=FEE)]
    assert intents(released) == [SpendReservation(brand_id=BRAND, payment_id=PAYMENT)]


def test_an_approved_release_is_transferred_under_the_key_that_was_stored():
    provider = Scripted()
    assert intents(approved(), provider) == [RecordTransfer(payment_id=PAYMENT, key=KEY, outcome=DONE)]
    assert provider.calls == [("transfer", KEY)]


def test_a_redelivered_approval_repeats_the_call_under_the_same_key():
    provider = Scripted()
    assert intents(approved(), provider) == intents(approved(), provider)
    assert provider.calls == [("transfer", KEY)] * 2


@pytest.mark.parametrize(
    ("fact", "call", "key"), [(approved(), "transfer", KEY), (deposit_requested(eur(5)), "charge", DEPOSIT)]
)
def test_what_was_asked_for_so_long_ago_that_its_key_may_be_forgotten_is_looked_up_first(fact: Event, call: str, key: str):
    """Trap 3: a lost reply, 25 hours, and the same call again: to the provider the key is a new one, and money moves twice."""
    done, never_arrived, soon = Scripted(known=DONE), Scripted(known=None), Scripted(known=DONE)
    [recorded] = intents(fact, done, later=timedelta(hours=25))
    assert (recorded.outcome, done.calls) == (DONE, [("lookup", key)])
    assert intents(fact, never_arrived, later=timedelta(hours=25)) == [recorded]
    assert never_arrived.calls == [("lookup", key), (call, key)]
    assert intents(fact, soon, later=KEYS_LAST) == [recorded]
    assert soon.calls == [(call, key)]


def test_an_unknown_transfer_is_scheduled_for_a_look_up_and_not_sent_again():
    provider = Scripted()
    [deadline] = intents(unknown(), provider)
    assert deadline == Deadline(AT + timedelta(seconds=30), Reconcile(payment_id=PAYMENT, key=KEY))
    assert provider.calls == []


@pytest.mark.parametrize("known", [DONE, Refused(reason="closed"), Unknown()])
def test_a_look_up_only_asks(known: Answer):
    provider = Scripted(known=known)
    assert intents(asked(1), provider) == [RecordTransfer(payment_id=PAYMENT, key=KEY, outcome=known)]
    assert provider.calls == [("lookup", KEY)]


def test_what_never_arrived_is_sent_again_under_the_same_key():
    provider = Scripted(known=None)
    assert intents(asked(1), provider) == [RecordTransfer(payment_id=PAYMENT, key=KEY, outcome=DONE)]
    assert provider.calls == [("lookup", KEY), ("transfer", KEY)]


def test_a_refused_release_is_tried_again_later():
    assert intents(failed()) == [Deadline(AT + timedelta(hours=1), RetryRelease(payment_id=PAYMENT))]
    assert intents(failed(attempt=3)) == [Deadline(AT + timedelta(hours=4), RetryRelease(payment_id=PAYMENT))]


def test_waits_grow_to_a_day_and_no_further():
    assert intents(unknown(asked=1_000_000))[0].due == AT + timedelta(days=1)
    assert intents(failed(attempt=1_000_000))[0].due == AT + timedelta(days=1)


def test_a_deposit_is_charged_under_its_id():
    provider = Scripted()
    charged = RecordCharge(brand_id=BRAND, deposit_id=DEPOSIT, outcome=DONE)
    assert intents(deposit_requested(eur(5)), provider) == [charged]
    assert provider.calls == [("charge", DEPOSIT)]


def test_an_unknown_charge_is_looked_up_later_and_sent_again_only_if_it_never_arrived():
    fields = {"brand_id": BRAND, "deposit_id": DEPOSIT, "amount": eur(5)}
    due = Deadline(AT + timedelta(seconds=60), ReconcileDeposit(brand_id=BRAND, deposit_id=DEPOSIT))
    assert intents(DepositOutcomeUnknown(**fields, asked=1)) == [due]
    for known, calls in ((DONE, ["lookup"]), (None, ["lookup", "charge"])):
        provider = Scripted(known=known)
        looked_up = intents(DepositLookupStarted(**fields, asked=1), provider)
        assert looked_up == [RecordCharge(brand_id=BRAND, deposit_id=DEPOSIT, outcome=DONE)]
        assert provider.calls == [(call, DEPOSIT) for call in calls]
