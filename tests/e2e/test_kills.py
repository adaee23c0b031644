"""kill -9 of any one process in the middle of the story: it is started again, and the story finishes."""

from __future__ import annotations

import asyncio

import pytest

from cli.console import SERVICES
from cli.story import Silent, play
from libs.events.testing import eventually
from tests.e2e.audit import nothing_lost_and_nothing_twice
from tests.e2e.marketplace import Marketplace

LONGEST_OUTAGE = 120.0
"""Seconds. A killed broker forgets its groups, and what it forgot of its last second is noticed within half a minute."""
PROCESSES = ("gateway", *SERVICES, "mongo", "kafka")


@pytest.mark.timeout(330)
@pytest.mark.parametrize("process", PROCESSES)
async def test_the_story_finishes_although_a_process_is_killed(marketplace: Marketplace, process: str) -> None:
    killed: list[int] = []

    async def kill_it(chapter: str) -> None:
        """Before three chapters: while creators apply, before the money is held, and before it is released."""
        if any(word in chapter for word in ("apply", "sign the same terms", "payment is released")):
            killed.append(await eventually(lambda: marketplace.pid(process), timeout=30))
            marketplace.kill(process)

    async with marketplace.api() as api:
        api.patience = LONGEST_OUTAGE
        deal = await asyncio.wait_for(play(api, Silent(), seed=len(process), creators=24, before=kill_it), 300)
    assert len(killed) == len(set(killed)) == 3, "it was started again each time"
    assert deal.facts
    await eventually(lambda: "not ready" not in marketplace.limelight("status"), timeout=60)
    await nothing_lost_and_nothing_twice(marketplace)
