"""The process boundary, twinned: tasks that belong together and die together, without a last word to the outside."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextvars import Context, ContextVar, copy_context
from typing import Any, TypeVar

T = TypeVar("T")

_current: ContextVar[Process | None] = ContextVar("process", default=None)
FEW = 64
"""Tasks after which those that are done are forgotten."""


class Process:
    """Whatever is started from `run` belongs to it, and so does what that starts."""

    def __init__(self, name: str) -> None:
        self.name, self.alive = name, True
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._looked = FEW

    def run(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        context = copy_context()
        context.run(_current.set, self)
        return asyncio.get_running_loop().create_task(work, context=context)

    def kill(self) -> None:
        """As `kill -9` does: from here on nothing that its code does reaches the outside (see `check_alive`)."""
        self.alive = False
        for task in [task for task in self._tasks if not task.done()]:
            task.cancel()

    def _owns(self, task: asyncio.Task[Any]) -> None:
        self._tasks[task] = None
        if len(self._tasks) > self._looked:
            self._tasks = {task: None for task in self._tasks if not task.done()}
            self._looked = 2 * len(self._tasks) + FEW
        if not self.alive:
            task.cancel()


def current() -> Process | None:
    """Whose code is running; None: the world's own."""
    return _current.get()


def check_alive() -> None:
    """Raises in code of a dead process, before it has an effect: what a crash leaves undone stays undone, `finally` or not."""
    process = _current.get()
    if process is not None and not process.alive:
        raise asyncio.CancelledError(f"{process.name} was killed")


def owned_tasks(loop: asyncio.AbstractEventLoop, work: Any, *, context: Context | None = None) -> asyncio.Task[Any]:
    """A task factory: a task belongs to the process that starts it."""
    task = asyncio.Task(work, loop=loop, context=context)
    process = _current.get() if context is None else context.get(_current)
    if process is not None:
        process._owns(task)
    return task
