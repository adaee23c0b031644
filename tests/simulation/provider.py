"""A payment provider that fails in every way that real ones do, and remembers what it really did."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

from libs.events.catalog.values import BrandId, CreatorId, Money
from libs.events.ports import Clock, Unavailable
from services.payments.domain.outcome import Refused, Succeeded, Unknown
from services.payments.ports import Answer, KeyReused
from tests.simulation.process import check_alive

HANGS = 86_400.0
"""Seconds that a call which hangs takes, if nobody gives up before."""
KEYS_LAST = timedelta(hours=24)
"""How long a key is known to be the same again (Stripe: pruned after at least 24 hours). Later it is a new one to it, and money
moves once more; a look-up, which goes by our reference, still finds what was done."""
TROUBLES = ("unavailable", "lost before", "lost after", "lost after", "refused", "hangs", "slow")
"""Of a call that has an effect; what is hardest to tell comes twice as often."""


@dataclass(frozen=True, slots=True)
class Effect:
    """Money that moved."""

    kind: str
    party: str
    amount: Money


class Provider:
    """`PaymentProvider`. `effects`: what moved, by key, each time that it did."""

    def __init__(self, chance: random.Random, clock: Clock, happened: Counter[str]) -> None:
        self._chance, self._clock, self._happened = chance, clock, happened
        self.troubled = 0.0
        """How often a call goes wrong."""
        self.effects: dict[str, list[Effect]] = {}
        self._outcomes: dict[str, tuple[Effect, Answer]] = {}
        self._keys: dict[str, datetime] = {}
        """When each key was first seen."""

    async def charge(self, key: str, brand_id: BrandId, amount: Money) -> Answer:
        return await self._do(key, Effect("charge", brand_id, amount))

    async def transfer(self, key: str, creator_id: CreatorId, amount: Money) -> Answer:
        return await self._do(key, Effect("transfer", creator_id, amount))

    async def lookup(self, key: str) -> Answer | None:
        check_alive()
        await self._trouble("look-up", ("unavailable", "slow"))
        known = self._outcomes.get(key)
        if known is None:
            self._happened["provider: a look-up found nothing"] += 1
            return None
        return known[1]

    async def _do(self, key: str, effect: Effect) -> Answer:
        check_alive()
        sent = self._clock.now()  # while it is on its way, the world's clock may leap over days; no call takes that long
        kind = await self._trouble("call", TROUBLES)
        if kind == "lost before":
            return Unknown()
        known = self._remembered(key, sent)
        if known is not None and known[0] != effect:
            raise KeyReused(key)
        if known is not None:
            self._happened["provider: the same key again"] += 1
            outcome = known[1]
        else:
            self._keys[key] = sent
            outcome = Refused(reason="not today") if kind == "refused" else Succeeded(provider="sim", reference=f"sim/{key}")
            self._outcomes[key] = (effect, outcome)
            if isinstance(outcome, Succeeded):
                self.effects.setdefault(key, []).append(effect)
        if kind == "hangs":
            await asyncio.sleep(HANGS)
        return Unknown() if kind == "lost after" else outcome

    def _remembered(self, key: str, at: datetime) -> tuple[Effect, Answer] | None:
        known = self._outcomes.get(key)
        if known is not None and at - self._keys[key] > KEYS_LAST:
            self._happened["provider: a key forgotten"] += 1
            return None
        return known

    async def _trouble(self, what: str, kinds: tuple[str, ...]) -> str:
        if self._chance.random() >= self.troubled:
            return ""
        kind = self._chance.choice(kinds)
        self._happened[f"provider: {what} {kind}"] += 1
        if kind == "unavailable":
            raise Unavailable("the provider does not take calls")
        if kind == "slow":
            await asyncio.sleep(self._chance.random() * 5)
            check_alive()
        return kind
