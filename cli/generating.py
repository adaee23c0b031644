"""`limelight generate`: simulated data to try the marketplace with."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cli import directory
from cli.console import fail, out

app = typer.Typer(help="Simulated data to try the marketplace with.", no_args_is_help=True)

TOLD_EVERY = 1_000
"""Creators between two looks at the progress bar."""


@app.callback()
def _() -> None:
    """Simulated data to try the marketplace with."""


@app.command()
def creators(
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=10_000_000, help="How many.")],
    path: Annotated[Path, typer.Option("--out", "-o", dir_okay=False, help="Where to: JSON Lines; what is there is replaced.")],
    seed: Annotated[int, typer.Option(help="Another seed makes other creators.")] = 1,
    day: Annotated[
        datetime | None,
        typer.Option("--on", formats=["%Y-%m-%d"], help="The day (UTC) on which they are measured. [default: today]"),
    ] = None,
) -> None:
    """Write a directory of simulated creators, for `limelight import creators`. Followers are heavy-tailed, engagement falls
    with size, audiences and prices follow from country, niche and size; all are marked as simulated. The same count, seed and
    day give the same bytes; more creators begin with the same ones."""
    at = (day or datetime.now(UTC)).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=UTC)
    draft = path.with_name(f"{path.name}.draft")
    try:
        with draft.open("wb") as file:
            for line in _told(directory.creators(count, seed, at), count):
                file.write(line)
        draft.replace(path)
    except OSError as error:
        fail(f"{path} cannot be written: {error.strerror}")
    out.print(f"{count:,} simulated creators in {path}: `limelight import creators {path}` brings them in.", soft_wrap=True)


def _told(made: Iterator[directory.Json], count: int) -> Iterator[bytes]:
    """Lines, with a progress bar."""
    columns = (TextColumn("creators"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=out, transient=True) as bar:
        task = bar.add_task("creators", total=count)
        for number, creator in enumerate(made, start=1):
            yield orjson.dumps(creator) + b"\n"
            if number % TOLD_EVERY == 0:
                bar.update(task, completed=number)
