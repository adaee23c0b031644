"""Reading ahead: what follows is read while what was read is worked on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Ahead(Generic[T]):
    """`read`: what stands behind a position."""

    def __init__(self, read: Callable[[int], Coroutine[Any, Any, T]]) -> None:
        self._read = read
        self._begun: tuple[int, asyncio.Task[T]] | None = None

    def begin(self, after: int) -> None:
        """Starts to read what stands behind `after`."""
        self.forget()
        self._begun = after, asyncio.ensure_future(self._read(after))

    async def next(self, after: int) -> T:
        """What stands behind `after`: what was begun, or read now."""
        begun, self._begun = self._begun, None
        if begun is not None and begun[0] == after:
            return await begun[1]
        _drop(begun)
        return await self._read(after)

    def forget(self) -> None:
        begun, self._begun = self._begun, None
        _drop(begun)


def _drop(begun: tuple[int, asyncio.Task[Any]] | None) -> None:
    """Also of a read that failed nobody needs to know."""
    if begun is not None:
        begun[1].cancel()
        begun[1].add_done_callback(lambda done: done.cancelled() or done.exception())
