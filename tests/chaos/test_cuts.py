"""While the network behind the gateway is cut, clients are answered in time: rightly, or that it cannot be had now."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator

import pytest

from cli.story.api import RETRIED
from libs.events.testing import eventually
from tests.chaos.backlog import drained, held_up
from tests.chaos.faults import BOTH, Fault, Tally, inflict
from tests.chaos.proxy import Toxic
from tests.chaos.schedule import Form
from tests.chaos.stack import DEADLINE, Stack
from tests.chaos.standing import what_was_told_stands
from tests.chaos.traffic import Traffic, percentile
from tests.e2e.audit import nothing_lost_and_nothing_twice
from tests.scoreboard import Row

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1_200)]
MARGIN = 1.0
"""Seconds that an answer may take beyond the gateway's deadline and what the slowest one takes here while nothing is cut: this
process, which is all clients and all proxies, shares its cores with a dozen others, and who knows what else."""
CUTS = ("black out", "half close")
"""Those in which nothing says that no answer will come."""
FELT = ("gateway-campaigns", "campaigns-mongo")
"""Most of what clients ask for goes over these."""
HELD = 3.0
"""Seconds: longer than a deadline, so that requests that begin at the cut are not answered by its end."""
DRAINED = ("campaigns-kafka", "campaigns-mongo")
"""What most events come from and go to: nothing is published, nothing is handled."""
CUT = 20.0
"""Seconds, of the cuts after which the backlog is watched: shorter than a consumer's session, so that its group stays
together."""


async def test_while_an_edge_is_cut_every_answer_comes_in_time(
    stack: Stack, form: Form, seed: int, shown: list[Row], command: str
) -> None:
    traffic, tally = Traffic(stack, seed + 4, form.rate), Tally()
    loop, during = asyncio.get_running_loop(), list[tuple[float, float]]()
    async with traffic:
        await asyncio.sleep(form.calm)
        slowest = max(at.took for at in traffic.seen.attempts)
        for fault in _cuts(random.Random(seed), form, sorted(stack.edges)):
            await asyncio.sleep(fault.gap)
            began = loop.time()
            await inflict(stack, fault, tally)
            during.append((began, loop.time()))
    attempts = [at for at in traffic.seen.attempts if any(began < at.ended and at.began < ended for began, ended in during)]
    late = [at for at in attempts if at.took > DEADLINE + MARGIN + slowest or not at.status]
    assert not late, f"not answered in time: {late}"
    assert any(at.status in RETRIED for at in attempts), "a cut was felt"
    assert not traffic.seen.broken, "\n".join(traffic.seen.broken)
    await nothing_lost_and_nothing_twice(stack, stack.settles)
    await what_was_told_stands(stack, traffic.seen)
    took, refused = [at.took for at in attempts], sum(at.status in RETRIED for at in attempts)
    ours = (
        f"{len(during)} cuts, a third of them of two edges: {len(attempts)} requests, {refused} of them answered 503 or 504, "
        f"p99 {percentile(took, 0.99):.1f} s, at most {max(took):.1f} s (deadline {DEADLINE:.0f} s; without a cut at most "
        f"{slowest:.1f} s); 0 wrong answers"
    )
    shown.append(Row("while the network is cut every request is answered in time", "toxiproxy; 2 s", ours, command))


async def test_what_a_cut_held_up_is_everywhere_within_twice_its_time(
    stack: Stack, form: Form, seed: int, shown: list[Row], command: str
) -> None:
    traffic, took = Traffic(stack, seed + 6, form.rate), dict[str, tuple[int, float]]()
    async with traffic:
        await eventually(lambda: traffic.seen.accepted, timeout=60)
        for edge in DRAINED:
            stack.edges[edge].break_(Toxic.BLACKHOLE)
            try:
                await asyncio.sleep(CUT)
                held = await held_up(stack)
            finally:
                stack.edges[edge].heal()
            took[edge] = held, await drained(stack)
            assert took[edge][1] <= 2 * CUT, f"{edge}: {took[edge][1]:.1f} s after {CUT:.0f} s without it"
    assert all(held for held, _ in took.values()), f"nothing was held up: {took}"
    assert not traffic.seen.broken, "\n".join(traffic.seen.broken)
    await nothing_lost_and_nothing_twice(stack, stack.settles)
    await what_was_told_stands(stack, traffic.seen)
    told = ", ".join(f"{edge} {seconds:.1f} s ({held} held up)" for edge, (held, seconds) in took.items())
    ours = f"after {CUT:.0f} s without it: {told}, until all that was stored by its return was published and handled"
    shown.append(Row("a backlog drains within twice the time of the cut", "Temporal: watch the backlog drain", ours, command))


def _cuts(chance: random.Random, form: Form, edges: list[str]) -> Iterator[Fault]:
    """Every third one is felt for certain, the others are any."""
    for number in range(form.cuts):
        one, other = chance.sample(edges, 2)
        edge = f"{one}{BOTH}{other}" if number % 2 else one
        yield Fault(CUTS[number % 2], FELT[number // 3 % 2] if number % 3 == 0 else edge, HELD, 1.0)
