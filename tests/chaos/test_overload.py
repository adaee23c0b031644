"""More than the marketplace has time for: it answers what it can in time, and tells the others at once to come back."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import pytest

from cli import people
from cli.story.api import Api
from cli.topology import programs
from deploy.local.embedded import HOST
from deploy.local.kafka import Kafka
from tests.chaos.crowd import Crowd, Visit
from tests.chaos.load import asked_about, request
from tests.chaos.stack import DEADLINE, Stack, fixed_addresses, running
from tests.chaos.traffic import percentile, told
from tests.e2e.audit import nothing_lost_and_nothing_twice
from tests.scoreboard import Row

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]
FIRST_RATE, STEP = 40.0, 1.5
"""Requests per second at first, and how many times as many at each further step, until they are too many."""
KEPT_UP = 0.9
"""Of what was asked: with less than this in time it was too much."""
STAGE, CROWD_STAYS, RESTS = 4.0, 15.0, 5.0
"""Seconds."""
CROWD = 4.0
"""Times what can be answered."""
STILL, LATE = 0.5, 0.05
"""Of what can be answered: as much is answered in time amid a crowd, since to refuse costs something as well. Of all: no more
have waited for nothing."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What became of those who came at this rate. `good`: answered in time, per second."""

    rate: float
    good: float
    answered: list[float]
    refused: list[float]
    statuses: Counter[int]

    def __str__(self) -> str:
        told_off = f", {len(self.refused)} refused with {told(self.refused)}" if self.refused else ""
        late = f", {self.statuses[504]} too late" if self.statuses[504] else ""
        return f"{self.rate:.0f}/s {self.good:.0f}/s with {told(self.answered)}{told_off}{late}"

    @classmethod
    def of(cls, rate: float, seconds: float, visits: Sequence[Visit]) -> Stage:
        """Latencies by what came of it."""
        answered = [visit.latency for visit in visits if visit.status == 200]
        refused = [visit.latency for visit in visits if visit.status == 503]
        good = sum(latency <= DEADLINE for latency in answered) / seconds
        return cls(rate, good, answered, refused, Counter(visit.status for visit in visits))


async def _knee(crowd: Crowd) -> Stage:
    """The stage in which most were answered in time."""
    rate, stages = FIRST_RATE, list[Stage]()
    while not stages or stages[-1].good >= KEPT_UP * stages[-1].rate:
        stages.append(Stage.of(rate, STAGE, await crowd.comes(rate, STAGE)))
        rate *= STEP
    return max(stages, key=lambda stage: stage.good)


async def test_a_crowd_is_told_to_come_back_and_who_is_let_in_is_answered_in_time(
    local_kafka: Kafka, tmp_path: Path, seed: int, shown: list[Row], command: str
) -> None:
    addresses, stack = fixed_addresses(), Stack(tmp_path, ready_after=local_kafka.ready_after)
    async with running(stack, programs(addresses, tmp_path, local_kafka), addresses):
        async with httpx.AsyncClient(base_url=stack.url, trust_env=False) as http:
            deal = await asked_about(Api(http, people.minter(stack.data), f"crowd-{seed}", stack.patience), seed + 11)
        async with Crowd(HOST, httpx.URL(stack.url).port or 80, partial(request, deal)) as crowd:
            knee = await _knee(crowd)
            await asyncio.sleep(RESTS)
            rate = CROWD * knee.good
            many = Stage.of(rate, CROWD_STAYS, await crowd.comes(rate, CROWD_STAYS))
            await asyncio.sleep(RESTS)
            few = min(FIRST_RATE, knee.good / 2)
            after = Stage.of(few, STAGE, await crowd.comes(few, STAGE))
        await nothing_lost_and_nothing_twice(stack, stack.settles)
    assert many.good >= STILL * knee.good, f"{knee}; {many}"
    assert many.statuses[200] + many.statuses[503] >= (1 - LATE) * many.statuses.total(), f"{many}, {many.statuses}"
    assert percentile(many.refused, 0.99) <= DEADLINE, f"{many}"
    assert after.good >= KEPT_UP * after.rate, f"{after}"
    ours = f"at most {knee.good:.0f}/s are answered within {DEADLINE:.0f} s; of {many}; {RESTS:.0f} s later of {after}"
    shown.append(Row("four times as many requests as can be answered", "Netflix: shed load, do not queue it", ours, command))
