"""A brand's account: its cash, what of it is reserved for payments, and which payments wait for cash, in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias, assert_never

from libs.events.catalog.payments import (
    DepositFailed,
    DepositLookupStarted,
    DepositOutcomeUnknown,
    DepositRequested,
    FundsDeposited,
    FundsReserved,
    ReservationQueued,
    ReservationReturned,
    ReservationSpent,
)
from libs.events.catalog.values import BrandId, Currency, DepositId, Money, PaymentId
from libs.events.decider import Command, Decider, Decision, Kind, Refusal, Role, illegal, not_found
from libs.events.ids import numbered
from services.payments.domain.ledger import WORLD_DEPOSITS, brand_cash, postings
from services.payments.domain.outcome import Outcome, Refused, Succeeded, Unknown

RECENT = 20
"""Settled deposits that the account shows; older ones are in its entries."""
MOST_PENDING = 100
"""Deposits that may be under way at once."""


# --- State -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Deposit:
    """`status`: pending | unknown | deposited | failed. `asked`: look-ups made while unknown."""

    deposit_id: DepositId
    amount: Money
    status: str = "pending"
    reason: str = ""
    asked: int = 0


@dataclass(frozen=True, slots=True)
class Waiting:
    """A payment that waits for cash."""

    payment_id: PaymentId
    amount: Money


@dataclass(frozen=True, slots=True)
class Unused:
    """Nothing was ever deposited or asked for."""


@dataclass(frozen=True, slots=True)
class InUse:
    """`available` is free cash in minor units per currency, never below zero. `finished`: reservations that were spent or
    returned; a fact about one of them that comes late changes nothing."""

    brand_id: BrandId
    available: Mapping[Currency, int] = field(default_factory=dict)
    reserved: Mapping[PaymentId, Money] = field(default_factory=dict)
    queue: tuple[Waiting, ...] = ()
    finished: frozenset[PaymentId] = frozenset()
    pending: Mapping[DepositId, Deposit] = field(default_factory=dict)
    settled: tuple[Deposit, ...] = ()
    deposits: int = 0

    def knows(self, payment_id: PaymentId) -> bool:
        return payment_id in self.reserved or payment_id in self.finished or self.waiting(payment_id) is not None

    def waiting(self, payment_id: PaymentId) -> Waiting | None:
        return next((waiting for waiting in self.queue if waiting.payment_id == payment_id), None)

    def failed(self, deposit_id: DepositId) -> bool:
        """As far as the settled ones are remembered."""
        return any(deposit.deposit_id == deposit_id and deposit.status == "failed" for deposit in self.settled)

    def queued(self, currency: Currency) -> int:
        return sum(waiting.amount.amount for waiting in self.queue if waiting.amount.currency == currency)


Account: TypeAlias = Unused | InUse


# --- Commands --------------------------------------------------------------------------------------------------------


class RequestDeposit(Command):
    """Pay money in. The account shows it as pending until the provider has charged the brand."""

    by_anyone = True

    brand_id: BrandId
    amount: Money


class RecordCharge(Command):
    """What the provider answered to a deposit's charge."""

    brand_id: BrandId
    deposit_id: DepositId
    outcome: Outcome


class ReconcileDeposit(Command):
    """It is time to ask the provider what became of a charge."""

    brand_id: BrandId
    deposit_id: DepositId


class Reserve(Command):
    """Set cash aside for a payment, or let it wait for cash."""

    brand_id: BrandId
    payment_id: PaymentId
    amount: Money


class ReturnReservation(Command):
    """The payment ended without a release. `amount` is what comes back (nothing, if it still waited); the rest is spent."""

    brand_id: BrandId
    payment_id: PaymentId
    amount: Money


class SpendReservation(Command):
    """The payment was released."""

    brand_id: BrandId
    payment_id: PaymentId


AccountCommand: TypeAlias = RequestDeposit | RecordCharge | ReconcileDeposit | Reserve | ReturnReservation | SpendReservation
AccountEvent: TypeAlias = (
    DepositRequested
    | DepositOutcomeUnknown
    | DepositLookupStarted
    | FundsDeposited
    | DepositFailed
    | FundsReserved
    | ReservationQueued
    | ReservationReturned
    | ReservationSpent
)


# --- Rules -----------------------------------------------------------------------------------------------------------


def decide(command: AccountCommand, state: Account) -> Decision:
    match command, state:
        case RequestDeposit(), _:
            return _request_deposit(command, state)
        case RecordCharge(deposit_id=deposit), InUse(pending=pending) if deposit in pending:
            return _record_charge(command.outcome, pending[deposit], state)
        case ReconcileDeposit(deposit_id=deposit), InUse(pending=pending) if deposit in pending:
            known = pending[deposit]
            if known.status != "unknown":
                return []
            return [
                DepositLookupStarted(brand_id=state.brand_id, deposit_id=deposit, amount=known.amount, asked=known.asked + 1)
            ]
        case RecordCharge(deposit_id=deposit, outcome=Succeeded()), InUse() if state.failed(deposit):
            raise Refusal(
                "CHARGE_CONTRADICTED",
                "the provider reports a charge that it had refused: look into it",
                deposit_id=deposit,
            )
        case ((RecordCharge() | ReconcileDeposit()), InUse()):
            return []
        case Reserve(), InUse() if state.knows(command.payment_id):
            return []
        case Reserve(), _:
            return _reserve(command, state)
        case ReturnReservation(), InUse() if command.payment_id in state.finished:
            return []
        case ReturnReservation(), _:
            return _return(command, state)
        case SpendReservation(payment_id=payment), InUse(reserved=reserved) if payment in reserved:
            return [ReservationSpent(brand_id=state.brand_id, payment_id=payment, amount=reserved[payment])]
        case SpendReservation(payment_id=payment), InUse(finished=finished) if payment in finished:
            return []
        case SpendReservation(), InUse():
            raise Refusal("NOT_RESERVED", "nothing is set aside for this payment", payment_id=command.payment_id)
        case _:
            raise illegal(command, state)


def _request_deposit(command: RequestDeposit, state: Account) -> Decision:
    if command.actor.role is Role.BRAND and command.actor.party != command.brand_id:
        raise not_found("account")
    if command.amount.amount <= 0:
        raise Refusal("AMOUNT_NOT_POSITIVE", "a deposit is more than zero", kind=Kind.INVALID_ARGUMENT, field="amount.amount")
    if isinstance(state, InUse) and len(state.pending) >= MOST_PENDING:
        raise Refusal(
            "TOO_MANY_PENDING_DEPOSITS",
            f"at most {MOST_PENDING} deposits may be under way: wait for one to settle",
            kind=Kind.RESOURCE_EXHAUSTED,
            most=MOST_PENDING,
        )
    number = state.deposits + 1 if isinstance(state, InUse) else 1
    deposit = numbered("dep", command.at, command.brand_id, number)
    return [DepositRequested(brand_id=command.brand_id, deposit_id=deposit, amount=command.amount)]


def _record_charge(outcome: Succeeded | Refused | Unknown, deposit: Deposit, state: InUse) -> Decision:
    brand, id_, amount = state.brand_id, deposit.deposit_id, deposit.amount
    match outcome:
        case Succeeded(provider=provider, reference=reference):
            deposited = FundsDeposited(
                brand_id=brand,
                deposit_id=id_,
                amount=amount,
                provider=provider,
                provider_reference=reference,
                postings=postings((WORLD_DEPOSITS, brand_cash(brand), amount)),
            )
            return [deposited, *_serve(_evolve_in_use(state, deposited), amount.currency)]
        case Refused(reason=reason):
            return [DepositFailed(brand_id=brand, deposit_id=id_, amount=amount, reason=reason)]
        case Unknown():
            return [DepositOutcomeUnknown(brand_id=brand, deposit_id=id_, amount=amount, asked=deposit.asked)]
        case _:
            assert_never(outcome)


def _reserve(command: Reserve, state: Account) -> Decision:
    """Cash that others wait for is not taken, even where it would suffice."""
    brand, payment, amount = command.brand_id, command.payment_id, command.amount
    if amount.amount < 0:
        raise Refusal("AMOUNT_NEGATIVE", "a reservation is not below zero", kind=Kind.INVALID_ARGUMENT, field="amount.amount")
    free = queued = 0
    ahead = False
    if isinstance(state, InUse):
        free, queued = state.available.get(amount.currency, 0), state.queued(amount.currency)
        ahead = any(waiting.amount.currency == amount.currency for waiting in state.queue)
    if not ahead and amount.amount <= free:
        return [FundsReserved(brand_id=brand, payment_id=payment, amount=amount)]
    missing = Money(amount=max(0, queued + amount.amount - free), currency=amount.currency)
    return [ReservationQueued(brand_id=brand, payment_id=payment, amount=amount, missing=missing)]


def _return(command: ReturnReservation, state: Account) -> Decision:
    """Also for a payment that never asked: should its reservation come late, it finds that it is over."""
    brand, payment = command.brand_id, command.payment_id
    reserved = state.reserved.get(payment) if isinstance(state, InUse) else None
    nothing = Money(amount=0, currency=command.amount.currency)
    if reserved is None:
        returned = ReservationReturned(brand_id=brand, payment_id=payment, amount=nothing)
    elif reserved.currency != command.amount.currency or not 0 <= command.amount.amount <= reserved.amount:
        raise Refusal(
            "RETURN_EXCEEDS_RESERVATION",
            "no more comes back than was set aside",
            reserved=reserved.model_dump(),
            returned=command.amount.model_dump(),
        )
    else:
        returned = ReservationReturned(brand_id=brand, payment_id=payment, amount=command.amount)
    return [returned, *_serve(evolve(state, returned), command.amount.currency)]


def _serve(state: Account, currency: Currency) -> list[FundsReserved]:
    """Those who wait, in order, as far as the cash of their currency reaches: whoever must wait on holds up the others."""
    if isinstance(state, Unused):
        return []
    free, served = state.available.get(currency, 0), []
    for waiting in state.queue:
        if waiting.amount.currency != currency:
            continue
        if waiting.amount.amount > free:
            break
        free -= waiting.amount.amount
        served.append(FundsReserved(brand_id=state.brand_id, payment_id=waiting.payment_id, amount=waiting.amount))
    return served


# --- Evolution -------------------------------------------------------------------------------------------------------


def evolve(state: Account, event: AccountEvent) -> Account:
    return _evolve_in_use(state if isinstance(state, InUse) else InUse(event.brand_id), event)


def _evolve_in_use(state: InUse, event: AccountEvent) -> InUse:
    match event:
        case DepositRequested(deposit_id=id_, amount=amount):
            pending = {**state.pending, id_: Deposit(id_, amount)}
            return replace(state, pending=pending, deposits=state.deposits + 1)
        case (
            DepositOutcomeUnknown(deposit_id=id_, amount=amount, asked=asked)
            | DepositLookupStarted(deposit_id=id_, amount=amount, asked=asked)
        ):
            return replace(state, pending={**state.pending, id_: Deposit(id_, amount, "unknown", asked=asked)})
        case FundsDeposited(deposit_id=id_, amount=amount):
            return _add(_settle(state, Deposit(id_, amount, "deposited")), amount)
        case DepositFailed(deposit_id=id_, amount=amount, reason=reason):
            return _settle(state, Deposit(id_, amount, "failed", reason))
        case FundsReserved(payment_id=payment, amount=amount):
            queue = tuple(waiting for waiting in state.queue if waiting.payment_id != payment)
            taken = _add(replace(state, queue=queue), Money(amount=-amount.amount, currency=amount.currency))
            return replace(taken, reserved={**state.reserved, payment: amount})
        case ReservationQueued(payment_id=payment, amount=amount):
            return replace(state, queue=(*state.queue, Waiting(payment, amount)))
        case ReservationReturned(payment_id=payment, amount=amount):
            return _finish(_add(state, amount), payment)
        case ReservationSpent(payment_id=payment):
            return _finish(state, payment)
        case _:
            assert_never(event)


def _add(state: InUse, amount: Money) -> InUse:
    free = state.available.get(amount.currency, 0) + amount.amount
    return replace(state, available={**state.available, amount.currency: free})


def _settle(state: InUse, deposit: Deposit) -> InUse:
    pending = {id_: known for id_, known in state.pending.items() if id_ != deposit.deposit_id}
    return replace(state, pending=pending, settled=(*state.settled, deposit)[-RECENT:])


def _finish(state: InUse, payment: PaymentId) -> InUse:
    return replace(
        state,
        reserved={id_: amount for id_, amount in state.reserved.items() if id_ != payment},
        queue=tuple(waiting for waiting in state.queue if waiting.payment_id != payment),
        finished=state.finished | {payment},
    )


LEGAL: Mapping[type[Account], tuple[type[Command], ...]] = {
    Unused: (RequestDeposit, Reserve, ReturnReservation),
    InUse: (RequestDeposit, RecordCharge, ReconcileDeposit, Reserve, ReturnReservation, SpendReservation),
}

account: Decider[AccountCommand, Account, AccountEvent] = Decider(
    name="account",
    prefix="brd",
    initial=Unused(),
    decide=decide,
    evolve=evolve,
    commands=AccountCommand,
    legal=LEGAL,
    owners=lambda state: frozenset({state.brand_id}) if isinstance(state, InUse) else frozenset(),
    key="brand_id",
)
