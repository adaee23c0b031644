"""A payment provider that fails in every way that real ones do, and remembers what it really did. It tells of it by webhooks,
which come late, twice, in another order, or never; and somebody else sends some, too."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextvars import Context
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from libs.chassis.webhooks import TOLERANCE, signed, verified
from libs.events.catalog.values import BrandId, CreatorId, Money
from libs.events.ports import Clock, Unavailable
from services.payments.adapters import read_notice
from services.payments.domain.outcome import Refused, Succeeded, Unknown
from services.payments.ports import Answer, KeyReused, Notice
from tests.simulation.process import check_alive

HANGS = 86_400.0
"""Seconds that a call which hangs takes, if nobody gives up before."""
KEYS_LAST = timedelta(hours=24)
"""How long a key is known to be the same again (Stripe: pruned after at least 24 hours). Later it is a new one to it, and money
moves once more; a look-up, which goes by our reference, still finds what was done."""
TROUBLES = ("unavailable", "lost before", "lost after", "lost after", "refused", "hangs", "slow")
"""Of a call that has an effect; what is hardest to tell comes twice as often."""


NAME, SECRET = "sim", b"a secret of the simulation"
TELLINGS = 8
"""Attempts to deliver a webhook, each after a longer pause."""
LATEST = 20.0
"""Seconds: later than nearly all that waits for it."""
LONG_AGO = timedelta(seconds=TOLERANCE + 600)
"""Too old, also where the clock jumps back meanwhile."""
Told = dict[str, Any]
Post = Callable[[Told, Mapping[str, str]], Awaitable[int]]
"""Delivers a webhook; the answer's status, 0 where there is none."""


@dataclass(frozen=True, slots=True)
class Effect:
    """Money that moved."""

    kind: str
    party: str
    amount: Money


class Provider:
    """`PaymentProvider`. `effects`: what moved, by key, each time that it did."""

    name = NAME

    def __init__(self, chance: random.Random, mail: random.Random, clock: Clock, happened: Counter[str], post: Post) -> None:
        """`mail`: chance of what becomes of webhooks."""
        self._chance, self._mail, self._clock, self._happened, self._post = chance, mail, clock, happened, post
        self.troubled = 0.0
        """How often a call goes wrong."""
        self.effects: dict[str, list[Effect]] = {}
        self.looked: Counter[str] = Counter()
        """Look-ups that were answered, by key."""
        self._told = 0
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
        self.looked[key] += 1
        known = self._outcomes.get(key)
        if known is None:
            self._happened["provider: a look-up found nothing"] += 1
            return None
        return known[1]

    def notice(self, headers: Mapping[str, str], payload: bytes, now: datetime) -> Notice:
        return read_notice(verified((SECRET,), headers, payload, now), payload)

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
            outcome = Refused(reason="not today") if kind == "refused" else Succeeded(provider=NAME, reference=f"{NAME}/{key}")
            self._outcomes[key] = (effect, outcome)
            if isinstance(outcome, Succeeded):
                self.effects.setdefault(key, []).append(effect)
            self._tell(key, effect)
        if kind == "hangs":
            await asyncio.sleep(HANGS)
        return Unknown() if kind == "lost after" else outcome

    # --- webhooks ----------------------------------------------------------------------------------------------------

    def _tell(self, key: str, effect: Effect) -> None:
        """In its own time: what it tells outlives the process that asked for it."""
        about = {"brand_id": effect.party} if effect.kind == "charge" else {"payment_id": key.split("/")[1]}
        self._told += 1
        telling = self._deliver(f"msg_{self._told}", {"type": effect.kind, "key": key, **about})
        asyncio.get_running_loop().create_task(telling, context=Context())

    async def _deliver(self, id_: str, told: Told) -> None:
        if self._mail.random() < self.troubled / 2:
            self._count("late")
            await asyncio.sleep(self._mail.random() * LATEST)
        for attempt in range(TELLINGS):
            await asyncio.sleep(self._mail.random() * 0.1 * 2**attempt)
            if self._mail.random() < self.troubled / 2:
                self._count("lost")
            elif await self._taken(id_, told):
                break
        while self._mail.random() < self.troubled / 4:
            self._count("told again")
            await self._taken(id_, told)
        if self._mail.random() < self.troubled / 4:
            await self._forge(told)

    async def _taken(self, id_: str, told: Told) -> bool:
        status = await self._post(told, signed(SECRET, id_, self._clock.now(), orjson.dumps(told)))
        self._count({200: "taken", 503: "not yet"}.get(status, "unanswered" if status == 0 else f"refused {status}"))
        return status == 200

    async def _forge(self, told: Told) -> None:
        """Another's signature, one over something else, or a copy of an old one."""
        now, payload = self._clock.now(), orjson.dumps(told)
        headers = self._mail.choice(
            (
                signed(SECRET[::-1], "msg_forged", now, payload),
                signed(SECRET, "msg_forged", now, payload + b" "),
                signed(SECRET, "msg_forged", now - LONG_AGO, payload),
            )
        )
        status = await self._post(told, headers)
        self._count("a forged one taken" if status == 200 else "a forged one refused" if status == 401 else "unanswered")

    def _count(self, what: str) -> None:
        self._happened[f"webhook: {what}"] += 1

    # --- troubles ----------------------------------------------------------------------------------------------------

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
