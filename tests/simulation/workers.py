"""Seeds on all cores of the machine, one at a time each."""

from __future__ import annotations

import gc
import logging
import multiprocessing
import os
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from tests.simulation.run import Result, simulate

CORES = os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class Done:
    """What a worker says of a seed. `seconds` of its core; `failure`: what broke, empty where everything held."""

    result: Result
    failure: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Cost:
    """`seconds` that one waited; `core_seconds` that were computed meanwhile."""

    seconds: float
    core_seconds: float

    def __str__(self) -> str:
        return f"{self.seconds:.0f} s on {CORES} cores ({self.core_seconds:.0f} s of one)"


@contextmanager
def quiet() -> Iterator[None]:
    """Thousands of injected faults are not worth a line each."""
    hush()
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
        structlog.reset_defaults()


def hush() -> None:
    logging.disable(logging.CRITICAL)
    structlog.configure(processors=[], logger_factory=structlog.ReturnLoggerFactory())


def workers() -> ProcessPoolExecutor:
    """Started anew, not forked: each has a hash seed of its own where none is given."""
    return ProcessPoolExecutor(CORES, multiprocessing.get_context("spawn"), hush)


def one(seed: int, directory: Path) -> Done:
    began = time.process_time()
    result = simulate(seed, directory)
    gc.collect()
    gc.freeze()  # what every seed leaves for good (instruments of metrics that nobody reads) is not looked at again
    failure = "".join(traceback.format_exception(result.failure)) if result.failure else ""
    return Done(replace(result, failure=None), failure, time.process_time() - began)
