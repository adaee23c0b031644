"""One seed, from its weather to its judgement."""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from libs.events.virtual_time import Deadlock, Livelock, run_virtual
from tests.simulation import endings, views
from tests.simulation.invariants import Watch
from tests.simulation.marketplace import Marketplace
from tests.simulation.nemesis import Nemesis
from tests.simulation.town import Town
from tests.simulation.trace import Trace

OPERATIONS = 200
"""What people want of the marketplace, each sent until it is answered, and at times twice at once."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a seed came to. `digest`: of its trace; `healed`: virtual seconds from the last fault until nothing was left to do;
    `failure`: what broke, None where everything held."""

    seed: int
    digest: str
    happened: Counter[str]
    commits: int
    documents: int
    healed: float
    virtual: float
    failure: BaseException | None = None


def simulate(seed: int, directory: Path, *, operations: int = OPERATIONS, trace: Trace | None = None) -> Result:
    """Never raises for what the simulation finds: that is in the result."""
    trace = trace or Trace()
    with _no_garbage_collected():
        try:
            return run_virtual(_simulated(seed, directory, operations, trace), seed=seed)
        except (Deadlock, Livelock) as stuck:
            return Result(seed, trace.digest(), Counter(), 0, 0, 0.0, 0.0, stuck)


@contextmanager
def _no_garbage_collected() -> Iterator[None]:
    """Collection ends streams that nobody reads any more, at a time that depends on all that the process ever did."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


async def _simulated(seed: int, directory: Path, operations: int, trace: Trace) -> Result:
    marketplace = Marketplace(directory, seed, stormy=True, trace=trace)
    watch = Watch(marketplace)
    healed, documents, failure = 0.0, 0, None
    async with marketplace:
        try:
            healed, documents = await _judged(marketplace, watch, operations)
        except Exception as broken:
            failure = _first(broken)
    commits = sum(map(len, watch.logs.commits.values()))
    trace.note("world", f"{commits} commits, {documents} documents, {sorted(marketplace.happened.items())}")
    elapsed = asyncio.get_running_loop().time()
    return Result(seed, trace.digest(), marketplace.happened, commits, documents, healed, elapsed, failure)


async def _judged(marketplace: Marketplace, watch: Watch, operations: int) -> tuple[float, int]:
    """The safety phase, then the liveness phase."""
    town, nemesis = Town(marketplace, watch), Nemesis(marketplace, watch)
    nemesis.begin()
    raging = asyncio.get_running_loop().create_task(nemesis.rage())
    try:
        await town.live(operations)
    finally:
        raging.cancel()
        with suppress(asyncio.CancelledError):
            await raging
    marketplace.calm()
    healed = await endings.settle(marketplace, watch, "the faults")
    for _ in range(3):
        marketplace.clock.skew += endings.AGES.total_seconds()
        await endings.settle(marketplace, watch, "a long silence")
    endings.every_deal_is_at_rest(watch)
    endings.every_wait_has_ended(watch)
    endings.every_creator_has_its_record(watch)
    endings.every_match_is_a_new_one(watch)
    endings.every_effect_is_told(marketplace, watch)
    endings.what_was_told_is_so(watch, town.frontends.sent)
    endings.nothing_is_parked(marketplace)
    return healed, await views.all_are_folds(marketplace, watch.logs.commits)


def _first(error: BaseException) -> BaseException:
    """Of several that failed at once, the first."""
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error
