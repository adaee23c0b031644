"""Others in the field, doing the rows' work as they are meant to be used."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.harness import Side, Skipped
from bench.peers.emmett import Emmett, emmett
from bench.peers.pyeventsourcing import PyEventSourcing

EMMETT, PYEVENTSOURCING = "emmett", "pyeventsourcing"

APPENDS, DECISIONS = {PYEVENTSOURCING: 2_000, EMMETT: 400}, {PYEVENTSOURCING: 600, EMMETT: 200}
"""Commands in a round of a peer: about a second's work."""


@dataclass(frozen=True, slots=True)
class Peers:
    """Those that run here; `absent`: the others -> why."""

    python: PyEventSourcing
    node: Emmett | None
    absent: Mapping[str, str]

    def append(self, callers: int) -> dict[str, Side]:
        """Posts are tracked; Python's peer is synchronous and takes one caller."""
        sides: dict[str, Side] = {PYEVENTSOURCING: lambda: self.python.append(APPENDS[PYEVENTSOURCING])}
        if (node := self.node) is not None:
            sides[EMMETT] = lambda: node.append(APPENDS[EMMETT], callers)
        return sides

    def decide(self, callers: int) -> dict[str, Side]:
        """Metrics of the loaded posts are reported."""
        sides: dict[str, Side] = {PYEVENTSOURCING: lambda: self.python.decide(DECISIONS[PYEVENTSOURCING])}
        if (node := self.node) is not None:
            sides[EMMETT] = lambda: node.decide(DECISIONS[EMMETT], callers)
        return sides

    async def load(self, streams: int, events: int) -> None:
        await self.python.load(streams, events)
        if self.node is not None:
            await self.node.load(streams, events)


@asynccontextmanager
async def posts(mongo_url: str, database: str, *, cache: int = 0) -> AsyncIterator[Peers]:
    """`database`: emmett's. `cache`: aggregates that pyeventsourcing keeps; emmett has no cache."""
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        python = PyEventSourcing(Path(folder), cache)
        stack.callback(python.close)
        try:
            node = await stack.enter_async_context(emmett(mongo_url, database))
        except Skipped as why:
            yield Peers(python, None, {EMMETT: str(why)})
        else:
            yield Peers(python, node, {})
