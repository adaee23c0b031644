"""Virtual time: an event loop on which waiting costs nothing, so that weeks of a marketplace pass in milliseconds.

When nothing is ready the clock jumps to the next timer. A seed permutes the order in which ready callbacks run: what holds
under many seeds does not lean on the scheduler's habits. The same seed gives the same run.
"""

from __future__ import annotations

import asyncio
import random
import selectors
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

T = TypeVar("T")


MOST_TURNS = 100_000
"""Of the loop, at one moment."""
RESOLUTION = 1e-6
"""Seconds. Timers this close are due together; finer than this, years of virtual time leave the precision of a float."""


class Deadlock(RuntimeError):
    """Everybody waits and no timer is set: nothing can ever happen again. Names the waiting tasks."""


class Livelock(RuntimeError):
    """Somebody is always ready, so that time never moves: where this is real time a processor is kept busy with nothing."""


class _Instant(selectors.BaseSelector):
    """A selector that never waits: it moves the loop's clock instead."""

    def __init__(self) -> None:
        self._real = selectors.DefaultSelector()
        self.loop: VirtualTimeLoop | None = None

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.modify(fileobj, events, data)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout == 0:
            return []
        ready = self._real.select(0)
        if not ready and self.loop is not None:
            self.loop.jump()
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """`time()` is virtual seconds since the loop began. Threads and sockets are not simulated: use the ports' twins."""

    def __init__(self, seed: int | None = None) -> None:
        self._virtual, self._turns = 0.0, 0
        self.random = random.Random(seed)  # noqa: S311 - repeatable is the point
        self._permutes = seed is not None
        selector = _Instant()
        super().__init__(selector)
        selector.loop = self
        self._clock_resolution = RESOLUTION

    def time(self) -> float:
        return self._virtual

    def jump(self) -> None:
        """Moves to the next timer. Raises `Deadlock` when there is none."""
        scheduled: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]
        if not scheduled:
            waiting = sorted(str(task.get_coro()) for task in asyncio.all_tasks(self))
            raise Deadlock("nothing can happen any more; waiting: " + "; ".join(waiting))
        self._virtual = max(self._virtual, scheduled[0].when())
        self._turns = 0

    def _run_once(self) -> None:
        self._turns += 1
        if self._turns > MOST_TURNS:
            self._turns = 0
            raise Livelock(f"{MOST_TURNS:,} turns at {self._virtual:.6f} s")
        if self._permutes:
            ready = self._ready  # type: ignore[attr-defined]
            if len(ready) > 1:
                handles = list(ready)
                self.random.shuffle(handles)
                ready.clear()
                ready.extend(handles)
        super()._run_once()  # type: ignore[misc]


def run_virtual(main: Coroutine[Any, Any, T], *, seed: int | None = None) -> T:
    """Runs `main` to its end on a loop of its own and cancels what it left behind. `seed` None: callbacks in their usual
    order. Raises what `main` raises, `Deadlock` or `Livelock`."""
    loop = VirtualTimeLoop(seed)
    try:
        return loop.run_until_complete(main)
    finally:
        try:
            _cancel_all(loop)
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            loop.close()


def _cancel_all(loop: VirtualTimeLoop) -> None:
    left = sorted(asyncio.all_tasks(loop), key=lambda task: task.get_name())
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
