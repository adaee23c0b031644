"""The sandbox: a payment provider that moves no money and keeps its word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from libs.chassis.errors import from_validation
from libs.chassis.webhooks import verified
from libs.events.catalog.values import BrandId, CreatorId, Label, Money, PaymentId, Value
from libs.events.decider import Kind, Refusal
from libs.events.ports import Document, Documents, Unavailable, Write
from services.payments.domain.outcome import Outcome, Refused, Succeeded, Unknown
from services.payments.ports import Answer, ChargeNotice, KeyReused, Notice, TransferNotice

COLLECTION = "sandbox_provider"
NAME = "sandbox"
CONTENTION = 10
"""Attempts to write one key's document that others write too."""

REFUSED, ANSWER_LOST, REQUEST_LOST = 13, 17, 19
"""Amounts whose last two digits (minor units) make the sandbox misbehave, in the manner of test cards:
- `…13` is refused for certain;
- `…17` is done, but every answer to the call itself is lost: only a look-up tells;
- `…19` is lost on its way the first time: nothing is done, the answer is unknown, and a look-up finds nothing; sent again under
  the same key, it is done.
Every other amount is done at once."""

_outcome: TypeAdapter[Answer] = TypeAdapter(Outcome)


@dataclass(frozen=True, slots=True)
class SandboxProvider:
    """Deterministic. What it did is kept by key, so that it survives a restart, and a repeated key gets the first outcome."""

    documents: Documents
    keys: tuple[bytes, ...] = ()
    """That it signs its webhooks with."""

    name = NAME

    async def charge(self, key: str, brand_id: BrandId, amount: Money) -> Answer:
        return await self._do(key, {"kind": "charge", "party": brand_id, "amount": amount.model_dump()})

    async def transfer(self, key: str, creator_id: CreatorId, amount: Money) -> Answer:
        return await self._do(key, {"kind": "transfer", "party": creator_id, "amount": amount.model_dump()})

    async def lookup(self, key: str) -> Answer | None:
        found = (await self.documents.get(COLLECTION, [key])).get(key)
        if found is None or found.body["outcome"] is None:
            return None
        return _outcome.validate_python(found.body["outcome"])

    def notice(self, headers: Mapping[str, str], payload: bytes, now: datetime) -> Notice:
        return read_notice(verified(self.keys, headers, payload, now), payload)

    async def _do(self, key: str, request: Document) -> Answer:
        ending = request["amount"]["amount"] % 100
        for _ in range(CONTENTION):
            found = (await self.documents.get(COLLECTION, [key])).get(key)
            if found is not None and found.body["request"] != request:
                raise KeyReused(f"{key} was used for another {found.body['request']['kind']}")
            if found is not None and found.body["outcome"] is not None:
                return _told(ending, _outcome.validate_python(found.body["outcome"]))
            outcome = None if found is None and ending == REQUEST_LOST else _outcome_of(key, ending)
            body = {"request": request, "outcome": outcome and outcome.model_dump(mode="json")}
            if not await self.documents.put(COLLECTION, [Write(key, found.revision if found else 0, body)]):
                return _told(ending, outcome)
        raise Unavailable(f"the sandbox's record of {key} is contended")


class _Told(Value):
    """A webhook of the sandbox. `key`: of the charge or transfer; a charge has a `brand_id`, a transfer a `payment_id`."""

    type: Literal["charge", "transfer"]
    key: Label
    brand_id: BrandId | None = None
    payment_id: PaymentId | None = None


def read_notice(id_: str, payload: bytes) -> Notice:
    """What a webhook in the sandbox's words is about. Raises `Refusal` (INVALID_ARGUMENT)."""
    try:
        told = _Told.model_validate_json(payload)
    except ValidationError as error:
        raise from_validation(error) from None
    match told:
        case _Told(type="charge", brand_id=str(brand)):
            return ChargeNotice(id_, told.key, brand)
        case _Told(type="transfer", payment_id=str(payment)):
            return TransferNotice(id_, told.key, payment)
        case _:
            raise Refusal("WEBHOOK_INVALID", "a charge names its brand, a transfer its payment", kind=Kind.INVALID_ARGUMENT)


def _outcome_of(key: str, ending: int) -> Answer:
    if ending == REFUSED:
        return Refused(reason="the sandbox refuses amounts that end in 13")
    return Succeeded(provider=NAME, reference=f"{NAME}/{key}")


def _told(ending: int, outcome: Answer | None) -> Answer:
    """What reaches the caller."""
    return Unknown() if outcome is None or ending == ANSWER_LOST else outcome
