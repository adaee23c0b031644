"""A brand's account: cash comes in, is reserved first come, first served, and comes back or is spent once."""

import pytest

from libs.events.catalog.payments import (
    DepositFailed,
    DepositLookupStarted,
    DepositOutcomeUnknown,
    ReservationReturned,
    ReservationSpent,
)
from libs.events.catalog.values import Money
from libs.events.decider import Kind
from libs.events.ids import numbered
from libs.events.testing import AT, check_legal, given
from services.payments.domain.account import (
    MOST_PENDING,
    RECENT,
    InUse,
    ReconcileDeposit,
    RecordCharge,
    RequestDeposit,
    Reserve,
    ReturnReservation,
    SpendReservation,
    Unused,
    account,
)
from services.payments.domain.outcome import Refused, Succeeded, Unknown
from tests.unit.payments.examples import (
    BRAND,
    DEPOSIT,
    OWNER,
    PAYMENT,
    STRANGER,
    deposit_requested,
    deposited,
    eur,
    payment_id,
    queued,
    reserved,
    usd,
)

CHARGED = Succeeded(provider="sandbox", reference="ch-1")
FIRST, SECOND, THIRD = payment_id(1), payment_id(2), payment_id(3)


def deposit(amount: Money) -> RequestDeposit:
    return RequestDeposit(brand_id=BRAND, amount=amount)


def charge(outcome: Succeeded | Refused | Unknown) -> RecordCharge:
    return RecordCharge(brand_id=BRAND, deposit_id=DEPOSIT, outcome=outcome)


def reserve(amount: Money, payment: str = PAYMENT) -> Reserve:
    return Reserve(brand_id=BRAND, payment_id=payment, amount=amount)


def give_back(amount: Money, payment: str = PAYMENT) -> ReturnReservation:
    return ReturnReservation(brand_id=BRAND, payment_id=payment, amount=amount)


def spend(payment: str = PAYMENT) -> SpendReservation:
    return SpendReservation(brand_id=BRAND, payment_id=payment)


def returned(amount: Money, payment: str = PAYMENT) -> ReservationReturned:
    return ReservationReturned(brand_id=BRAND, payment_id=payment, amount=amount)


def spent(amount: Money, payment: str = PAYMENT) -> ReservationSpent:
    return ReservationSpent(brand_id=BRAND, payment_id=payment, amount=amount)


def in_use(*events) -> InUse:
    state = account.fold(events)
    assert isinstance(state, InUse)
    return state


reconcile = ReconcileDeposit(brand_id=BRAND, deposit_id=DEPOSIT)
not_known = DepositOutcomeUnknown(brand_id=BRAND, deposit_id=DEPOSIT, amount=eur(100))
looked_up = DepositLookupStarted(brand_id=BRAND, deposit_id=DEPOSIT, amount=eur(100), asked=1)


# --- Deposits ----------------------------------------------------------------------------------------------------------


def test_a_brand_requests_a_deposit():
    first = numbered("dep", AT, BRAND, 1)
    given(account).when(deposit(eur(100)), actor=OWNER).then(deposit_requested(eur(100), first))


def test_two_deposits_of_the_same_moment_are_two():
    again = given(account, deposit_requested(eur(100), numbered("dep", AT, BRAND, 1)))
    again.when(deposit(eur(100)), actor=OWNER).then(deposit_requested(eur(100), numbered("dep", AT, BRAND, 2)))


@pytest.mark.parametrize("history", [(), (deposit_requested(eur(100)),)], ids=["unused", "in use"])
def test_nobody_pays_into_another_brands_account(history):
    assert given(account, *history).when(deposit(eur(100)), actor=STRANGER).then_refused("NOT_FOUND").kind is Kind.NOT_FOUND


@pytest.mark.parametrize("amount", [0, -5])
def test_a_deposit_is_more_than_zero(amount: int):
    refusal = given(account).when(deposit(eur(amount)), actor=OWNER).then_refused("AMOUNT_NOT_POSITIVE")
    assert (refusal.kind, refusal.field) == (Kind.INVALID_ARGUMENT, "amount.amount")


def test_deposits_under_way_are_bounded():
    under_way = [deposit_requested(eur(1), f"dep_0000000001{n:04d}") for n in range(MOST_PENDING)]
    another = given(account, *under_way).when(deposit(eur(1)), actor=OWNER)
    refusal = another.then_refused("TOO_MANY_PENDING_DEPOSITS", most=MOST_PENDING)
    assert refusal.kind is Kind.RESOURCE_EXHAUSTED


def test_a_charge_brings_the_cash():
    given(account, deposit_requested(eur(100))).when(charge(CHARGED)).then(deposited(eur(100)))


def test_a_refused_charge_brings_none():
    failed = DepositFailed(brand_id=BRAND, deposit_id=DEPOSIT, amount=eur(100), reason="no cover")
    given(account, deposit_requested(eur(100))).when(charge(Refused(reason="no cover"))).then(failed)
    assert in_use(deposit_requested(eur(100)), failed).available == {}


def test_an_ambiguous_charge_is_looked_up():
    (
        given(account, deposit_requested(eur(100)))
        .when(charge(Unknown()))
        .then(not_known)
        .when(reconcile)
        .then(looked_up)
        .when(charge(Unknown()))
        .then(not_known.model_copy(update={"asked": 1}))
        .when(charge(CHARGED))
        .then(deposited(eur(100)))
    )


def test_a_settled_charge_is_settled_once():
    given(account, deposit_requested(eur(100)), deposited(eur(100))).when(charge(CHARGED)).then_nothing()
    given(account, deposit_requested(eur(100)), deposited(eur(100))).when(reconcile).then_nothing()


def test_a_charge_that_is_not_unknown_is_not_looked_up():
    given(account, deposit_requested(eur(100))).when(reconcile).then_nothing()


def test_only_recent_deposits_are_kept_in_view():
    many = [event for n in range(RECENT + 5) for event in _settled(f"dep_0000000001{n:04d}")]
    state = in_use(*many)
    assert len(state.settled) == RECENT
    assert state.settled[-1].deposit_id.endswith(f"{RECENT + 4:04d}")
    assert not state.pending


def _settled(deposit_id: str):
    return deposit_requested(eur(1), deposit_id), deposited(eur(1), deposit_id)


# --- Reservations ------------------------------------------------------------------------------------------------------


def test_cash_is_reserved_at_once_where_it_suffices():
    given(account, deposited(eur(100))).when(reserve(eur(60))).then(reserved(eur(60)))
    assert in_use(deposited(eur(100)), reserved(eur(60))).available == {"EUR": 40}


def test_where_it_does_not_suffice_the_payment_waits():
    given(account, deposited(eur(100))).when(reserve(eur(160))).then(queued(eur(160), missing=eur(60)))
    given(account).when(reserve(eur(160))).then(queued(eur(160), missing=eur(160)))


def test_cash_of_another_currency_does_not_suffice():
    given(account, deposited(usd(100))).when(reserve(eur(60))).then(queued(eur(60), missing=eur(60)))


def test_a_smaller_payment_does_not_overtake_one_that_waits():
    waiting = queued(eur(160), missing=eur(60), payment=FIRST)
    given(account, deposited(eur(100)), waiting).when(reserve(eur(10), SECOND)).then(queued(eur(10), eur(70), SECOND))


def test_a_payment_in_another_currency_is_not_held_up():
    waiting = queued(usd(160), missing=usd(160), payment=FIRST)
    given(account, deposited(eur(100)), waiting).when(reserve(eur(10), SECOND)).then(reserved(eur(10), SECOND))


def test_a_deposit_serves_those_who_wait_in_order_in_the_same_commit():
    waiting = [queued(eur(60), eur(60), FIRST), queued(eur(50), eur(110), SECOND), queued(eur(1), eur(111), THIRD)]
    (
        given(account, *waiting, deposit_requested(eur(100)))
        .when(charge(CHARGED))
        .then(deposited(eur(100)), reserved(eur(60), FIRST))
    )
    assert [w.payment_id for w in in_use(*waiting, deposited(eur(100)), reserved(eur(60), FIRST)).queue] == [SECOND, THIRD]


def test_a_deposit_that_covers_all_serves_all():
    waiting = [queued(eur(60), eur(60), FIRST), queued(usd(5), usd(5), THIRD), queued(eur(40), eur(100), SECOND)]
    (
        given(account, *waiting, deposit_requested(eur(100)))
        .when(charge(CHARGED))
        .then(deposited(eur(100)), reserved(eur(60), FIRST), reserved(eur(40), SECOND))
    )


@pytest.mark.parametrize(
    "known",
    [
        (deposited(eur(100)), reserved(eur(60))),
        (queued(eur(60), eur(60)),),
        (deposited(eur(100)), reserved(eur(60)), returned(eur(60))),
        (deposited(eur(100)), reserved(eur(60)), spent(eur(60))),
    ],
    ids=["reserved", "waiting", "returned", "spent"],
)
def test_a_payment_is_reserved_once(known):
    given(account, *known).when(reserve(eur(60))).then_nothing()


def test_a_reservation_below_zero_is_refused():
    given(account).when(reserve(eur(-1))).then_refused("AMOUNT_NEGATIVE")


# --- Their ends --------------------------------------------------------------------------------------------------------


def test_a_refund_makes_the_cash_free_again():
    history = (deposited(eur(100)), reserved(eur(60)))
    given(account, *history).when(give_back(eur(60))).then(returned(eur(60)))
    assert in_use(*history, returned(eur(60))).available == {"EUR": 100}


def test_the_kill_fee_does_not_come_back():
    state = in_use(deposited(eur(100)), reserved(eur(60)), returned(eur(45)))
    assert (state.available, state.reserved) == ({"EUR": 85}, {})


def test_cash_that_comes_back_serves_those_who_wait():
    history = (deposited(eur(100)), reserved(eur(100), FIRST), queued(eur(30), eur(30), SECOND))
    given(account, *history).when(give_back(eur(100), FIRST)).then(returned(eur(100), FIRST), reserved(eur(30), SECOND))


def test_a_payment_that_stops_waiting_lets_the_next_one_through():
    history = (deposited(eur(40)), queued(eur(100), eur(60), FIRST), queued(eur(30), eur(90), SECOND))
    given(account, *history).when(give_back(eur(100), FIRST)).then(returned(eur(0), FIRST), reserved(eur(30), SECOND))


def test_what_ended_before_it_was_asked_for_is_not_reserved_later():
    given(account).when(give_back(eur(60))).then(returned(eur(0))).when(reserve(eur(60))).then_nothing()


def test_a_return_happens_once():
    given(account, deposited(eur(100)), reserved(eur(60)), returned(eur(60))).when(give_back(eur(60))).then_nothing()


@pytest.mark.parametrize("amount", [eur(61), eur(-1), usd(60)], ids=str)
def test_no_more_comes_back_than_was_set_aside(amount: Money):
    given(account, deposited(eur(100)), reserved(eur(60))).when(give_back(amount)).then_refused("RETURN_EXCEEDS_RESERVATION")


def test_a_release_spends_the_reservation_once():
    history = (deposited(eur(100)), reserved(eur(60)))
    given(account, *history).when(spend()).then(spent(eur(60))).when(spend()).then_nothing()
    state = in_use(*history, spent(eur(60)))
    assert (state.available, state.reserved) == ({"EUR": 40}, {})


def test_what_was_not_reserved_cannot_be_spent():
    given(account, deposited(eur(100))).when(spend()).then_refused("NOT_RESERVED", payment_id=PAYMENT)


# --- Who and when ------------------------------------------------------------------------------------------------------


def test_an_unused_account_has_nothing_to_spend():
    assert given(account).when(spend()).then_refused("NOT_FOUND").kind is Kind.NOT_FOUND


def test_only_the_brand_and_the_house_see_an_account():
    assert not account.visible(Unused(), STRANGER)
    assert account.visible(in_use(deposited(eur(1))), OWNER)
    assert not account.visible(in_use(deposited(eur(1))), STRANGER)


def test_the_table_of_legal_commands_is_what_decide_does():
    offers = [deposit(eur(1)), charge(CHARGED), reconcile, reserve(eur(1)), give_back(eur(1)), spend()]
    check_legal(account, [Unused(), in_use(deposited(eur(5)))], offers)


def test_a_charge_that_was_refused_and_is_reported_done_is_looked_into():
    """Late news that would be lost: money was taken, and nobody was told."""
    charge = RecordCharge(brand_id=BRAND, deposit_id=DEPOSIT, outcome=Succeeded(provider="sandbox", reference="ch-1"))
    refused = DepositFailed(brand_id=BRAND, deposit_id=DEPOSIT, amount=eur(5_000), reason="no cover")
    given(account, deposit_requested(eur(5_000)), refused).when(charge).then_refused("CHARGE_CONTRADICTED", deposit_id=DEPOSIT)
