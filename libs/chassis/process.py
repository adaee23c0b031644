"""A process's life: settings, logs, telemetry, one event loop, signals, an exit code."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import structlog
import uvloop

from libs.chassis import logging
from libs.chassis.settings import ProcessSettings, SettingsError, load
from libs.chassis.telemetry import Telemetry, telemetry

GRACE = 25.0
"""Seconds from the signal to the end; Kubernetes gives 30."""
FAILED, MISCONFIGURED = 1, 78
"""Exit codes: something broke (try again); the settings are wrong (trying again will not help)."""

YOUNG = 50_000, 20, 50
"""Objects, and collections of the next younger ones, after which Python looks for cycles. What a batch of events is decoded
into lives as long as the batch: by default it is looked through again and again meanwhile (`make bench NAME=project`: 0.44 of
the limit with the default, 0.55 with these)."""

S = TypeVar("S", bound=ProcessSettings)

log = structlog.get_logger(__name__)


class Stopped(Exception):
    """A signal came before the process was up."""


class Running:
    """What the parts of a process share: that it is to stop, and why it must."""

    def __init__(self, telemetry: Telemetry) -> None:
        self.telemetry = telemetry
        self.stopping = asyncio.Event()
        self.failure: BaseException | None = None
        self._owned: set[asyncio.Task[None]] = set()

    def own(self, task: asyncio.Task[None]) -> None:
        """The process stops, loudly, when this task fails or ends before the process does."""
        self._owned.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._owned.discard(task)
        if self.stopping.is_set() or task.cancelled():
            return
        self.failure = task.exception() or RuntimeError(f"{task.get_name()} ended")
        log.critical("a part of the process failed: stopping", task=task.get_name(), exc_info=self.failure)
        self.stopping.set()

    async def pause(self, seconds: float) -> None:
        """Sleeps. Raises `Stopped` when the process is to stop."""
        try:
            async with asyncio.timeout(seconds):
                await self.stopping.wait()
        except TimeoutError:
            return
        raise Stopped

    async def unless_stopping(self, work: Coroutine[Any, Any, None]) -> None:
        """Does it (joining a consumer group can take a minute). Raises `Stopped` if the process is to stop before."""
        doing, stopping = asyncio.ensure_future(work), asyncio.ensure_future(self.stopping.wait())
        try:
            await asyncio.wait({doing, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not doing.done():
                raise Stopped
            doing.result()
        finally:
            for task in (doing, stopping):
                task.cancel()
            await asyncio.gather(doing, stopping, return_exceptions=True)


def collect_seldom() -> None:
    gc.set_threshold(*YOUNG)


def live(settings: type[S], name: str, main: Callable[[S, Running], Awaitable[None]]) -> int:
    """Runs `main` until it ends; SIGTERM and SIGINT set `Running.stopping`, on which `main` must stop its parts and return.
    Returns the exit code."""
    try:
        given = load(settings)
    except SettingsError as wrong:
        print(f"{name}: the settings are not usable\n{wrong}", file=sys.stderr)  # noqa: T201
        return MISCONFIGURED
    collect_seldom()
    logging.setup(given, name)
    providers = telemetry(given, name)
    providers.install()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_guarded(main, given, Running(providers)))
    finally:
        providers.shutdown()


async def _guarded(main: Callable[[S, Running], Awaitable[None]], settings: S, running: Running) -> int:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _signalled, running, number.name)
    body = asyncio.ensure_future(main(settings, running))
    stopping = asyncio.create_task(running.stopping.wait())
    try:
        await asyncio.wait([body, stopping], return_when=asyncio.FIRST_COMPLETED)
        async with asyncio.timeout(GRACE if stopping.done() else None):
            await body
    except Stopped:
        log.info("stopped before it was up")
    except TimeoutError as late:
        log.critical("did not stop in time: what was in hand is cut off", seconds=GRACE)
        running.failure = running.failure or late
    except OSError as error:
        log.critical(str(error))
        return FAILED
    except Exception as error:
        log.critical("the process failed", exc_info=error)
        return FAILED
    finally:
        stopping.cancel()
    return FAILED if running.failure else 0


def _signalled(running: Running, name: str) -> None:
    log.info("stopping", signal=name)
    running.stopping.set()
