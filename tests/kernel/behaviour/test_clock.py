"""What every clock does."""

from __future__ import annotations

import asyncio
from datetime import UTC, timedelta

from libs.events.memory import ManualClock
from libs.events.ports import Clock


async def test_now_is_utc_in_milliseconds(clock: Clock) -> None:
    now = clock.now()
    assert now.tzinfo is UTC
    assert now.microsecond % 1_000 == 0


async def test_sleeping_moves_both_times_on(clock: Clock) -> None:
    now, monotonic = clock.now(), clock.monotonic()
    await clock.sleep(0.05)
    assert clock.now() - now >= timedelta(milliseconds=45)
    assert clock.monotonic() - monotonic >= 0.045


async def test_a_manual_clock_stands_still_until_it_is_advanced() -> None:
    clock = ManualClock()
    began, order = clock.now(), []

    async def sleeper(seconds: float) -> None:
        await clock.sleep(seconds)
        order.append(seconds)

    tasks = [asyncio.ensure_future(sleeper(seconds)) for seconds in (3.0, 1.0, 2.0)]
    await asyncio.sleep(0)
    clock.advance(2.5)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert order == [1.0, 2.0]
    assert clock.now() - began == timedelta(seconds=2.5)
    clock.advance(0.5)
    await asyncio.gather(*tasks)
    assert order == [1.0, 2.0, 3.0]
