"""A payment: requested, held, released or refunded; never both."""

import pytest

from libs.events.catalog.payments import PaymentOutcomeUnknown
from libs.events.decider import Kind
from libs.events.testing import check_legal, given
from services.payments.domain.outcome import Refused, Succeeded, Unknown
from services.payments.domain.payment import (
    Absent,
    ApproveRelease,
    Reconcile,
    RecordHold,
    RecordTransfer,
    Refund,
    RequestPayment,
    RetryRelease,
    payment,
)
from tests.unit.payments.examples import (
    ANA,
    FEE,
    IDS,
    KEY,
    OWNER,
    PARTIES,
    PAYMENT,
    STRANGER,
    approved,
    asked,
    cancelled,
    eur,
    failed,
    held,
    refunded,
    released,
    requested,
    unknown,
    usd,
)

DONE = Succeeded(provider="sandbox", reference="tr-1")
CLOSED = Refused(reason="account closed")
LOST = Unknown()

request = RequestPayment(**IDS, amount=FEE)
record_hold = RecordHold(payment_id=PAYMENT)
approve = ApproveRelease(payment_id=PAYMENT, fee_bps=1000)
retry = RetryRelease(payment_id=PAYMENT)
reconcile = Reconcile(payment_id=PAYMENT, key=KEY)


def transfer(outcome: Succeeded | Refused | Unknown, key: str = KEY) -> RecordTransfer:
    return RecordTransfer(payment_id=PAYMENT, key=key, outcome=outcome)


def refund(kill_fee: int = 0) -> Refund:
    return Refund(payment_id=PAYMENT, kill_fee=eur(kill_fee))


HISTORIES = {
    "absent": (),
    "requested": (requested,),
    "cancelled": (requested, cancelled),
    "held": (requested, held),
    "releasing": (requested, held, approved()),
    "unknown": (requested, held, approved(), unknown()),
    "refused": (requested, held, approved(), failed()),
    "released": (requested, held, approved(), released),
    "refunded": (requested, held, refunded(20_000)),
}
TERMINAL = ("released", "refunded", "cancelled")


# --- The way to the creator --------------------------------------------------------------------------------------------


def test_a_signed_contract_requests_its_fee():
    given(payment).when(request).then(requested)


def test_a_payment_below_zero_is_refused():
    refusal = given(payment).when(RequestPayment(**IDS, amount=eur(-1))).then_refused("AMOUNT_NEGATIVE")
    assert (refusal.kind, refusal.field) == (Kind.INVALID_ARGUMENT, "amount.amount")


def test_a_payment_of_nothing_moves_nothing_and_is_held_all_the_same():
    free = requested.model_copy(update={"amount": eur(0)})
    given(payment, free).when(record_hold).then(held.model_copy(update={"amount": eur(0), "postings": ()}))


def test_reserved_cash_is_held_for_the_contract():
    given(payment, requested).when(record_hold).then(held)


def test_accepted_work_approves_the_release_and_splits_off_the_fee():
    given(payment, requested, held).when(approve).then(approved())


def test_the_transfer_releases_what_is_held_to_creator_and_platform():
    given(payment, requested, held, approved()).when(transfer(DONE)).then(released)


def test_a_certain_refusal_leaves_the_money_held_and_a_retry_has_a_new_key():
    (
        given(payment, requested, held, approved())
        .when(transfer(CLOSED))
        .then(failed())
        .when(retry)
        .then(approved(attempt=2))
        .when(transfer(DONE, approved(attempt=2).idempotency_key))
        .then(released)
    )


# --- Ambiguity ---------------------------------------------------------------------------------------------------------


def test_an_ambiguous_answer_is_neither_success_nor_failure():
    given(payment, requested, held, approved()).when(transfer(LOST)).then(unknown())


def test_what_is_unknown_is_looked_up_under_the_same_key():
    given(payment, *HISTORIES["unknown"]).when(reconcile).then(asked(1)).when(transfer(DONE)).then(released)


def test_a_look_up_that_cannot_say_is_counted_and_made_again():
    (
        given(payment, *HISTORIES["unknown"])
        .when(reconcile)
        .then(asked(1))
        .when(transfer(LOST))
        .then(unknown(asked=1))
        .when(reconcile)
        .then(asked(2))
        .when(transfer(CLOSED))
        .then(failed())
    )


def test_no_new_attempt_is_made_while_the_outcome_is_unknown():
    given(payment, *HISTORIES["unknown"]).when(retry).then_nothing()
    given(payment, *HISTORIES["unknown"]).when(approve).then_nothing()


def test_a_due_look_up_of_an_earlier_attempt_does_nothing():
    history = (*HISTORIES["refused"], approved(attempt=2), PaymentOutcomeUnknown(**PARTIES, idempotency_key="other", asked=0))
    given(payment, *history).when(reconcile).then_nothing()


# --- The way back ------------------------------------------------------------------------------------------------------


def test_a_contract_that_ends_before_the_hold_cancels_the_payment():
    given(payment, requested).when(refund()).then(cancelled)


def test_a_contract_that_ends_after_the_hold_refunds_the_brand():
    given(payment, requested, held).when(refund()).then(refunded())


def test_the_kill_fee_is_the_creators():
    given(payment, requested, held).when(refund(20_000)).then(refunded(20_000))


def test_money_whose_release_was_refused_can_be_refunded():
    given(payment, *HISTORIES["refused"]).when(refund()).then(refunded())


@pytest.mark.parametrize("kill_fee", [-1, 120_001])
def test_a_kill_fee_outside_of_what_is_held_is_refused(kill_fee: int):
    given(payment, requested, held).when(refund(kill_fee)).then_refused("KILL_FEE_OUT_OF_RANGE", held=120_000)


def test_a_kill_fee_in_another_currency_is_refused():
    other = Refund(payment_id=PAYMENT, kill_fee=usd(1))
    assert given(payment, requested, held).when(other).then_refused("CURRENCY_MISMATCH").field == "kill_fee.currency"


# --- What comes late ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("history", TERMINAL)
@pytest.mark.parametrize("late", [request, record_hold, approve, retry, reconcile, refund()], ids=lambda c: type(c).__name__)
def test_an_ended_payment_absorbs_every_late_fact(history: str, late):
    given(payment, *HISTORIES[history]).when(late).then_nothing()


def test_the_answer_that_was_recorded_may_come_again():
    given(payment, *HISTORIES["released"]).when(transfer(DONE)).then_nothing()
    given(payment, *HISTORIES["released"]).when(transfer(LOST)).then_nothing()
    given(payment, *HISTORIES["refused"]).when(transfer(CLOSED)).then_nothing()


@pytest.mark.parametrize("history", ["releasing", "unknown"])
def test_a_refund_that_comes_after_the_approval_loses_to_the_release(history: str):
    given(payment, *HISTORIES[history]).when(refund()).then_nothing()
    given(payment, *HISTORIES[history]).when(transfer(DONE)).then(released)


def test_a_release_that_comes_after_the_refund_changes_nothing():
    given(payment, *HISTORIES["refunded"]).when(approve).then_nothing()


def test_a_contract_that_ends_before_its_payment_was_requested_has_nothing_to_refund():
    given(payment).when(refund()).then_nothing()


@pytest.mark.parametrize("history", ["absent", "requested", "held", "refused", "refunded", "cancelled"])
def test_a_success_that_contradicts_what_is_known_is_refused_loudly(history: str):
    given(payment, *HISTORIES[history]).when(transfer(DONE)).then_refused("TRANSFER_CONTRADICTED", key=KEY)


def test_a_success_under_a_foreign_key_is_refused_loudly():
    given(payment, *HISTORIES["releasing"]).when(transfer(DONE, "release/other/1")).then_refused("TRANSFER_CONTRADICTED")


# --- Who and when ------------------------------------------------------------------------------------------------------


def test_release_is_not_possible_before_the_money_is_held():
    given(payment, requested).when(approve).then_refused("ILLEGAL_TRANSITION", legal=["RecordHold", "Refund"])


@pytest.mark.parametrize("command", [record_hold, approve, transfer(LOST)], ids=lambda c: type(c).__name__)
def test_a_payment_that_does_not_exist_can_only_be_requested(command):
    given(payment).when(command).then_refused("NOT_FOUND")


@pytest.mark.parametrize("history", ["requested", "held"])
def test_no_answer_is_recorded_where_no_transfer_was_made(history: str):
    given(payment, *HISTORIES[history]).when(transfer(LOST)).then_refused("ILLEGAL_TRANSITION")


def test_only_its_parties_and_the_house_see_a_payment():
    state = payment.fold([requested])
    assert payment.visible(state, OWNER)
    assert payment.visible(state, ANA)
    assert not payment.visible(state, STRANGER)
    assert not payment.visible(Absent(), OWNER)


def test_the_table_of_legal_commands_is_what_decide_does():
    offers = [request, record_hold, approve, retry, transfer(LOST), reconcile, refund()]
    states = [payment.fold(history) for history in HISTORIES.values()]
    check_legal(payment, states, offers, ignored=tuple(type(offer) for offer in offers))
