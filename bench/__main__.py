"""`python -m bench [NAME]`: measures the rows whose name begins with NAME (default: all), prints the table and keeps it."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Sequence

import uvloop
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from bench import results, table
from bench.harness import LEAST_ROUNDS, Measured, Row, Skipped, measure
from bench.rows import ROWS
from bench.world import World
from libs.chassis.process import collect_seldom

BUSY = 0.5
"""Load per core from which on the figures are others' too."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("name", nargs="?", default="", help="measure the rows whose name begins so")
    parser.add_argument("--rounds", type=int, default=LEAST_ROUNDS, help=f"that count, at least {LEAST_ROUNDS}")
    parser.add_argument("--table", action="store_true", help="measure nothing: put results.json into README.md")
    options = parser.parse_args(arguments)
    if options.rounds < LEAST_ROUNDS:
        parser.error(f"--rounds is at least {LEAST_ROUNDS}")
    if options.table:
        table.into_readme(table.markdown(results.saved()))
        return 0
    rows = [row for row in ROWS if row.name.startswith(options.name)]
    if not rows:
        parser.error(f"no row begins with {options.name!r}; there are {', '.join(row.name for row in ROWS)}")
    collect_seldom()  # as in every process of ours
    return uvloop.run(run(rows, options.rounds))


async def run(rows: Sequence[Row], rounds: int) -> int:
    """Returns 0 if every row ran; whether its target was met is for the reader of the table."""
    if (this := asyncio.current_task()) is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)  # else its servers would outlive it
    console = Console(width=None if sys.stdout.isatty() else 140)
    if (load := os.getloadavg()[0] / (os.cpu_count() or 1)) > BUSY:
        console.print(f"[yellow]the machine is busy (load {load:.1f} per core): ratios will scatter")
    measured: list[Measured] = []
    absent: dict[str, str] = {}
    async with World() as world:
        machine = await world.machine()
        for row in rows:
            try:
                measured.append(await _measure(row, world, rounds, console, absent))
                results.save(measured[-1:], machine, [row.name for row in ROWS])
            except Skipped as why:
                absent[row.name] = str(why)
    console.print(table.terminal(measured, machine))
    for name, why in absent.items():
        console.print(f"[yellow]{name} skipped: {why}", highlight=False)
    table.into_readme(table.markdown(results.saved()))
    return 0 if len(measured) == len(rows) else 1


async def _measure(row: Row, world: World, rounds: int, console: Console, absent: dict[str, str]) -> Measured:
    columns = SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(f"{row.name}: preparing", total=None)
        async with row.prepare(world) as contest:
            absent.update(contest.absent)
            progress.update(task, total=(rounds + 1) * len(contest.sides()))

            def tick(side: str) -> None:
                progress.update(task, description=f"{row.name}: {side}")

            def tock() -> None:
                progress.advance(task)

            measured = await measure(row, contest, rounds, tick, tock)
        progress.update(task, description=row.name)
    return measured


if __name__ == "__main__":
    sys.exit(main())
