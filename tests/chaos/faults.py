"""What is done to the stack: each fault is begun, held for its time, ended, and leaves the rest to the marketplace."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import shutil
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from cli.opening import opened
from libs.events.builds import request_rebuild
from libs.events.ports import Unavailable
from libs.events.testing import eventually
from tests.chaos.proxy import Toxic
from tests.chaos.stack import STORES, Stack
from tests.e2e.read_models import projections_of

LOGS = "logs"
"""The supervisor's, where it writes what all others say."""
BOTH = " and "
"""Between the names of two edges that break together."""
STOP_GRACE = 20.0
"""Seconds within which a process ends after SIGTERM: its own grace less five."""
SLOW = 0.4
"""Seconds that each chunk takes on a slow edge."""
LATE_START = 90.0
"""Seconds until a killed process must run again."""


@dataclass
class Tally:
    """What was done."""

    kills: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    stops: list[float] = field(default_factory=list)
    """Seconds from SIGTERM to the end."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`kind` of `target` for `hold` seconds. `gap`: seconds of peace before it."""

    kind: str
    target: str
    hold: float
    gap: float

    def __str__(self) -> str:
        return f"{self.kind} {self.target}" + (f" for {self.hold:.1f} s" if self.hold else "")


Inflict = Callable[[Stack, Fault, Tally], Awaitable[None]]


async def inflict(stack: Stack, fault: Fault, tally: Tally) -> None:
    """Returns when the fault is over and what it ended runs again; a service, if not yet ready."""
    tally.faults[fault.kind] = tally.faults.get(fault.kind, 0) + 1
    await FAULTS[fault.kind](stack, fault, tally)


async def kill(stack: Stack, fault: Fault, tally: Tally) -> None:
    """kill -9: nothing in hand is finished, nothing is said to anyone."""
    if pid := stack.signal(fault.target, signal.SIGKILL):
        tally.kills += 1
        await stack.restarted(fault.target, pid, LATE_START)
        if fault.target in STORES:
            await stack.ready(stack.settles, [fault.target])


async def freeze(stack: Stack, fault: Fault, tally: Tally) -> None:
    """SIGSTOP, and later SIGCONT: it goes on with what it had in hand, as if no time had passed."""
    pid = stack.signal(fault.target, signal.SIGSTOP)
    await asyncio.sleep(fault.hold)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGCONT)


async def terminate(stack: Stack, fault: Fault, tally: Tally) -> None:
    """SIGTERM under load: what is in hand is finished, in time."""
    began = time.monotonic()
    if pid := stack.signal(fault.target, signal.SIGTERM):
        await eventually(lambda: _is_gone(pid), timeout=LATE_START)
        tally.stops.append(time.monotonic() - began)
        await stack.restarted(fault.target, pid, LATE_START)
        assert tally.stops[-1] <= STOP_GRACE, f"{fault.target} took {tally.stops[-1]:.1f} s to end"


def _is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def take_down(stack: Stack, fault: Fault, tally: Tally) -> None:
    """A store is killed and stays away for a while."""
    await stack.take_down(fault.target)
    tally.kills += 1
    await asyncio.sleep(fault.hold)
    await stack.bring_up(fault.target)


async def wipe(stack: Stack, fault: Fault, tally: Tally) -> None:
    """The broker is killed and comes back with nothing. Kafka is distribution, not truth."""
    await stack.take_down(fault.target)
    tally.kills += 1
    await asyncio.to_thread(shutil.rmtree, stack.data / fault.target)
    await asyncio.sleep(fault.hold)
    await stack.bring_up(fault.target)


def on_edge(toxic: Toxic) -> Inflict:
    async def break_(stack: Stack, fault: Fault, tally: Tally) -> None:
        edges = [stack.edges[name] for name in fault.target.split(BOTH)]
        for edge in edges:
            edge.break_(toxic, SLOW)
        await asyncio.sleep(fault.hold)
        for edge in edges:
            edge.heal()

    return break_


async def fill_disk(stack: Stack, fault: Fault, tally: Tally) -> None:
    """No file of the process may grow any more, as on a full disk: writes fail. Then there is room again. A store does not
    outlive it: a real one aborts, and the embedded database, which lives on and can do nothing, is helped. A service ends by
    itself when it cannot write, and finds the disk still full when it is started again."""
    await _keep_within(stack, fault, resource.RLIMIT_FSIZE, 1)
    if fault.target in STORES:
        await kill(stack, fault, tally)


async def starve(stack: Stack, fault: Fault, tally: Tally) -> None:
    """The process gets no more memory than it has: allocations fail, threads cannot be started. Then there is enough again.
    What it could not do it must do later, or end by itself, loudly, and be started again."""
    most = await eventually(lambda: _memory(stack.pid(fault.target)), timeout=LATE_START, every=0.05)
    await _keep_within(stack, fault, resource.RLIMIT_AS, most)


async def _keep_within(stack: Stack, fault: Fault, limit: int, most: int) -> None:
    """The process, and whichever is started in its place, while the fault lasts."""
    until = time.monotonic() + fault.hold
    bound: dict[int, tuple[int, int]] = {}
    while time.monotonic() < until:
        pid = stack.supervision.pid() if fault.target == LOGS else stack.pid(fault.target)
        with contextlib.suppress(ProcessLookupError):
            if pid and pid not in bound:
                bound[pid] = resource.prlimit(pid, limit)
                resource.prlimit(pid, limit, (most, bound[pid][1]))
        await asyncio.sleep(0.05)
    for pid, before in bound.items():
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(pid, limit, before)


def _memory(pid: int) -> int:
    """Bytes of its address space; 0: it does not run."""
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()
    return 0


async def rebuild(stack: Stack, fault: Fault, tally: Tally) -> None:
    """Every read model of a service is asked to be built anew, under load, where its database can be asked just now."""
    with contextlib.suppress(Unavailable):
        async with opened(fault.target, stack.data) as store:
            for projection in projections_of(fault.target):
                await request_rebuild(store.documents, fault.target, projection.name)


FAULTS: dict[str, Inflict] = {
    "kill": kill,
    "freeze": freeze,
    "terminate": terminate,
    "take down": take_down,
    "wipe": wipe,
    "fill disk of": fill_disk,
    "starve": starve,
    "rebuild": rebuild,
    "reset": on_edge(Toxic.RESET),
    "black out": on_edge(Toxic.BLACKHOLE),
    "slow down": on_edge(Toxic.SLOW),
    "half close": on_edge(Toxic.HALF_CLOSE),
}
