"""What every command shares: how it speaks, how it fails, where the local run keeps its data."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.markup import escape

from libs.chassis.settings import SettingsError
from libs.events.ports import Unavailable

SERVICES = ("discovery", "campaigns", "messaging", "payments", "analytics")

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

DataDir = Annotated[
    Path,
    typer.Option("--data-dir", envvar="LIMELIGHT_DATA_DIR", help="Where the local run keeps its data, logs and keys."),
]
DATA_DIR = Path(".limelight")


def fail(message: str, code: int = 1) -> NoReturn:
    """One line on stderr, and out."""
    err.print(f"[red]limelight:[/] {escape(message)}", soft_wrap=True)
    raise typer.Exit(code)


def service_named(name: str) -> str:
    """Fails when there is no such service."""
    if name not in SERVICES:
        fail(f"there is no service {name!r}; there are {', '.join(SERVICES)}", code=2)
    return name


@contextlib.contextmanager
def told_in_one_line() -> Iterator[None]:
    """Failures that say all that helps: no traceback."""
    try:
        yield
    except Unavailable as error:
        fail(f"{error}: does it run? `limelight status` tells", code=1)
    except SettingsError as error:
        fail(f"the settings are not usable: {error}", code=78)
