"""`make mutants`: known mistakes of others, planted one at a time. Each must be caught, within 100 seeds or by a named test,
and for its own reason: the invariant that broke is told."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from tests.scoreboard import Row, write_report

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
REPORT = HERE / "report.json"
COPIED = ("libs", "services", "cli", "deploy", "protos", "tests", "build/limelight.binpb", "pyproject.toml")
SEEDS = 100
SIMULATION = "the simulation: "


@dataclass(frozen=True, slots=True)
class Mutant:
    """A patch: its first lines say what is wrong with it, and who catches it: a test, or the simulation by one of some
    invariants. Anything else that breaks does not count: the mistake would have been found by accident."""

    patch: Path
    about: str
    test: str = ""
    invariants: tuple[str, ...] = ()

    @classmethod
    def of(cls, patch: Path) -> Mutant:
        about, caught_by, *_ = patch.read_text().splitlines()
        who = caught_by.removeprefix("Caught by: ")
        if who.startswith(SIMULATION):
            return cls(patch, about, invariants=tuple(who.removeprefix(SIMULATION).split("; ")))
        return cls(patch, about, test=who)


def mutants() -> list[Mutant]:
    return [Mutant.of(patch) for patch in sorted(HERE.glob("*.patch"))]


def planted(mutant: Mutant, directory: Path) -> Path:
    """A copy of the code with the mistake in it. Raises `CalledProcessError` where the patch no longer fits."""
    copy = directory / mutant.patch.stem
    for name in COPIED:
        source, target = ROOT / name, copy / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    subprocess.run(["git", "apply", str(mutant.patch)], cwd=copy, check=True)
    return copy


def broken(mutant: Mutant, copy: Path) -> tuple[str, bool]:
    """What broke (empty: nothing did), and whether it is what such a mistake must break."""
    if mutant.test:
        command = [sys.executable, "-m", "pytest", "-q", "-x", mutant.test]
        wide = {**os.environ, "COLUMNS": "500"}  # or pytest leaves out why
        done = subprocess.run(command, cwd=copy, env=wide, capture_output=True, text=True, check=False)
        failed = re.search(r"^FAILED \S+::(\S+) - (\w+)", done.stdout, re.MULTILINE)
        return (failed[1], failed[2] in ("assert", "AssertionError", "Failed")) if failed else ("", False)
    command = [sys.executable, "-m", "tests.simulation", "--seeds", str(SEEDS)]
    done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
    broke = re.search(r"^seed (\d+) broke: (.+)$", done.stdout, re.MULTILINE)
    return (f"{broke[2]} (seed {broke[1]})", broke[2] in mutant.invariants) if broke else ("", False)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.mutants", description=__doc__)
    parser.add_argument("--only", default="", help="those whose name has this in it")
    chosen = [mutant for mutant in mutants() if parser.parse_args().only in mutant.patch.stem]
    console, rows, found = Console(), list[Row](), 0
    for mutant in chosen:
        with tempfile.TemporaryDirectory() as directory, console.status(mutant.patch.stem):
            what, rightly = broken(mutant, planted(mutant, Path(directory)))
        found += rightly
        verdict = "caught" if rightly else "BY ACCIDENT" if what else "NOT CAUGHT"
        console.print(f"{verdict:11} {mutant.patch.stem}: {what or mutant.about}", soft_wrap=True)
        ours = f"caught: {what}" if rightly else f"only by accident: {what}" if what else "not caught"
        rows.append(Row(mutant.about, "reports of others' bugs", ours, f"make mutants ONLY={mutant.patch.stem}"))
    if len(chosen) == len(mutants()):
        write_report(REPORT, rows, caught=found, planted=len(rows))
    sys.stdout.write(f"caught {found} of {len(rows)}\n")
    return 0 if found == len(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
