"""`limelight dlq`: events that could not be handled, and all later ones of their key."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.markup import escape

from cli.console import DATA_DIR, SERVICES, DataDir, fail, out, service_named, told_in_one_line
from cli.opening import opened
from libs.events.deadletter import DeadLetters, Letter

app = typer.Typer(help="Dead letters: list, show, replay, discard.", no_args_is_help=True)

PATIENCE = 15.0
"""Seconds that `replay` waits for a worker to take it up."""
PAGE = 200

LetterId = Annotated[str, typer.Argument(help="As `dlq list` shows it: SERVICE/<group>|<topic>|<key>|<version>.")]


@app.command("list")
def list_(
    service: Annotated[str | None, typer.Option(help="Default: all.")] = None,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """List what is parked, in the order in which it will be handled."""
    names = SERVICES if service is None else (service_named(service),)
    with told_in_one_line():
        found = asyncio.run(_all(names, data_dir.resolve()))
    if not found:
        out.print("Nothing is parked.")
        return
    for owner, letter in found:
        out.print(f"[bold]{owner}/{escape(letter.id)}[/]", soft_wrap=True)  # whole, on a line of its own: it is to be copied
        told = f"{letter.type}, tried {letter.attempts} times, parked at {letter.parked_at}: {letter.reason}"
        out.print(f"  {told}", markup=False, soft_wrap=True)


@app.command()
def show(letter: LetterId, data_dir: DataDir = DATA_DIR) -> None:
    """Show one letter: why it is here, and the event as it came."""
    service, name = _address(letter)
    with told_in_one_line():
        found = asyncio.run(_find(service, name, data_dir.resolve()))
    delivery = found.delivery
    out.print(f"[bold]{found.type}[/]  {delivery.topic}[{delivery.partition}]@{delivery.offset}  key {delivery.key}")
    out.print(f"group     {found.group}\nparked    {found.parked_at}, tried {found.attempts} times")
    out.print(f"reason    {found.reason}", markup=False)
    for name, value in sorted(delivery.headers.items()):
        out.print(f"  {name:<20}{value.decode(errors='replace')}", markup=False)
    out.print(_pretty(delivery.value), markup=False)
    if found.trace:
        out.print(found.trace, markup=False, style="dim")


@app.command()
def replay(letter: LetterId, data_dir: DataDir = DATA_DIR) -> None:
    """Handle the letter and all others of its key again, in order. The service's worker does it; this waits for the outcome."""
    service, name = _address(letter)
    with told_in_one_line():
        failure = asyncio.run(_replay(service, name, data_dir.resolve()))
    if failure:
        fail(failure)
    out.print("Handled: the key flows again.")


@app.command()
def discard(
    letter: LetterId,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Give one event up for good."""
    service, name = _address(letter)
    if not yes:
        typer.confirm("Its effect will be missing for ever. Discard it?", abort=True)
    with told_in_one_line():
        if not asyncio.run(_discard(service, name, data_dir.resolve())):
            fail(f"there is no letter {letter}")
    out.print("Discarded.")


def _address(letter: str) -> tuple[str, str]:
    service, slash, name = letter.partition("/")
    if not slash:
        fail("a letter is named SERVICE/ID, as `limelight dlq list` shows it", code=2)
    return service_named(service), name


async def _all(names: tuple[str, ...], data: Path) -> list[tuple[str, Letter]]:
    found: list[tuple[str, Letter]] = []
    for name in names:
        async with opened(name, data) as service:
            letters, after = DeadLetters(service.documents, service.clock), ""
            while page := await letters.list(after=after, limit=PAGE):
                found += [(name, letter) for letter in page]
                after = page[-1].id
    return found


async def _find(service: str, id: str, data: Path) -> Letter:
    async with opened(service, data) as store:
        letter = await DeadLetters(store.documents, store.clock).show(id)
    if letter is None:
        fail(f"there is no letter {service}/{id}")
    return letter


async def _discard(service: str, id: str, data: Path) -> bool:
    async with opened(service, data) as store:
        return await DeadLetters(store.documents, store.clock).discard(id)


async def _replay(service: str, id: str, data: Path) -> str | None:
    """Why it did not work; None: it did."""
    async with opened(service, data) as store:
        letters = DeadLetters(store.documents, store.clock)
        letter = await letters.show(id)
        if letter is None:
            return f"there is no letter {service}/{id}"
        if not await letters.request_replay(letter.group, letter.place):
            return f"{letter.place} is no longer parked"
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            parked = await letters.parked(letter.group)
            if letter.place not in parked.places:
                return None
            if letter.place not in parked.replay:
                first = (await letters.list(letter.group, letter.place, limit=1))[0]
                return f"it failed again: {first.type}: {first.reason}"
            await asyncio.sleep(0.1)
    return f"no worker of {service} has taken it up within {PATIENCE:.0f} s; it stays asked for"


def _pretty(value: bytes) -> str:
    try:
        return orjson.dumps(orjson.loads(value), option=orjson.OPT_INDENT_2).decode()
    except orjson.JSONDecodeError:
        return repr(value)
