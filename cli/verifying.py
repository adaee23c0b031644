"""`limelight verify`: has one byte of the log been altered?"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from cli.console import DATA_DIR, SERVICES, DataDir, fail, out, service_named, told_in_one_line
from cli.opening import opened
from libs.events.verify import Fault, verify_log, verify_stream


def verify(
    service: Annotated[str | None, typer.Option(help="Default: all.")] = None,
    stream: Annotated[str | None, typer.Option(help="Only this stream, e.g. a contract's id.")] = None,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Recompute the hash chain of every stream, and look for gaps. Exit code 1 when a commit is not as it was stored."""
    names = SERVICES if service is None else (service_named(service),)
    data, faults, checked = data_dir.resolve(), 0, 0
    for name in names:
        with told_in_one_line(), out.status(f"verifying {name}"):
            what, count, fault = asyncio.run(_verify(name, stream, data))
        checked += count
        if fault is not None:
            faults += 1
            where = f"commit {fault.commit_id} at position {fault.position} of stream {fault.stream}"
            out.print(f"[red]✗[/] {name}: {where}: {fault.reason}", soft_wrap=True)
        elif count or stream is None:
            out.print(f"[green]✓[/] {name}: {what} as stored")
    if faults:
        raise typer.Exit(1)
    if stream is not None and not checked:
        fail(f"no service has a stream {stream}")


async def _verify(service: str, stream: str | None, data: Path) -> tuple[str, int, Fault | None]:
    """What was checked, how many commits that was, and the first fault."""
    async with opened(service, data) as store:
        if stream is not None:
            commits = await store.log.stream(stream)
            return f"{len(commits)} commits of {stream}", len(commits), verify_stream(commits)
        count = await store.log.head()
        return f"{count} commits", count, await verify_log(store.log)
