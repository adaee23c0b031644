"""A payment: one contract's money, from the second signature to its end. Refund and release exclude each other by state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, TypeAlias, assert_never

from pydantic import Field

from libs.events.catalog.payments import (
    FundsHeld,
    PaymentCancelled,
    PaymentOutcomeUnknown,
    PaymentReleased,
    PaymentRequested,
    RefundIssued,
    ReleaseApproved,
    ReleaseFailed,
    TransferLookupStarted,
)
from libs.events.catalog.values import BrandId, CampaignId, ContractId, CreatorId, Label, Money, PaymentId
from libs.events.decider import Command, Decider, Decision, Kind, Refusal, illegal
from services.payments.domain.allotment import WHOLE, Split, split_fee
from services.payments.domain.ledger import PLATFORM_FEES, brand_cash, contract_held, creator_available, postings
from services.payments.domain.outcome import Outcome, Refused, Succeeded, Unknown

# --- State -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Deal:
    """Whose money it is, and how much."""

    payment_id: PaymentId
    contract_id: ContractId
    campaign_id: CampaignId
    brand_id: BrandId
    creator_id: CreatorId
    amount: Money

    def ids(self) -> dict[str, Any]:
        """The fields that every event of the payment carries."""
        return self.parties() | {"campaign_id": self.campaign_id}

    def parties(self) -> dict[str, Any]:
        return {
            "payment_id": self.payment_id,
            "contract_id": self.contract_id,
            "brand_id": self.brand_id,
            "creator_id": self.creator_id,
        }


@dataclass(frozen=True, slots=True)
class Transfer:
    """A transfer to the creator under its idempotency key. A new `attempt`, with a new key, is made only after the provider
    refused the one before for certain."""

    key: str
    attempt: int
    split: Split


@dataclass(frozen=True, slots=True)
class Absent:
    """No such payment yet."""


@dataclass(frozen=True, slots=True)
class Requested:
    """Waits for the brand's cash."""

    deal: Deal


@dataclass(frozen=True, slots=True)
class Held:
    deal: Deal


@dataclass(frozen=True, slots=True)
class Releasing:
    """The transfer may be on its way."""

    deal: Deal
    transfer: Transfer


@dataclass(frozen=True, slots=True)
class OutcomeUnknown:
    """The provider is asked what became of the transfer. `asked`: how often so far."""

    deal: Deal
    transfer: Transfer
    asked: int = 0


@dataclass(frozen=True, slots=True)
class ReleaseRefused:
    """The provider refused for certain; the money is still held."""

    deal: Deal
    transfer: Transfer
    reason: str


@dataclass(frozen=True, slots=True)
class Released:
    deal: Deal
    transfer: Transfer
    reference: str


@dataclass(frozen=True, slots=True)
class Refunded:
    deal: Deal
    refund: Money
    kill_fee: Money


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The contract ended before money was held."""

    deal: Deal


Existing: TypeAlias = Requested | Held | Releasing | OutcomeUnknown | ReleaseRefused | Released | Refunded | Cancelled
Payment: TypeAlias = Absent | Existing


# --- Commands --------------------------------------------------------------------------------------------------------


class RequestPayment(Command):
    """Both parties have signed: ask for the contract's money."""

    payment_id: PaymentId
    contract_id: ContractId
    campaign_id: CampaignId
    brand_id: BrandId
    creator_id: CreatorId
    amount: Money


class RecordHold(Command):
    """The brand's account has set the money aside."""

    payment_id: PaymentId


class ApproveRelease(Command):
    """The work is accepted: split off the platform's fee and pay the creator."""

    payment_id: PaymentId
    fee_bps: Annotated[int, Field(ge=0, le=WHOLE)]


class RetryRelease(Command):
    """It is time to try a refused transfer again."""

    payment_id: PaymentId


class RecordTransfer(Command):
    """What the provider answered about the transfer under this key."""

    payment_id: PaymentId
    key: Label
    outcome: Outcome


class Reconcile(Command):
    """It is time to ask the provider what became of the transfer under this key."""

    payment_id: PaymentId
    key: Label


class Refund(Command):
    """The contract ended early: give back what is held, less the kill fee."""

    payment_id: PaymentId
    kill_fee: Money


PaymentCommand: TypeAlias = RequestPayment | RecordHold | ApproveRelease | RetryRelease | RecordTransfer | Reconcile | Refund
PaymentEvent: TypeAlias = (
    PaymentRequested
    | FundsHeld
    | PaymentCancelled
    | ReleaseApproved
    | PaymentOutcomeUnknown
    | TransferLookupStarted
    | PaymentReleased
    | ReleaseFailed
    | RefundIssued
)


# --- Rules -----------------------------------------------------------------------------------------------------------


def decide(command: PaymentCommand, state: Payment) -> Decision:
    match command, state:
        case RequestPayment(), Absent():
            return _request(command)
        case RecordHold(), Requested(deal):
            return [_held(deal)]
        case ApproveRelease(fee_bps=fee_bps), Held(deal):
            return [_approved(deal, split_fee(deal.amount, fee_bps), attempt=1)]
        case RetryRelease(), ReleaseRefused(deal, transfer):
            return [_approved(deal, transfer.split, attempt=transfer.attempt + 1)]
        case RecordTransfer(key=key, outcome=outcome), (Releasing(deal, transfer) | OutcomeUnknown(deal, transfer)) if (
            key == transfer.key
        ):
            return [_outcome(outcome, deal, transfer, asked=getattr(state, "asked", 0))]
        case Reconcile(key=key), OutcomeUnknown(deal, transfer, asked) if key == transfer.key:
            return [
                TransferLookupStarted(
                    **deal.parties(),
                    creator_amount=transfer.split.creator_amount,
                    idempotency_key=key,
                    asked=asked + 1,
                )
            ]
        case Refund(), Requested(deal):
            return [PaymentCancelled(**deal.ids(), amount=deal.amount)]
        case Refund(kill_fee=kill_fee), (Held(deal) | ReleaseRefused(deal)):
            return [_refund(deal, kill_fee)]
        case RecordTransfer(key=key, outcome=Succeeded()), _ if not _agrees(key, state):
            raise Refusal(
                "TRANSFER_CONTRADICTED",
                "the provider reports a transfer that it had refused, or that was never made: look into it",
                key=key,
                state=type(state).__name__,
            )
        case _ if isinstance(state, ABSORBING[type(command)]):
            return []
        case _:
            raise illegal(command, state)


ABSORBING: Mapping[type[Command], tuple[type[Payment], ...]] = {
    RequestPayment: (Requested, Held, Releasing, OutcomeUnknown, ReleaseRefused, Released, Refunded, Cancelled),
    RecordHold: (Held, Releasing, OutcomeUnknown, ReleaseRefused, Released, Refunded, Cancelled),
    ApproveRelease: (Releasing, OutcomeUnknown, ReleaseRefused, Released, Refunded, Cancelled),
    RetryRelease: (Absent, Requested, Held, Releasing, OutcomeUnknown, Released, Refunded, Cancelled),
    RecordTransfer: (Releasing, OutcomeUnknown, ReleaseRefused, Released, Refunded),
    Reconcile: (Absent, Requested, Held, Releasing, OutcomeUnknown, ReleaseRefused, Released, Refunded, Cancelled),
    Refund: (Absent, Releasing, OutcomeUnknown, Released, Refunded, Cancelled),
}
"""Where a fact that comes late, twice or in vain changes nothing. A contract that ends after its release was approved (`Refund`
while `Releasing`) is one of them: the release came first, and it is carried through."""


def _agrees(key: str, state: Payment) -> bool:
    """A success that is news to none: of the transfer that was, or will be, recorded."""
    return isinstance(state, Released | Releasing | OutcomeUnknown) and key == state.transfer.key


def _request(command: RequestPayment) -> Decision:
    if command.amount.amount < 0:
        raise Refusal("AMOUNT_NEGATIVE", "a payment is not below zero", kind=Kind.INVALID_ARGUMENT, field="amount.amount")
    return [PaymentRequested(**command.model_dump(exclude={"actor", "at"}))]


def _held(deal: Deal) -> FundsHeld:
    moved = postings((brand_cash(deal.brand_id), contract_held(deal.contract_id), deal.amount))
    return FundsHeld(**deal.ids(), amount=deal.amount, postings=moved)


def _approved(deal: Deal, split: Split, *, attempt: int) -> ReleaseApproved:
    return ReleaseApproved(
        **deal.ids(),
        **split._asdict(),
        amount=deal.amount,
        attempt=attempt,
        idempotency_key=f"release/{deal.payment_id}/{attempt}",
    )


def _outcome(
    outcome: Succeeded | Refused | Unknown, deal: Deal, transfer: Transfer, *, asked: int
) -> PaymentReleased | ReleaseFailed | PaymentOutcomeUnknown:
    match outcome:
        case Succeeded(provider=provider, reference=reference):
            held, split = contract_held(deal.contract_id), transfer.split
            return PaymentReleased(
                **deal.ids(),
                **split._asdict(),
                amount=deal.amount,
                provider=provider,
                provider_reference=reference,
                postings=postings(
                    (held, creator_available(deal.creator_id), split.creator_amount),
                    (held, PLATFORM_FEES, split.platform_fee),
                ),
            )
        case Refused(reason=reason):
            return ReleaseFailed(**deal.parties(), reason=reason, attempt=transfer.attempt)
        case Unknown():
            return PaymentOutcomeUnknown(**deal.parties(), idempotency_key=transfer.key, asked=asked)
        case _:
            assert_never(outcome)


def _refund(deal: Deal, kill_fee: Money) -> RefundIssued:
    if kill_fee.currency != deal.amount.currency:
        raise Refusal(
            "CURRENCY_MISMATCH",
            f"the payment is in {deal.amount.currency}",
            kind=Kind.INVALID_ARGUMENT,
            field="kill_fee.currency",
        )
    if not 0 <= kill_fee.amount <= deal.amount.amount:
        raise Refusal(
            "KILL_FEE_OUT_OF_RANGE",
            "the kill fee is between zero and what is held",
            kind=Kind.INVALID_ARGUMENT,
            field="kill_fee.amount",
            held=deal.amount.amount,
        )
    held, refund = contract_held(deal.contract_id), deal.amount - kill_fee
    moved = postings((held, brand_cash(deal.brand_id), refund), (held, creator_available(deal.creator_id), kill_fee))
    return RefundIssued(**deal.ids(), amount=refund, kill_fee=kill_fee, postings=moved)


# --- Evolution -------------------------------------------------------------------------------------------------------


def evolve(state: Payment, event: PaymentEvent) -> Payment:
    if isinstance(event, PaymentRequested):
        return Requested(Deal(**{name: getattr(event, name) for name in Deal.__slots__}))
    assert not isinstance(state, Absent), f"{event.type} cannot be a payment's first event"
    deal = state.deal
    match event:
        case FundsHeld():
            return Held(deal)
        case PaymentCancelled():
            return Cancelled(deal)
        case ReleaseApproved(idempotency_key=key, attempt=attempt, creator_amount=creator, platform_fee=fee):
            return Releasing(deal, Transfer(key, attempt, Split(creator, fee)))
        case PaymentOutcomeUnknown(asked=asked):
            assert isinstance(state, Releasing | OutcomeUnknown)
            return OutcomeUnknown(deal, state.transfer, asked)
        case TransferLookupStarted(asked=asked):
            assert isinstance(state, OutcomeUnknown)
            return replace(state, asked=asked)
        case PaymentReleased(provider_reference=reference):
            assert isinstance(state, Releasing | OutcomeUnknown)
            return Released(deal, state.transfer, reference)
        case ReleaseFailed(reason=reason):
            assert isinstance(state, Releasing | OutcomeUnknown)
            return ReleaseRefused(deal, state.transfer, reason)
        case RefundIssued(amount=refund, kill_fee=kill_fee):
            return Refunded(deal, refund, kill_fee)
        case _:
            assert_never(event)


LEGAL: Mapping[type[Payment], tuple[type[Command], ...]] = {
    Absent: (RequestPayment,),
    Requested: (RecordHold, Refund),
    Held: (ApproveRelease, Refund),
    Releasing: (RecordTransfer,),
    OutcomeUnknown: (RecordTransfer, Reconcile),
    ReleaseRefused: (RetryRelease, Refund),
    Released: (),
    Refunded: (),
    Cancelled: (),
}

payment: Decider[PaymentCommand, Payment, PaymentEvent] = Decider(
    name="payment",
    prefix="pay",
    initial=Absent(),
    decide=decide,
    evolve=evolve,
    commands=PaymentCommand,
    legal=LEGAL,
    owners=lambda state: frozenset() if isinstance(state, Absent) else frozenset({state.deal.brand_id, state.deal.creator_id}),
)
