"""`limelight rebuild`: a read model anew from the events, beside the one that is served."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from cli.console import DATA_DIR, DataDir, fail, out, service_named, told_in_one_line
from cli.opening import Opened, opened
from libs.events.builds import PROJECTIONS, Build, read_builds, request_rebuild
from libs.events.ports import Page
from libs.events.progress import read_progress

BETWEEN_LOOKS = 0.2
PATIENCE = 30.0
"""Seconds without any progress after which nobody seems to build."""


def rebuild(
    service: Annotated[str, typer.Argument(help="The service that owns it.")],
    projection: Annotated[str, typer.Argument(help="Its name.")],
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Build a projection anew from the first event on; it is switched to once it has caught up. The worker does it."""
    with told_in_one_line():
        asyncio.run(_rebuild(service_named(service), projection, data_dir.resolve()))


async def _rebuild(service: str, projection: str, data: Path) -> None:
    async with opened(service, data) as store:
        before = await read_builds(store.documents, projection)
        if before is None:
            known = [found.id for found in await store.documents.find(PROJECTIONS, {}, Page(limit=100))]
            fail(f"{service} has no projection {projection!r}; it has {', '.join(known) or 'none yet'}", code=2)
        if before.building is None and not await request_rebuild(store.documents, service, projection):
            fail(f"{projection} was changed at the same moment: ask again")
        await _watch(store, projection, before.live)
        out.print(f"{projection} is served by its new build.")


async def _watch(store: Opened, projection: str, old: Build) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    last, since = -1, time.monotonic()
    with Progress(*columns, console=out, transient=True) as bar:
        task = bar.add_task(f"building {projection}", total=None)
        while (builds := await read_builds(store.documents, projection)) is not None and builds.live == old:
            done, total = await _progress(store, builds.building)
            bar.update(task, completed=done, total=total or None)
            if done != last:
                last, since = done, time.monotonic()
            if time.monotonic() - since > PATIENCE:
                fail(f"no worker of {store.service} is building it; it stays asked for")
            await asyncio.sleep(BETWEEN_LOOKS)


async def _progress(store: Opened, build: Build | None) -> tuple[int, int]:
    """Offsets passed, and offsets to pass."""
    done = total = 0
    for topic, ends in ((build.ends if build else None) or {}).items():
        places = [(topic, int(partition)) for partition in ends]
        reached = await read_progress(store.documents, build.group if build else "", places)
        total += sum(ends.values())
        done += sum(min(reached[topic, int(partition)].offset, end) for partition, end in ends.items())
    return done, total
