"""A provider is waited for no longer than it is given."""

from __future__ import annotations

import asyncio

from libs.events.catalog.values import Money
from libs.events.virtual_time import run_virtual
from services.payments.domain.outcome import Succeeded, Unknown
from services.payments.ports import Answer, Bounded

AMOUNT = Money(amount=5_000, currency="USD")
DONE = Succeeded(provider="slow", reference="slow/1")


class Slow:
    """Answers after some seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def charge(self, key: str, brand_id: str, amount: Money) -> Answer:
        return await self.lookup(key)

    async def transfer(self, key: str, creator_id: str, amount: Money) -> Answer:
        return await self.lookup(key)

    async def lookup(self, key: str) -> Answer:
        await asyncio.sleep(self._seconds)
        return DONE


async def answers(provider: Bounded) -> list[Answer | None]:
    return [
        await provider.charge("dep_1", "brd_1", AMOUNT),
        await provider.transfer("release/pay_1/1", "crt_1", AMOUNT),
        await provider.lookup("dep_1"),
    ]


def test_an_answer_in_time_is_given_on() -> None:
    assert run_virtual(answers(Bounded(Slow(9.9), 10))) == [DONE, DONE, DONE]


def test_a_provider_that_hangs_leaves_the_outcome_unknown() -> None:
    assert run_virtual(answers(Bounded(Slow(86_400), 10))) == [Unknown(), Unknown(), Unknown()]
