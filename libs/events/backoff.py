"""Patience with what is transient: exponential, jittered, counted by the clock port so that a simulation owns it."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, stop_never

from libs.events.ids import Ids
from libs.events.ports import Unavailable

T = TypeVar("T")
Sleep = Callable[[float], Awaitable[None]]


def jitter(ids: Ids) -> float:
    """In [0, 1)."""
    return (uuid.UUID(ids.commit_id()).int & 0xFFFFFFFF) / (1 << 32)


def pause(ids: Ids, failures: int, first: float, most: float) -> float:
    """Seconds to wait after so many failures in a row: between half and all of `first`·2^(failures-1), at most `most`."""
    whole = min(most, first * 2.0 ** min(failures - 1, 30))
    return whole * (0.5 + 0.5 * jitter(ids))


async def patiently(
    act: Callable[[], Awaitable[T]], sleep: Sleep, ids: Ids, *, attempts: int | None, first: float = 0.05, most: float = 2.0
) -> T:
    """Acts again on `Unavailable` only, then raises it. `sleep`: the clock's. `attempts` None: for ever. `first`, `most`:
    seconds of the pauses. What succeeds at once, as nearly all does, costs nothing."""
    try:
        return await act()
    except Unavailable:
        if attempts == 1:
            raise
    await sleep(pause(ids, 1, first, most))
    again = AsyncRetrying(
        sleep=sleep,
        stop=stop_never if attempts is None else stop_after_attempt(attempts - 1),
        wait=lambda call: pause(ids, call.attempt_number + 1, first, most),
        retry=retry_if_exception_type(Unavailable),
        reraise=True,
    )
    result: T = await again(act)
    return result
