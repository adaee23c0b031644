"""The only wall clock, the only sleep and the only randomness."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from libs.events.ids import compose

log = logging.getLogger(__name__)

STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""A clock that nobody sets, and that counts on while the machine sleeps."""
SECOND = 1_000_000_000
STEP = 2 * SECOND
"""By less than this the system's clock is corrected every day, and followed at once. Nanoseconds, as all in here."""
BELIEVED_AFTER = 300 * SECOND
"""A step that is still there after this long is a correction."""


class SystemClock:
    """`Clock` of real time that flows: when the system's clock is set forwards or back, what is due later does not become due,
    and no token lives longer. Such a step is followed once it has lasted, or by the next process. Nanoseconds: `system` since
    1970, `steady` since whenever."""

    def __init__(
        self, system: Callable[[], int] = time.time_ns, steady: Callable[[], int] = lambda: time.clock_gettime_ns(STEADY)
    ) -> None:
        self._system, self._steady = system, steady
        self._ahead = system() - steady()
        self._stepped: tuple[int, int] | None = None
        """How far ahead the system's clock is since a step that is not followed, and when that was seen."""

    def now(self) -> datetime:
        system = self._system()
        steady = self._steady()  # read last: a process that is stopped in between is only told that the system's time is old
        self._follow(system - steady, steady)
        return datetime.fromtimestamp((steady + self._ahead) // 1_000_000 / 1000, UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def _follow(self, ahead: int, steady: int) -> None:
        """The system's clock, unless it was set a moment ago."""
        step = ahead - self._ahead
        if abs(step) >= STEP:
            if self._stepped is None or abs(ahead - self._stepped[0]) >= STEP:
                self._stepped = ahead, steady
                lasts = BELIEVED_AFTER // SECOND
                log.warning("the system's clock was set by %+.0f s: followed when it lasts %d s", step / SECOND, lasts)
            if steady - self._stepped[1] < BELIEVED_AFTER:
                return
        self._ahead, self._stepped = ahead, None


class SystemIds:
    """`Ids` of the operating system's randomness."""

    def new(self, prefix: str, at: datetime) -> str:
        return compose(prefix, at, secrets.randbits(80))

    def commit_id(self) -> str:
        return str(uuid.uuid4())
