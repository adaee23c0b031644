"""What an operator does to a running marketplace, and what an operator is told when its network fails."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from cli.story.api import RETRIED
from deploy.local.kafka import Kafka
from libs.events.testing import eventually
from tests.chaos.backlog import drained, held_up
from tests.chaos.faults import Fault, Tally, inflict
from tests.chaos.load import Load
from tests.chaos.proxy import Toxic
from tests.chaos.replicas import replicated
from tests.chaos.schedule import Form
from tests.chaos.stack import DEADLINE, Stack
from tests.chaos.standing import what_was_told_stands
from tests.chaos.traffic import Traffic, percentile, told
from tests.e2e.audit import nothing_lost_and_nothing_twice
from tests.scoreboard import Row

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]
NOTICED, AGAIN = 30.0, 60.0
"""Seconds until a consumer that hears nothing says so, and until it has caught up once the broker is there again."""
BLOCKED = 60.0
"""Seconds that it hears nothing."""
PRE_STOP = 2.0
"""Seconds from one replica's return to the next one's SIGTERM, in which gateways find it: a cluster gives 5 (deploy/k8s)."""
RATE = 10.0
"""Requests that begin per second. 99 of 100 are done within the gateway's deadline, tried again where need be. Within twice
what they take in calm, as the anchor has it, is not to be had here: what starts takes the two cores from all the others."""
WARM = 3.0
"""Seconds of load before it is measured: connections are made, tokens are known."""


async def test_a_rolling_restart_is_hardly_felt(
    local_kafka: Kafka, tmp_path: Path, form: Form, seed: int, shown: list[Row], command: str
) -> None:
    tally, loop = Tally(), asyncio.get_running_loop()
    async with replicated(tmp_path, local_kafka) as stack:
        load = Load(stack, seed + 3, RATE)
        async with load:
            await asyncio.sleep(WARM)
            began = loop.time()
            await asyncio.sleep(form.calm)
            restarting = loop.time()
            for name in stack.processes():
                await asyncio.sleep(PRE_STOP)
                await inflict(stack, Fault("terminate", name, 0.0, 0.0), tally)
                await eventually(lambda name=name: _is_ready(stack, name), timeout=AGAIN, every=0.2)
        assert not load.seen.broken, "\n".join(load.seen.broken)
        await nothing_lost_and_nothing_twice(stack, stack.settles)
        await what_was_told_stands(stack, load.seen)
    calm, during = load.latencies(began, restarting), load.latencies(restarting)
    assert percentile(during, 0.99) <= DEADLINE, told(during)
    again = sum(not at.status or at.status in RETRIED for at in load.seen.attempts)
    restarts = (
        f"{len(tally.stops)} restarts, 0 failed commands after the clients' retries ({again} of all requests tried again)"
    )
    ours = f"{restarts}; of {RATE:.0f} requests/s before {told(calm)}; during {told(during)}"
    anchor = "Temporal's pre-production guide; p99 below twice the calm one"
    shown.append(Row("two replicas of everything, restarted one by one under load", anchor, ours, command))


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
