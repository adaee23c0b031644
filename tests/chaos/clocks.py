"""The system's clock of each of a stack's processes, set forwards and back by libfaketime, which is preloaded. Timers are not
touched: only what the time of day is said to be."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

A_DAY = 86_400
NOTICED_WITHIN = 1
"""Seconds after which a process looks for its time again. Looking each time it is asked for would mean a file opened, read and
closed thousands of times a second, behind a lock: the processes did little else."""
PROBE = "import time; print(time.time(), time.monotonic())"


class CannotBeSet(RuntimeError):
    """libfaketime is not there, or this system does not preload it."""


@dataclass(frozen=True, slots=True)
class Clocks:
    """`directory` holds a file per process with the seconds by which its clock is wrong."""

    directory: Path
    library: Path

    def environment(self, process: str) -> dict[str, str]:
        """What has it take its clock from here; right until it is set."""
        if not self._file(process).exists():
            self.set([process], 0)
        told = {
            "FAKETIME_TIMESTAMP_FILE": str(self._file(process)),
            "FAKETIME_CACHE_DURATION": f"{NOTICED_WITHIN}",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",  # what was one for old C libraries ends every timed wait at once in newer ones
        }
        return {"LD_PRELOAD": str(self.library), **told}

    def set(self, processes: Iterable[str], wrong_by: int) -> None:
        """Within a second, and whole: a file that is being written would be no time at all."""
        for process in processes:
            draft = self._file(process).with_suffix(".draft")
            draft.write_text(f"{wrong_by:+d}\n")
            draft.replace(self._file(process))

    def _file(self, process: str) -> Path:
        return self.directory / f"{process}.clock"


def clocks_in(directory: Path) -> Clocks:
    """Raises `CannotBeSet`."""
    spec = find_spec("libfaketime")
    if spec is None or spec.origin is None:
        raise CannotBeSet("libfaketime is not installed: pip install 'limelight[dev]'")
    library = Path(spec.origin).parent / "vendor" / "libfaketime" / "src" / "libfaketime.so.1"
    clocks = Clocks(directory, library)
    clocks.set(["probe"], A_DAY)
    told = subprocess.run(
        [sys.executable, "-c", PROBE], env=clocks.environment("probe"), capture_output=True, text=True, check=False
    )
    said = told.stdout.split()
    if len(said) != 2 or abs(float(said[0]) - time.time() - A_DAY) > 60 or abs(float(said[1]) - time.monotonic()) > 60:
        raise CannotBeSet(f"libfaketime cannot be preloaded on this system: {told.stderr.strip() or told.stdout.strip()}")
    return clocks
