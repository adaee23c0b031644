"""What facts make payments do: signatures ask for money, accepted work releases it, an ended contract gives it back.

Money moves over two streams: the account sets cash aside (`FundsReserved`), the payment then holds it; the payment ends, the
account then returns or spends what was set aside. Every step is idempotent by itself, so a crash between two only delays.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime

from libs.events.catalog.campaigns import ContractSigned, ContractTerminated, DeliverableAccepted
from libs.events.catalog.payments import (
    DepositLookupStarted,
    DepositOutcomeUnknown,
    DepositRequested,
    FundsReserved,
    PaymentCancelled,
    PaymentOutcomeUnknown,
    PaymentReleased,
    PaymentRequested,
    RefundIssued,
    ReleaseApproved,
    ReleaseFailed,
    TransferLookupStarted,
)
from libs.events.deadlines import Deadline
from libs.events.envelope import Recorded
from libs.events.ids import derive
from libs.events.ports import Clock
from libs.events.reactions import Intent, Reaction, reaction
from services.payments.domain.account import ReconcileDeposit, RecordCharge, Reserve, ReturnReservation, SpendReservation
from services.payments.domain.payment import (
    ApproveRelease,
    Reconcile,
    RecordHold,
    RecordTransfer,
    Refund,
    RequestPayment,
    RetryRelease,
)
from services.payments.ports import KEYS_LAST, Answer, PaymentProvider
from services.payments.settings import Settings


@reaction("ask for the money of a signed contract", to=ContractSigned)
def request_payment(event: Recorded[ContractSigned]) -> Iterable[Intent]:
    signed = event.data
    if signed.complete:
        yield RequestPayment(
            payment_id=derive("pay", signed.contract_id),
            contract_id=signed.contract_id,
            campaign_id=signed.campaign_id,
            brand_id=signed.brand_id,
            creator_id=signed.creator_id,
            amount=signed.fee,
        )


@reaction("give back the money of a terminated contract", to=ContractTerminated)
def refund(event: Recorded[ContractTerminated]) -> Iterable[Intent]:
    yield Refund(payment_id=derive("pay", event.data.contract_id), kill_fee=event.data.kill_fee)


@reaction("reserve the brand's cash for a payment", to=PaymentRequested)
def reserve(event: Recorded[PaymentRequested]) -> Iterable[Intent]:
    yield Reserve(brand_id=event.data.brand_id, payment_id=event.data.payment_id, amount=event.data.amount)


@reaction("hold what was reserved", to=FundsReserved)
def hold(event: Recorded[FundsReserved]) -> Iterable[Intent]:
    yield RecordHold(payment_id=event.data.payment_id)


@reaction("return what was reserved for an ended payment", to=(RefundIssued, PaymentCancelled))
def return_reservation(event: Recorded[RefundIssued | PaymentCancelled]) -> Iterable[Intent]:
    ended = event.data
    yield ReturnReservation(brand_id=ended.brand_id, payment_id=ended.payment_id, amount=ended.amount)


@reaction("spend what was reserved for a released payment", to=PaymentReleased)
def spend_reservation(event: Recorded[PaymentReleased]) -> Iterable[Intent]:
    yield SpendReservation(brand_id=event.data.brand_id, payment_id=event.data.payment_id)


def reactions(settings: Settings, provider: PaymentProvider, clock: Clock) -> Sequence[Reaction]:
    """All of them: the pure ones above, those that policy steers, and those that call the provider."""
    pure = (request_payment, refund, reserve, hold, return_reservation, spend_reservation)
    return (*pure, *_by_policy(settings), *_charging(provider, clock), *_transferring(provider, clock))


def _by_policy(settings: Settings) -> Sequence[Reaction]:
    @reaction("release the money when all work is accepted", to=DeliverableAccepted)
    def approve_release(event: Recorded[DeliverableAccepted]) -> Iterable[Intent]:
        if event.data.last:
            yield ApproveRelease(payment_id=derive("pay", event.data.contract_id), fee_bps=settings.platform_fee_bps)

    @reaction("look up an unknown charge later", to=DepositOutcomeUnknown)
    def reconcile_deposit(event: Recorded[DepositOutcomeUnknown]) -> Iterable[Intent]:
        command = ReconcileDeposit(brand_id=event.data.brand_id, deposit_id=event.data.deposit_id)
        yield Deadline(event.at + settings.reconcile_after(event.data.asked), command)

    @reaction("look up an unknown transfer later", to=PaymentOutcomeUnknown)
    def reconcile(event: Recorded[PaymentOutcomeUnknown]) -> Iterable[Intent]:
        command = Reconcile(payment_id=event.data.payment_id, key=event.data.idempotency_key)
        yield Deadline(event.at + settings.reconcile_after(event.data.asked), command)

    @reaction("try a refused release again later", to=ReleaseFailed)
    def retry_release(event: Recorded[ReleaseFailed]) -> Iterable[Intent]:
        due = event.at + settings.retry_release_after(event.data.attempt)
        yield Deadline(due, RetryRelease(payment_id=event.data.payment_id))

    return approve_release, reconcile_deposit, reconcile, retry_release


def _charging(provider: PaymentProvider, clock: Clock) -> Sequence[Reaction]:
    @reaction("charge the brand for a deposit", to=DepositRequested)
    async def charge(event: Recorded[DepositRequested]) -> AsyncIterator[Intent]:
        deposit = event.data
        outcome = await _known_of_old(provider, deposit.deposit_id, event.at, clock)
        if outcome is None:
            outcome = await provider.charge(deposit.deposit_id, deposit.brand_id, deposit.amount)
        yield RecordCharge(brand_id=deposit.brand_id, deposit_id=deposit.deposit_id, outcome=outcome)

    @reaction("ask what became of a charge", to=DepositLookupStarted)
    async def look_up_charge(event: Recorded[DepositLookupStarted]) -> AsyncIterator[Intent]:
        deposit = event.data
        outcome = await provider.lookup(deposit.deposit_id)
        if outcome is None:  # it never arrived: the same charge again, under the same key
            outcome = await provider.charge(deposit.deposit_id, deposit.brand_id, deposit.amount)
        yield RecordCharge(brand_id=deposit.brand_id, deposit_id=deposit.deposit_id, outcome=outcome)

    return charge, look_up_charge


def _transferring(provider: PaymentProvider, clock: Clock) -> Sequence[Reaction]:
    @reaction("transfer a released payment to the creator", to=ReleaseApproved)
    async def transfer(event: Recorded[ReleaseApproved]) -> AsyncIterator[Intent]:
        approved = event.data
        outcome = await _known_of_old(provider, approved.idempotency_key, event.at, clock)
        if outcome is None:
            outcome = await provider.transfer(approved.idempotency_key, approved.creator_id, approved.creator_amount)
        yield RecordTransfer(payment_id=approved.payment_id, key=approved.idempotency_key, outcome=outcome)

    @reaction("ask what became of a transfer", to=TransferLookupStarted)
    async def look_up_transfer(event: Recorded[TransferLookupStarted]) -> AsyncIterator[Intent]:
        started = event.data
        outcome = await provider.lookup(started.idempotency_key)
        if outcome is None:  # it never arrived: the same transfer again, under the same key
            outcome = await provider.transfer(started.idempotency_key, started.creator_id, started.creator_amount)
        yield RecordTransfer(payment_id=started.payment_id, key=started.idempotency_key, outcome=outcome)

    return transfer, look_up_transfer


async def _known_of_old(provider: PaymentProvider, key: str, asked: datetime, clock: Clock) -> Answer | None:
    """What became of the key, if it may have been sent so long ago that the provider would take it for a new one: a worker that
    died after its call, and was missed for days, makes that call again."""
    return await provider.lookup(key) if clock.now() - asked > KEYS_LAST else None
