"""What payments needs from outside: someone who moves real money."""

from __future__ import annotations

from typing import Protocol

from libs.events.catalog.values import BrandId, CreatorId, Money
from services.payments.domain.outcome import Refused, Succeeded, Unknown

Answer = Succeeded | Refused | Unknown


class PaymentProvider(Protocol):
    """Every effect has a key that was stored before the call. The same key never has a second effect; the same key with another
    amount or party is an error (`KeyReused`). An answer that got lost is `Unknown`, never a failure. May raise `Unavailable`
    where it is certain that nothing was done: the call is then made again."""

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


class KeyReused(ValueError):
    """The same key was used for another charge or transfer."""
