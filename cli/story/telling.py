"""How the story is told: chapters and steps on a terminal, with a bar where it takes long."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from cli.story.api import Api
from cli.story.deal import Deal
from cli.story.plot import play


class OnTerminal:
    """Rich output; plain text when it is not a terminal."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.chapters = 0

    def chapter(self, title: str) -> None:
        self.chapters += 1
        self.console.print(f"\n[bold cyan]{self.chapters}. {title}[/]")

    def step(self, text: str, **facts: Any) -> None:
        shown = "  ".join(f"[dim]{name.replace('_', ' ')}[/] {value}" for name, value in facts.items())
        self.console.print(f"  [green]✓[/] {text}" + (f"\n      {shown}" if shown else ""), highlight=False)

    def table(self, title: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
        table = Table(title=title, title_justify="left", title_style="italic", header_style="bold", padding=(0, 1))
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*row)
        self.console.print(table)

    @contextmanager
    def progress(self, text: str, total: int) -> Iterator[Any]:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self.console, transient=True) as bar:
            task = bar.add_task(f"  {text}", total=total)
            yield lambda: bar.advance(task)


async def tell(api: Api, *, seed: int = 1, creators: int = 200, console: Console | None = None) -> Deal:
    """Plays the story against a running marketplace and prints it."""
    console = console or Console()
    began = time.monotonic()
    deal = await play(api, OnTerminal(console), seed=seed, creators=creators)
    console.print(
        f"\n[bold green]The story holds:[/] {len(deal.facts)} facts checked, {api.calls} calls, "
        f"{time.monotonic() - began:.1f} s."
    )
    return deal
