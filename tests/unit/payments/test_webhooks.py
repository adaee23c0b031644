"""A webhook makes us ask, and nothing else."""

from __future__ import annotations

import asyncio
import itertools
from datetime import datetime
from typing import Any

import orjson
import pytest

from libs.chassis.rpcs import Told
from libs.chassis.webhooks import signed
from libs.events.decider import Command, Kind, Refusal
from libs.events.memory import ManualClock, MemoryDocuments
from libs.events.ports import Unavailable
from libs.events.reactions import Keyed
from libs.events.testing import AT
from services.payments.adapters import NAME, SandboxProvider
from services.payments.domain.account import InUse, RecordCharge, account
from services.payments.domain.outcome import Refused, Succeeded, Unknown
from services.payments.domain.payment import RecordTransfer
from services.payments.ports import Answer
from services.payments.webhooks import receiving
from tests.unit.payments.examples import BRAND, DEPOSIT, KEY, PAYMENT, deposit_requested, eur

SECRET = b"a secret of the sandbox provider"
DONE = Succeeded(provider=NAME, reference="sandbox/1")
CHARGE = {"type": "charge", "key": DEPOSIT, "brand_id": BRAND}
TRANSFER = {"type": "transfer", "key": KEY, "payment_id": PAYMENT}


class Known:
    """A provider that has one answer to every look-up, and the sandbox's webhooks."""

    name = NAME
    notice = staticmethod(SandboxProvider(MemoryDocuments(), (SECRET,)).notice)

    def __init__(self, outcome: Answer | None) -> None:
        self._outcome = outcome

    async def lookup(self, key: str) -> Answer | None:
        return self._outcome


def told(body: Any, *, at: datetime = AT, id_: str = "msg_1", sender: str = NAME, key: bytes = SECRET) -> Told:
    payload = body if isinstance(body, bytes) else orjson.dumps(body)
    return Told(sender, signed(key, id_, at, payload), payload)


def received(given: Told, outcome: Answer | None = DONE) -> list[Keyed]:
    async def all_of_it() -> list[Keyed]:
        return [one async for one in receiving(Known(outcome), ManualClock(AT))(given)]

    return asyncio.run(all_of_it())


def refusal(given: Told, outcome: Answer | None = DONE) -> Refusal:
    with pytest.raises(Refusal) as refused:
        received(given, outcome)
    return refused.value


@pytest.mark.parametrize("outcome", [DONE, Refused(reason="no cover")])
def test_what_became_of_it_is_what_the_provider_says_when_it_is_asked(outcome: Answer):
    assert received(told(CHARGE), outcome) == [
        Keyed("msg_1", RecordCharge(brand_id=BRAND, deposit_id=DEPOSIT, outcome=outcome))
    ]
    assert received(told(TRANSFER), outcome) == [Keyed("msg_1", RecordTransfer(payment_id=PAYMENT, key=KEY, outcome=outcome))]


@pytest.mark.parametrize("outcome", [None, Unknown()])
def test_what_the_provider_cannot_say_yet_it_shall_tell_again(outcome: Answer | None):
    with pytest.raises(Unavailable):
        received(told(CHARGE), outcome)


@pytest.mark.parametrize(
    "forged", [told(CHARGE, key=SECRET[::-1]), told(CHARGE, at=AT.replace(year=2020)), Told(NAME, {}, orjson.dumps(CHARGE))]
)
def test_a_forged_or_old_one_is_not_heard(forged: Told):
    assert refusal(forged).kind is Kind.UNAUTHENTICATED


def test_another_provider_does_not_exist():
    assert refusal(told(CHARGE, sender="another")).kind is Kind.NOT_FOUND


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", {}, {**CHARGE, "type": "gift"}, {**CHARGE, "brand_id": None}, {**TRANSFER, "payment_id": "x"}]
)
def test_what_makes_no_sense_is_refused_though_it_is_signed(body: Any):
    assert refusal(told(body)).kind is Kind.INVALID_ARGUMENT


# --- trap 6 and row 6: any order, any number of times ----------------------------------------------------------------


def _decided(state: Any, command: Command) -> Any:
    for event in account.decide(command.model_copy(update={"at": AT}), state):
        state = account.evolve(state, event)
    return state


def test_all_orders_of_a_deposits_story_three_times_each_come_to_the_same():
    """Row 6: the call's own answer, which is lost, two webhooks and two look-ups."""
    begun = account.evolve(account.initial, deposit_requested(eur(5_000)))

    def record(outcome: Answer) -> RecordCharge:
        return RecordCharge(brand_id=BRAND, deposit_id=DEPOSIT, outcome=outcome)

    story = (record(Unknown()), record(DONE), record(DONE), record(Unknown()), record(DONE))
    ends = set()
    for order in itertools.permutations(story):
        state = begun
        for command in order:
            for _ in range(3):
                state = _decided(state, command)
        assert isinstance(state, InUse)
        ends.add((tuple(state.available.items()), tuple(state.pending), state.settled))
    assert [(available, pending) for available, pending, _ in ends] == [((("EUR", 5_000),), ())]
