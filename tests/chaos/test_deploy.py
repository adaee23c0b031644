"""What an operator does to a running marketplace, and what an operator is told when its network fails."""

from __future__ import annotations

import asyncio
import time

import pytest

from libs.events.testing import eventually
from tests.chaos.backlog import drained, held_up
from tests.chaos.faults import Fault, Tally, inflict
from tests.chaos.proxy import Toxic
from tests.chaos.schedule import Form
from tests.chaos.stack import Stack
from tests.chaos.standing import what_was_told_stands
from tests.chaos.traffic import Traffic, told
from tests.e2e.audit import nothing_lost_and_nothing_twice
from tests.scoreboard import Row

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]
NOTICED, AGAIN = 30.0, 60.0
"""Seconds until a consumer that hears nothing says so, and until it has caught up once the broker is there again."""
BLOCKED = 60.0
"""Seconds that it hears nothing."""


async def test_a_rolling_restart_loses_no_command(stack: Stack, form: Form, seed: int, shown: list[Row], command: str) -> None:
    traffic, tally = Traffic(stack, seed + 3, form.rate), Tally()
    async with traffic:
        await asyncio.sleep(form.calm)
        before, began = traffic.seen.latencies(), asyncio.get_running_loop().time()
        for name in stack.processes():
            await inflict(stack, Fault("terminate", name, 0.0, 0.0), tally)
            await eventually(lambda name=name: _is_ready(stack, name), timeout=AGAIN, every=0.2)
        during = traffic.seen.latencies(began)
    assert not traffic.seen.broken, "\n".join(traffic.seen.broken)
    await nothing_lost_and_nothing_twice(stack, 60)
    await what_was_told_stands(stack, traffic.seen)
    restarts = f"{len(tally.stops)} restarts, 0 failed commands after the clients' retries"
    ours = f"{restarts}; before {told(before)}; during {told(during)}"
    shown.append(Row("all processes restarted one by one under traffic", "Temporal's pre-production guide", ours, command))


async def test_a_service_that_cannot_hear_the_broker_says_so_and_is_back_by_itself(
    stack: Stack, form: Form, seed: int, shown: list[Row], command: str
) -> None:
    edge, traffic = stack.edges["campaigns-kafka"], Traffic(stack, seed + 7, form.rate)
    async with traffic:
        await eventually(lambda: traffic.seen.accepted, timeout=60)
        began = time.monotonic()
        edge.break_(Toxic.BLACKHOLE)
        try:
            why = await eventually(lambda: stack.why_not_ready("campaigns"), timeout=NOTICED, every=0.2)
            noticed = time.monotonic() - began
            await asyncio.sleep(began + BLOCKED - time.monotonic())
            held = await held_up(stack)
        finally:
            edge.heal()
        healed = time.monotonic()
        await eventually(lambda: _is_ready(stack, "campaigns"), timeout=AGAIN, every=0.2)
        ready = time.monotonic() - healed
        await drained(stack)
        caught_up = time.monotonic() - healed
    assert "Kafka" in why
    assert held, "nothing was held up"
    assert caught_up <= AGAIN, f"{caught_up:.1f} s until nothing lagged"
    assert not traffic.seen.broken, "\n".join(traffic.seen.broken)
    await nothing_lost_and_nothing_twice(stack, stack.settles)
    ours = (
        f"of {BLOCKED:.0f} s: not ready after {noticed:.1f} s; after the heal ready in {ready:.1f} s, and nothing lagged of "
        f"{held} held up after {caught_up:.1f} s"
    )
    shown.append(Row("a broker that goes silent is noticed", "aiokafka#1154: alive but deaf", ours, command))


async def _is_ready(stack: Stack, name: str) -> bool:
    return not await stack.why_not_ready(name)
