"""payments: how money moves. Every event that moves money carries its postings; they sum to zero by their form."""

from __future__ import annotations

from libs.events.catalog.values import (
    BrandId,
    CampaignId,
    ContractId,
    Count,
    CreatorId,
    DepositId,
    Label,
    Money,
    PaymentId,
    Posting,
    Text,
)
from libs.events.registry import Event, event

# --- Account: a brand's cash, and what of it is reserved -------------------------------------------------------------


@event("limelight.payments.DepositRequested", version=1)
class DepositRequested(Event):
    brand_id: BrandId
    deposit_id: DepositId
    amount: Money


@event("limelight.payments.FundsDeposited", version=1)
class FundsDeposited(Event):
    """The provider charged the brand. `world:deposits → brand:cash`."""

    brand_id: BrandId
    deposit_id: DepositId
    amount: Money
    provider: Label
    provider_reference: Label
    postings: tuple[Posting, ...]


@event("limelight.payments.DepositFailed", version=1)
class DepositFailed(Event):
    brand_id: BrandId
    deposit_id: DepositId
    amount: Money
    reason: Text


@event("limelight.payments.DepositOutcomeUnknown", version=1)
class DepositOutcomeUnknown(Event):
    """The provider's answer to the charge is ambiguous: it is looked up. `asked`: look-ups that have been made so far."""

    brand_id: BrandId
    deposit_id: DepositId
    amount: Money
    asked: Count = 0


@event("limelight.payments.DepositLookupStarted", version=1)
class DepositLookupStarted(Event):
    """The provider is asked what became of the charge. `asked` counts from 1."""

    brand_id: BrandId
    deposit_id: DepositId
    amount: Money
    asked: Count


@event("limelight.payments.FundsReserved", version=1)
class FundsReserved(Event):
    """Cash set aside for a payment: no other can take it."""

    brand_id: BrandId
    payment_id: PaymentId
    amount: Money


@event("limelight.payments.ReservationQueued", version=1)
class ReservationQueued(Event):
    """Not enough cash yet: the payment waits for a deposit, first come, first served."""

    brand_id: BrandId
    payment_id: PaymentId
    amount: Money
    missing: Money


@event("limelight.payments.ReservationReturned", version=1)
class ReservationReturned(Event):
    """A refund made cash free again (the rest, a kill fee, is spent); or a wait ended, and nothing had been taken."""

    brand_id: BrandId
    payment_id: PaymentId
    amount: Money


@event("limelight.payments.ReservationSpent", version=1)
class ReservationSpent(Event):
    """The payment was released: what was reserved for it is no longer the brand's."""

    brand_id: BrandId
    payment_id: PaymentId
    amount: Money


# --- Payment: one per contract ---------------------------------------------------------------------------------------


@event("limelight.payments.PaymentRequested", version=1)
class PaymentRequested(Event):
    payment_id: PaymentId
    contract_id: ContractId
    campaign_id: CampaignId
    brand_id: BrandId
    creator_id: CreatorId
    amount: Money


@event("limelight.payments.FundsHeld", version=1)
class FundsHeld(Event):
    """The contract's money is held. `brand:cash → contract:held`."""

    payment_id: PaymentId
    contract_id: ContractId
    campaign_id: CampaignId
    brand_id: BrandId
    creator_id: CreatorId
    amount: Money
    postings: tuple[Posting, ...]


@event("limelight.payments.PaymentCancelled", version=1)
class PaymentCancelled(Event):
    """The contract ended before money was held."""

    payment_id: PaymentId
    contract_id: ContractId
    brand_id: BrandId
    creator_id: CreatorId
    campaign_id: CampaignId
    amount: Money


@event("limelight.payments.ReleaseApproved", version=1)
class ReleaseApproved(Event):
    """The transfer to the creator may be made; from here on no refund can be. `idempotency_key` is the transfer's at the
    provider: it is stored before the provider is called, so that every later question is about the same transfer."""

    payment_id: PaymentId
    contract_id: ContractId
    campaign_id: CampaignId
    brand_id: BrandId
    creator_id: CreatorId
    amount: Money
    creator_amount: Money
    platform_fee: Money
    attempt: Count
    idempotency_key: Label


@event("limelight.payments.PaymentOutcomeUnknown", version=1)
class PaymentOutcomeUnknown(Event):
    """The provider's answer is ambiguous: it is looked up, never retried under a new key. `asked`: look-ups made so far."""

    payment_id: PaymentId
    contract_id: ContractId
    brand_id: BrandId
    creator_id: CreatorId
    idempotency_key: Label
    asked: Count = 0


@event("limelight.payments.TransferLookupStarted", version=1)
class TransferLookupStarted(Event):
    """The provider is asked what became of the transfer. `asked` counts from 1."""

    payment_id: PaymentId
    contract_id: ContractId
    brand_id: BrandId
    creator_id: CreatorId
    creator_amount: Money
    idempotency_key: Label
    asked: Count


@event("limelight.payments.PaymentReleased", version=1)
class PaymentReleased(Event):
    """The creator has the money. `contract:held → creator:available + platform:fees`."""

    payment_id: PaymentId
    contract_id: ContractId
    campaign_id: CampaignId
    brand_id: BrandId
    creator_id: CreatorId
    amount: Money
    creator_amount: Money
    platform_fee: Money
    provider: Label
    provider_reference: Label
    postings: tuple[Posting, ...]


@event("limelight.payments.ReleaseFailed", version=1)
class ReleaseFailed(Event):
    """The provider refused the transfer for certain: the money is still held and the release can be approved again."""

    payment_id: PaymentId
    contract_id: ContractId
    brand_id: BrandId
    creator_id: CreatorId
    reason: Text
    attempt: Count


@event("limelight.payments.RefundIssued", version=1)
class RefundIssued(Event):
    """What was held is the brand's cash again, less the kill fee, which is the creator's."""

    payment_id: PaymentId
    contract_id: ContractId
    campaign_id: CampaignId
    brand_id: BrandId
    creator_id: CreatorId
    amount: Money
    kill_fee: Money
    postings: tuple[Posting, ...]
