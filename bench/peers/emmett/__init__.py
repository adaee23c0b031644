"""emmett (npm `@event-driven-io/emmett-mongodb`), the best-known event store on MongoDB: a document per stream, in Node. It
writes to the same server as ours, through MongoDB's own driver, and needs neither transactions nor a replica set for it."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from bench.harness import Skipped

HERE = Path(__file__).parent
INSTALLED = HERE.parents[2] / "build" / "bench" / "emmett"
FILES = ("package.json", "package-lock.json", "posts.mjs")


class Emmett:
    """A Node process that takes orders by its standard input."""

    def __init__(self, node: asyncio.subprocess.Process) -> None:
        self._node = node

    async def load(self, streams: int, events: int) -> None:
        """Posts with a past of `events` each."""
        await self._order(do="load", count=streams, events=events)

    async def append(self, count: int, callers: int) -> float:
        """Tracks new posts; commands per second."""
        return await self._order(do="append", count=count, callers=callers)

    async def decide(self, count: int, callers: int) -> float:
        """Reports metrics of the loaded posts in turn; commands per second."""
        return await self._order(do="decide", count=count, callers=callers)

    async def _order(self, **order: object) -> float:
        assert self._node.stdin is not None
        assert self._node.stdout is not None
        self._node.stdin.write(json.dumps(order).encode() + b"\n")
        await self._node.stdin.drain()
        line = await self._node.stdout.readline()
        if not line:
            assert self._node.stderr is not None
            raise Skipped(f"emmett stopped: {_last_line(await self._node.stderr.read())}")
        return float(json.loads(line)["rate"])


@asynccontextmanager
async def emmett(mongo_url: str, database: str) -> AsyncIterator[Emmett]:
    """Raises `Skipped` where there is no Node or the packages cannot be installed."""
    await _install()
    node = await asyncio.create_subprocess_exec(
        "node",
        "posts.mjs",
        mongo_url,
        database,
        cwd=INSTALLED,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield Emmett(node)
    finally:
        with suppress(ProcessLookupError):
            node.terminate()
        await node.communicate()


async def _install() -> None:
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            raise Skipped(f"emmett needs {tool}, which is not here")
    fresh = {name: (HERE / name).read_bytes() for name in FILES}
    stamp = INSTALLED / "installed"
    INSTALLED.mkdir(parents=True, exist_ok=True)
    for name, content in fresh.items():
        (INSTALLED / name).write_bytes(content)
    if stamp.exists() and stamp.read_bytes() == fresh["package-lock.json"]:
        return
    npm = await asyncio.create_subprocess_exec(
        *("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"),
        cwd=INSTALLED,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await npm.communicate()
    if npm.returncode:
        raise Skipped(f"npm could not install emmett: {_last_line(said)}")
    stamp.write_bytes(fresh["package-lock.json"])


def _last_line(said: bytes) -> str:
    lines = said.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"
