"""The only wall clock, the only sleep and the only randomness."""

from __future__ import annotations

import asyncio
import secrets
import time
import uuid
from datetime import UTC, datetime

from libs.events.ids import compose


class SystemClock:
    """`Clock` of real time."""

    def now(self) -> datetime:
        return datetime.fromtimestamp(time.time_ns() // 1_000_000 / 1000, UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class SystemIds:
    """`Ids` of the operating system's randomness."""

    def new(self, prefix: str, at: datetime) -> str:
        return compose(prefix, at, secrets.randbits(80))

    def commit_id(self) -> str:
        return str(uuid.uuid4())
