"""A replica of a service or of the gateway: built, started, killed or stopped, and started again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from libs.chassis.service import Service
from libs.events.ports import Unavailable
from tests.simulation.broker import Membership
from tests.simulation.process import Process, current
from tests.simulation.trace import Trace

S = TypeVar("S")


class Crashed(AssertionError):
    """A process ended by an error of its own."""


class Replica(Generic[S]):
    """`make(process)` builds what runs; `role`: what a service does (of the gateway: `gateway`)."""

    def __init__(self, name: str, role: str, make: Callable[[Process], tuple[S, Membership | None]], trace: Trace) -> None:
        self.name, self.role, self._make, self._trace = name, role, make, trace
        self.process = Process(name)
        self.running: S | None = None
        self.up = False
        self.starts = 0
        self.crashed: BaseException | None = None
        self._membership: Membership | None = None
        self._main: asyncio.Task[None] | None = None
        self._kept_down = asyncio.Event()
        self._kept_down.set()

    async def live(self, restart_after: Callable[[], float], session: Callable[[], float]) -> None:
        """Runs it for ever: whenever it has died it is started again after a while. Seconds; `session`: until the broker
        notices a death."""
        while True:
            await self._kept_down.wait()
            await self._run_once()
            await asyncio.sleep(session())
            if self._membership is not None:
                self._membership.expire()
            await asyncio.sleep(restart_after())

    async def _run_once(self) -> None:
        self.starts += 1
        self.process = Process(self.name)
        self.running, self._membership = self._make(self.process)
        self._main = self.process.run(self._work(self.running))
        await asyncio.wait([self._main])
        self.up = False
        if not self._main.cancelled():
            self._judge(self._main.exception())
        self.process.kill()
        self._trace.note(self.name, "ended")

    async def _work(self, running: S) -> None:
        if isinstance(running, Service):
            await running.start(self.role)
            self.up = True
            await running.workers.crash()
        else:
            self.up = True
            await asyncio.get_running_loop().create_future()

    def _judge(self, failure: BaseException | None) -> None:
        """A database or broker that is away when it starts ends a process, as it does in production; nothing else may."""
        if failure is not None and not isinstance(failure, Unavailable) and self.process.alive:
            self.crashed = failure

    def kill(self) -> None:
        self.process.kill()

    async def stop(self) -> None:
        """SIGTERM: it ends in order, each part with the work in its hand."""
        assert current() is None, "a process does not stop itself"
        was_up, self.up, running = self.up, False, self.running
        if isinstance(running, Service) and was_up and self.process.alive:
            await asyncio.wait([self.process.run(running.stop())])
        else:
            self.process.kill()

    def keep_down(self, down: bool) -> None:
        """Until further notice it is not started again."""
        self._kept_down.clear() if down else self._kept_down.set()


Anything = Replica[Any]
