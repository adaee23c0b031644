"""What payments needs from outside: someone who moves real money."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from libs.events.catalog.values import BrandId, CreatorId, DepositId, Money, PaymentId
from services.payments.domain.outcome import Refused, Succeeded, Unknown

Answer = Succeeded | Refused | Unknown
A = TypeVar("A", Answer, Answer | None)


KEYS_LAST = timedelta(hours=12)
"""How long a key may be sent again. Providers forget keys (Stripe: after 24 hours at the earliest), and then do the same once
more: what was asked for longer ago is looked up before."""


@dataclass(frozen=True, slots=True)
class ChargeNotice:
    """The provider says that something became of a charge. `id`: of the notice, the same each time that it is told; `key`: as
    the charge was asked for."""

    id: str
    key: DepositId
    brand_id: BrandId


@dataclass(frozen=True, slots=True)
class TransferNotice:
    """The same of a transfer."""

    id: str
    key: str
    payment_id: PaymentId


Notice = ChargeNotice | TransferNotice


class PaymentProvider(Protocol):
    """Every effect has a key that was stored before the call. The same key has no second effect within `KEYS_LAST`; with
    another amount or party it is an error (`KeyReused`). An answer that got lost is `Unknown`, never a failure. May raise
    `Unavailable` where it is certain that nothing was done: the call is then made again."""

    async def charge(self, key: str, brand_id: BrandId, amount: Money) -> Answer:
        """Takes money from the brand."""
        ...

    async def transfer(self, key: str, creator_id: CreatorId, amount: Money) -> Answer:
        """Gives money to the creator."""
        ...

    async def lookup(self, key: str) -> Answer | None:
        """What became of the charge or transfer under this key, however long ago (by our reference, not by the provider's cache
        of idempotency keys). None: it never reached the provider."""
        ...

    @property
    def name(self) -> str:
        """What it is called in settings, in references and in the path of its webhooks."""
        ...

    def notice(self, headers: Mapping[str, str], payload: bytes, now: datetime) -> Notice:
        """What a webhook is about. Raises `Refusal`: UNAUTHENTICATED unless it is surely the provider's, and fresh;
        INVALID_ARGUMENT where it is about nothing that is done here."""
        ...


@dataclass(frozen=True, slots=True)
class Bounded:
    """A provider that is not waited for longer than `seconds`: a call without an answer may have had its effect, so its
    outcome is unknown. One that hangs would hold up every other payment."""

    provider: PaymentProvider
    seconds: float

    async def charge(self, key: str, brand_id: BrandId, amount: Money) -> Answer:
        return await self._answer(self.provider.charge(key, brand_id, amount))

    async def transfer(self, key: str, creator_id: CreatorId, amount: Money) -> Answer:
        return await self._answer(self.provider.transfer(key, creator_id, amount))

    async def lookup(self, key: str) -> Answer | None:
        """A look-up has no effect: without an answer it tells nothing, not even that nothing was found."""
        return await self._answer(self.provider.lookup(key))

    @property
    def name(self) -> str:
        return self.provider.name

    def notice(self, headers: Mapping[str, str], payload: bytes, now: datetime) -> Notice:
        return self.provider.notice(headers, payload, now)

    async def _answer(self, call: Awaitable[A]) -> A | Unknown:
        try:
            async with asyncio.timeout(self.seconds):
                return await call
        except TimeoutError:
            return Unknown()


class KeyReused(ValueError):
    """The same key was used for another charge or transfer."""
