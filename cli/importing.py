"""`limelight import`: what others know of creators, from a file into the marketplace."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, BinaryIO

import httpx
import orjson
import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from cli import people, state
from cli.console import DATA_DIR, DataDir, fail, out
from cli.imports import sending
from cli.imports.lines import Unreadable
from cli.imports.place import Memory, Place
from cli.imports.rows import rows
from cli.story.api import Api, Broken, Refused

app = typer.Typer(help="Bring in what others know.", no_args_is_help=True)

PATIENCE = 120.0
"""Seconds that a batch is tried again while the gateway does not answer."""
SHOWN = 20
"""Refused rows on the terminal; the report has all."""


@app.callback()
def _() -> None:
    """Bring in what others know."""


@app.command()
def creators(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="A .csv or .jsonl file.")],
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Bring creators in from a file: JSON Lines, one creator a line, as POST /v1/creators:import takes them; or CSV.

    A CSV file's first line names its columns: a field's path, such as handle, performance.views, accounts.0.platform,
    rateCard.0.amount.currency or audience.countries.DE. Values of languages and niches are separated by `;`. An empty cell is a
    missing value. A column that there is not is refused, and those that there are are listed.

    Each creator is judged as if it had applied; of one that has joined, newer measurements and further accounts are taken over.
    A row without creatorId is told by its first account: the same platform and handle are the same creator.

    A row that is not right is refused and ends nothing: it is listed by line and reason in FILE.refused.jsonl, and the exit
    code is 1. After an interruption, the same command goes on where it was. To repeat an import changes nothing.
    """
    data = data_dir.resolve()
    url = state.gateway_address(data)
    memory = Memory(data, url, file)
    try:
        place, shown = asyncio.run(_import(file, memory, url, people.minter(data)))
    except KeyboardInterrupt:
        out.print(f"Stopped after line {memory.recall().lines:,}: the same command goes on there.")
        raise typer.Exit(130) from None
    except Unreadable as error:
        fail(str(error), code=2)
    except (Broken, Refused) as error:
        fail(f"stopped after line {memory.recall().lines:,}, the same command goes on there: {error}")
    out.print(f"{place.accepted:,} creators are taken over, {place.refused:,} rows are refused.")
    if place.refused:
        _show(shown, place.refused, _report(file))
        raise typer.Exit(1)


async def _import(file: Path, memory: Memory, url: str, mint: people.Mint) -> tuple[Place, list[sending.RefusedRow]]:
    """Returns where it ended, and the first rows that were refused in this run."""
    place, shown = _recalled(file, memory), list[sending.RefusedRow]()
    with contextlib.ExitStack() as stack:
        source = stack.enter_context(file.open("rb"))
        found = rows(file, source, place.offset, place.lines)
        report = stack.enter_context(_report(file).open("ab"))
        report.truncate(place.reported)
        bar = stack.enter_context(_progress())
        task = bar.add_task("importing", total=memory.size, completed=place.offset, lines=place.lines)
        client = httpx.AsyncClient(base_url=url, timeout=30.0, trust_env=False)
        async with client, contextlib.aclosing(sending.sent(Api(client, mint, patience=PATIENCE), found)) as answers:
            async for settled in answers:
                place = _settled(place, settled, report)
                memory.keep(place)
                shown += settled.refused[: SHOWN - len(shown)]
                bar.update(task, completed=place.offset, lines=place.lines)
    memory.forget()
    if not place.refused:
        _report(file).unlink()
    return place, shown


def _recalled(file: Path, memory: Memory) -> Place:
    """Where to go on: at the beginning, if the report of what was refused until then is gone."""
    place, report = memory.recall(), _report(file)
    return place if (report.stat().st_size if report.exists() else 0) >= place.reported else Place()


def _settled(place: Place, settled: sending.Settled, report: BinaryIO) -> Place:
    """Reports what was refused; returns how far it has come with that."""
    told = b"".join(orjson.dumps(asdict(refused)) + b"\n" for refused in settled.refused)
    report.write(told)
    report.flush()
    return Place(
        offset=settled.batch.end,
        lines=settled.batch.last,
        accepted=place.accepted + settled.accepted,
        refused=place.refused + len(settled.refused),
        reported=place.reported + len(told),
    )


def _report(file: Path) -> Path:
    return file.with_name(f"{file.name}.refused.jsonl")


def _progress() -> Progress:
    columns = (TextColumn("importing"), BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[lines]:,} lines"))
    return Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=out, transient=True)


def _show(shown: list[sending.RefusedRow], total: int, report: Path) -> None:
    table = Table("line", "field", "code", "reason", box=None, header_style="dim", padding=(0, 2, 0, 0))
    for one in shown:
        table.add_row(str(one.line), escape(one.field or "–"), one.code, escape(one.message))
    out.print(table)
    if total > len(shown):
        out.print(f"… and {total - len(shown):,} more.")
    out.print(f"All are listed in {report}", soft_wrap=True)
