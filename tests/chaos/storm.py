"""A storm of faults over traffic, round by round; after each the sea must become calm, and nothing may be missing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from cli.console import out
from libs.events.ports import Unavailable
from tests.chaos.backlog import heads, published
from tests.chaos.faults import Fault, Tally, inflict
from tests.chaos.schedule import Form, Round
from tests.chaos.stack import Stack
from tests.chaos.standing import what_was_told_stands
from tests.chaos.traffic import Traffic, told
from tests.e2e.audit import Audited, nothing_lost_and_nothing_twice

PROBE = 2.0
"""Seconds that the database has to say how much is not yet published."""


@dataclass
class Storm:
    """What a storm has shown."""

    tally: Tally = field(default_factory=Tally)
    calm: list[float] = field(default_factory=list)
    """Latencies without faults, in seconds from the intended times."""
    rough: list[float] = field(default_factory=list)
    """And with them."""
    settled: list[float] = field(default_factory=list)
    """Seconds from each round's last fault until the audit held."""
    audited: Audited | None = None


async def rage(stack: Stack, form: Form, rounds: Sequence[Round], traffic: Traffic) -> Storm:
    storm, began = Storm(), time.monotonic()
    for number, faults in enumerate(rounds, 1):
        async with traffic:
            if number == 1:
                await asyncio.sleep(form.calm)
                storm.calm = traffic.seen.latencies()
            since = time.monotonic()
            await asyncio.gather(
                *(_one_by_one(stack, lane, storm.tally, traffic, began) for lane in (faults.processes, faults.network))
            )
            over = time.monotonic()
        assert not traffic.seen.broken, "\n".join(traffic.seen.broken)
        storm.rough += traffic.seen.latencies(since, over)
        await stack.ready(stack.settles)
        storm.audited = await nothing_lost_and_nothing_twice(stack, stack.settles)
        await what_was_told_stands(stack, traffic.seen)
        storm.settled.append(time.monotonic() - over)
        _tell(f"round {number} of {len(rounds)} holds {storm.settled[-1]:.0f} s after its last fault: {storm.audited}", began)
        _tell(f"accepted {len(traffic.seen.accepted)}, ended {traffic.seen.ended}, {told(storm.rough)}", began)
    return storm


async def _one_by_one(stack: Stack, faults: Sequence[Fault], tally: Tally, traffic: Traffic, began: float) -> None:
    for fault in faults:
        await asyncio.sleep(fault.gap)
        _tell(f"{fault!s:<40} kills {tally.kills:>3}, deals in hand {traffic.in_hand:>3}, {await _lag(stack)}", began)
        await inflict(stack, fault, tally)


async def _lag(stack: Stack) -> str:
    """Commits that are stored and not yet published."""
    try:
        async with asyncio.timeout(PROBE):
            out_there = await published(stack)
            return f"lag {(await heads(stack) - out_there).total()}"
    except (TimeoutError, Unavailable):
        return "lag unknown"


def _tell(what: str, began: float) -> None:
    out.print(f"{time.monotonic() - began:7.1f} s  {what}", markup=False, soft_wrap=True)
