"""Patience with what is transient: exponential, jittered, counted by the clock port so that a simulation owns it."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type, stop_after_attempt, stop_never
from tenacity.wait import wait_base

from libs.events.ids import Ids
from libs.events.ports import Unavailable

Sleep = Callable[[float], Awaitable[None]]


def jitter(ids: Ids) -> float:
    """In [0, 1)."""
    return (uuid.UUID(ids.commit_id()).int & 0xFFFFFFFF) / (1 << 32)


def pause(ids: Ids, failures: int, first: float, most: float) -> float:
    """Seconds to wait after so many failures in a row: between half and all of `first`·2^(failures-1), at most `most`."""
    whole = min(most, first * 2.0 ** min(failures - 1, 30))
    return whole * (0.5 + 0.5 * jitter(ids))


class _Wait(wait_base):
    def __init__(self, ids: Ids, first: float, most: float) -> None:
        self._ids, self._first, self._most = ids, first, most

    def __call__(self, retry_state: RetryCallState) -> float:
        return pause(self._ids, retry_state.attempt_number, self._first, self._most)


def patiently(sleep: Sleep, ids: Ids, *, attempts: int | None, first: float = 0.05, most: float = 2.0) -> AsyncRetrying:
    """Retries on `Unavailable` only, then raises it. `sleep`: the clock's. `attempts` None: for ever. `first`, `most`: seconds
    of the pauses."""
    return AsyncRetrying(
        sleep=sleep,
        stop=stop_never if attempts is None else stop_after_attempt(attempts),
        wait=_Wait(ids, first, most),
        retry=retry_if_exception_type(Unavailable),
        reraise=True,
    )
