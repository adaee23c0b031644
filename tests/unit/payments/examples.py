"""What the payments specifications speak of."""

from libs.events.catalog.payments import (
    DepositRequested,
    FundsDeposited,
    FundsHeld,
    FundsReserved,
    PaymentCancelled,
    PaymentOutcomeUnknown,
    PaymentReleased,
    PaymentRequested,
    RefundIssued,
    ReleaseApproved,
    ReleaseFailed,
    ReservationQueued,
    TransferLookupStarted,
)
from libs.events.catalog.values import Money, Posting
from libs.events.decider import Actor, Role
from libs.events.ids import derive

BRAND, OTHER_BRAND = "brd_0000000001acme", "brd_0000000002rival"
CREATOR = "crt_0000000001ana"
CAMPAIGN = "cmp_0000000001spring"
CONTRACT = "ctr_0000000001deal"
PAYMENT = derive("pay", CONTRACT)
DEPOSIT = "dep_0000000001first"
KEY = f"release/{PAYMENT}/1"

OWNER = Actor("sub-acme", Role.BRAND, BRAND)
STRANGER = Actor("sub-rival", Role.BRAND, OTHER_BRAND)
ANA = Actor("sub-ana", Role.CREATOR, CREATOR)


def eur(amount: int) -> Money:
    return Money(amount=amount, currency="EUR")


def usd(amount: int) -> Money:
    return Money(amount=amount, currency="USD")


FEE = eur(120_000)
PARTIES = {"payment_id": PAYMENT, "contract_id": CONTRACT, "brand_id": BRAND, "creator_id": CREATOR}
IDS = {**PARTIES, "campaign_id": CAMPAIGN}
SPLIT = {"creator_amount": eur(108_000), "platform_fee": eur(12_000)}
CASH, HELD = f"brand:{BRAND}:cash", f"contract:{CONTRACT}:held"
AVAILABLE = f"creator:{CREATOR}:available"


def moved(debit: str, credit: str, amount: Money) -> Posting:
    return Posting(debit=debit, credit=credit, amount=amount)


requested = PaymentRequested(**IDS, amount=FEE)
held = FundsHeld(**IDS, amount=FEE, postings=(moved(CASH, HELD, FEE),))
cancelled = PaymentCancelled(**IDS, amount=FEE)


def approved(attempt: int = 1) -> ReleaseApproved:
    return ReleaseApproved(**IDS, **SPLIT, amount=FEE, attempt=attempt, idempotency_key=f"release/{PAYMENT}/{attempt}")


def unknown(asked: int = 0) -> PaymentOutcomeUnknown:
    return PaymentOutcomeUnknown(**PARTIES, idempotency_key=KEY, asked=asked)


def asked(times: int) -> TransferLookupStarted:
    return TransferLookupStarted(**PARTIES, creator_amount=eur(108_000), idempotency_key=KEY, asked=times)


def failed(attempt: int = 1) -> ReleaseFailed:
    return ReleaseFailed(**PARTIES, reason="account closed", attempt=attempt)


released = PaymentReleased(
    **IDS,
    **SPLIT,
    amount=FEE,
    provider="sandbox",
    provider_reference="tr-1",
    postings=(moved(HELD, AVAILABLE, eur(108_000)), moved(HELD, "platform:fees", eur(12_000))),
)


def refunded(kill_fee: int = 0) -> RefundIssued:
    back = moved(HELD, CASH, eur(FEE.amount - kill_fee))
    kept = (moved(HELD, AVAILABLE, eur(kill_fee)),) if kill_fee else ()
    return RefundIssued(**IDS, amount=eur(FEE.amount - kill_fee), kill_fee=eur(kill_fee), postings=(back, *kept))


def deposit_requested(amount: Money, deposit: str = DEPOSIT) -> DepositRequested:
    return DepositRequested(brand_id=BRAND, deposit_id=deposit, amount=amount)


def deposited(amount: Money, deposit: str = DEPOSIT) -> FundsDeposited:
    return FundsDeposited(
        brand_id=BRAND,
        deposit_id=deposit,
        amount=amount,
        provider="sandbox",
        provider_reference="ch-1",
        postings=(moved("world:deposits", CASH, amount),),
    )


def payment_id(number: int) -> str:
    return f"pay_0000000001{number:04d}"


def reserved(amount: Money, payment: str = PAYMENT) -> FundsReserved:
    return FundsReserved(brand_id=BRAND, payment_id=payment, amount=amount)


def queued(amount: Money, missing: Money, payment: str = PAYMENT) -> ReservationQueued:
    return ReservationQueued(brand_id=BRAND, payment_id=payment, amount=amount, missing=missing)
