"""The story on real processes, over the real wire, through the gateway."""

from __future__ import annotations

import pytest

from tests.e2e.audit import nothing_lost_and_nothing_twice
from tests.e2e.marketplace import Marketplace


@pytest.mark.timeout(400)  # some seconds, unless a dozen others want the same two cores
async def test_the_demo_tells_a_deal_from_beginning_to_end(marketplace: Marketplace) -> None:
    told = marketplace.limelight("demo", timeout=300)
    assert "The story holds" in told
    for scene in ("200 creators apply", "Ana counters", "held", "released", "refunded", "engagement rate", "hash chain"):
        assert scene in told, f"the story does not tell of {scene!r}"
    await nothing_lost_and_nothing_twice(marketplace)


async def test_everything_is_ready_and_says_so(marketplace: Marketplace) -> None:
    shown = marketplace.limelight("status")
    assert shown.count("ready") == 8
    assert "not ready" not in shown
