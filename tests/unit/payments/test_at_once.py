"""Row 4: many at once want the same money out of its hold, and it leaves once. Formance's stress test does 500 × 2."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import pytest

from libs.events.decider import Actor, Command, Role
from libs.events.envelope import Commit
from libs.events.faults import Faults
from libs.events.handler import CommandHandler, Outcome
from libs.events.ids import commit_id_of, derive
from libs.events.memory import LoopClock, MemoryCommitLog
from libs.events.ports import Unavailable
from libs.events.virtual_time import run_virtual
from services.payments.domain.outcome import Succeeded
from services.payments.domain.payment import (
    ApproveRelease,
    RecordHold,
    RecordTransfer,
    Refund,
    RequestPayment,
    payment,
)
from tests.unit.payments.examples import BRAND, CAMPAIGN, CREATOR, FEE, eur

HOLDS, ATTEMPTS, AT_ONCE = 5_000, 3, 50
SERVICE = Actor("payments", Role.SERVICE)
CANCELLED = 0.1
"""How often a caller goes away in the midst of its attempt; it comes back with the same."""


class Slow(Faults):
    """Each look and each write takes a moment; some replies are lost."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)

    async def at(self, point: str) -> None:
        await asyncio.sleep(self._chance.random() * 0.01)
        if point == "append.after" and self._chance.random() < 0.05:
            raise Unavailable("the reply is lost")


class Desk:
    """Three processes on one log."""

    def __init__(self, seed: int) -> None:
        self.log, self.chance = MemoryCommitLog(Slow(seed)), random.Random(seed)
        self.processes = [CommandHandler(self.log, LoopClock()) for _ in range(ATTEMPTS)]

    async def send(self, process: int, command: Command, *name: str) -> Outcome[object]:
        """Until it is answered, however often its sender goes away."""
        while True:
            sending = asyncio.ensure_future(
                self.processes[process].handle(payment, command, actor=SERVICE, commit_id=commit_id_of(*name))
            )
            if self.chance.random() < CANCELLED:
                asyncio.get_running_loop().call_later(self.chance.random() * 0.02, sending.cancel)
            try:
                return await sending
            except (asyncio.CancelledError, Unavailable):
                continue

    async def hold(self, number: int) -> str:
        contract = f"ctr_0000000001{number:06d}"
        id_ = derive("pay", contract)
        deal = {"payment_id": id_, "contract_id": contract, "campaign_id": CAMPAIGN, "brand_id": BRAND, "creator_id": CREATOR}
        await self.send(0, RequestPayment(**deal, amount=FEE), "request", id_)
        await self.send(0, RecordHold(payment_id=id_), "hold", id_)
        return id_


def moves(commit: Commit) -> list[str]:
    return [event.type.rpartition(".")[2] for event in commit.events]


async def story(seed: int, holds: int, *, refunds: bool) -> tuple[Counter[str], Counter[str], int]:
    """Facts; commits by attempts that changed something, of each payment; the sum of all accounts."""
    desk, slots = Desk(seed), asyncio.Semaphore(AT_ONCE)
    done: Counter[str] = Counter()

    async def attempt(process: int, id_: str) -> None:
        async with slots:
            last = refunds and process == ATTEMPTS - 1
            command = Refund(payment_id=id_, kill_fee=eur(0)) if last else ApproveRelease(payment_id=id_, fee_bps=1000)
            outcome = await desk.send(process, command, "end", id_, str(process))
            done[id_] += outcome.commit is not None
            if outcome.commit and moves(outcome.commit) == ["ReleaseApproved"]:
                transferred = Succeeded(provider="sandbox", reference=f"tr/{id_}")
                told = RecordTransfer(payment_id=id_, key=f"release/{id_}/1", outcome=transferred)
                await asyncio.gather(*(desk.send(p, told, "told", id_, str(p)) for p in range(ATTEMPTS)))

    ids = [await desk.hold(number) for number in range(holds)]
    attempts = [(process, id_) for id_ in ids for process in range(ATTEMPTS)]
    desk.chance.shuffle(attempts)
    await asyncio.gather(*(attempt(process, id_) for process, id_ in attempts))
    facts, balances = Counter[str](), Counter[str]()
    for commit in await desk.log.read(0, 1_000_000):
        facts.update(moves(commit))
        for event in commit.events:
            for posting in event.data.get("postings", ()):
                balances[posting["debit"]] -= posting["amount"]["amount"]
                balances[posting["credit"]] += posting["amount"]["amount"]
    assert all(balances[name] == 0 for name in balances if name.startswith("contract:"))
    return facts, done, balances.total()


def test_what_is_released_by_three_at_once_is_released_once() -> None:
    facts, done, total = run_virtual(story(1, HOLDS, refunds=False), seed=1)
    assert (facts["ReleaseApproved"], facts["PaymentReleased"], total) == (HOLDS, HOLDS, 0)
    assert set(done.values()) == {1}, "one attempt did it, the others found it done"


@pytest.mark.parametrize("seed", [2, 3])
def test_released_and_given_back_at_once_is_one_of_them(seed: int) -> None:
    facts, done, total = run_virtual(story(seed, 500, refunds=True), seed=seed)
    assert facts["PaymentReleased"] + facts["RefundIssued"] == 500
    assert min(facts["PaymentReleased"], facts["RefundIssued"]) > 100, "the race has both winners"
    assert (set(done.values()), total) == ({1}, 0)
