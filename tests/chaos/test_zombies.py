"""A process that is taken for dead, and wakes up with what it had in hand, after another has taken its place."""

from __future__ import annotations

import asyncio
import signal

import pytest

from cli.opening import opened
from libs.events.ports import Document
from libs.events.relay import RELAYS
from libs.events.testing import eventually
from tests.chaos.schedule import Form
from tests.chaos.stack import SPLIT, Stack
from tests.chaos.standing import what_was_told_stands
from tests.chaos.traffic import Traffic
from tests.e2e.audit import nothing_lost_and_nothing_twice
from tests.scoreboard import Row

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]
SUCCEEDED_WITHIN = 30.0
"""Seconds: a lease lasts 15."""
SESSION = 30.0
"""Seconds after which a silent member of a consumer group counts as dead."""


async def test_a_relay_that_slept_through_its_lease_moves_nothing(
    stack: Stack, form: Form, seed: int, shown: list[Row], command: str
) -> None:
    leader = (await eventually(lambda: _lease(stack), timeout=SUCCEEDED_WITHIN))["owner"]
    traffic = Traffic(stack, seed + 1, form.rate)
    async with traffic:
        loop = asyncio.get_running_loop()
        since, zombie = loop.time(), stack.signal(f"{SPLIT}-{leader}", signal.SIGSTOP)
        assert zombie
        try:
            successor = await eventually(lambda: _led_by_another(stack, leader), timeout=SUCCEEDED_WITHIN)
            away = loop.time() - since
            await eventually(lambda: _published_beyond(stack, successor["position"]), timeout=SUCCEEDED_WITHIN)
        finally:
            stack.signal(f"{SPLIT}-{leader}", signal.SIGCONT)
        before = successor
        for _ in range(20):
            now = await _lease(stack)
            assert (now["owner"], now["epoch"]) == (successor["owner"], successor["epoch"]), "the zombie leads again"
            assert now["position"] >= before["position"], "the checkpoint went back"
            before = now
            await asyncio.sleep(0.1)
    assert not traffic.seen.broken, "\n".join(traffic.seen.broken)
    await nothing_lost_and_nothing_twice(stack, 60)
    await what_was_told_stands(stack, traffic.seen)
    told = f"succeeded after {away:.1f} s (the lease lasts 15); awake again it moved nothing"
    shown.append(Row("a relay frozen beyond its lease is fenced", "Kafka's and Jepsen's zombies", told, command))


async def test_a_worker_that_slept_through_its_session_does_nothing_twice(
    stack: Stack, form: Form, seed: int, shown: list[Row], command: str
) -> None:
    if form.name == "short":
        pytest.skip("takes longer than a consumer's session: part of the long form")
    traffic = Traffic(stack, seed + 2, form.rate)
    async with traffic:
        await eventually(lambda: traffic.seen.ended.get("released", 0) >= 1, timeout=120)
        assert stack.signal(f"{SPLIT}-worker-1", signal.SIGSTOP)
        try:
            await asyncio.sleep(SESSION + 5)  # the other one has its partitions now
            paid = traffic.seen.ended["released"]
            await eventually(lambda: traffic.seen.ended["released"] >= paid + 3, timeout=120)
        finally:
            stack.signal(f"{SPLIT}-worker-1", signal.SIGCONT)
    assert not traffic.seen.broken, "\n".join(traffic.seen.broken)
    await nothing_lost_and_nothing_twice(stack, 120)
    await what_was_told_stands(stack, traffic.seen)
    ended = sum(traffic.seen.ended.values())
    told = f"{ended} deals ended beside it, 3 and more of them paid while it slept; awake again it did nothing twice"
    shown.append(Row("a worker frozen beyond its session is fenced", "Kafka's and Jepsen's zombies", told, command))


async def _lease(stack: Stack) -> Document:
    """Of the relay that leads; empty while none does."""
    async with opened(SPLIT, stack.data) as store:
        body = (await store.documents.get(RELAYS, [SPLIT]))[SPLIT].body
        return body if body["owner"] else {}


async def _led_by_another(stack: Stack, than: str) -> Document:
    lease = await _lease(stack)
    return lease if lease and lease["owner"] != than else {}


async def _published_beyond(stack: Stack, position: int) -> bool:
    return bool((await _lease(stack)).get("position", 0) > position)
