"""The directory that the search rows run on: simulated creators, indexed as a replica indexes them, from discovery's events."""

from __future__ import annotations

import json
import re
import resource
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import plot
from bench.plot import Growth
from cli.directory import creators
from libs.events.catalog.discovery import CreatorJoined
from libs.events.envelope import GENESIS, Commit, Fact, Meta, StoredEvent, facts
from services.discovery.directory import VERSION, Directory
from services.discovery.index.tantivy_index import TantivyCreatorIndex

SEED = 11
AT = datetime(2026, 11, 22, 14, tzinfo=UTC)
BATCH = 20_000
"""Events that a replica takes in at once while it catches up."""
META = Meta(actor="service:bench", correlation_id="bench")
_CAPITAL = re.compile(r"(?<=[a-z0-9])([A-Z])")


def commits(count: int) -> Iterator[Commit]:
    """As the log gives them: who joins, and its audience where that is known."""
    for position, creator in enumerate(creators(count, SEED, AT), 1):
        said = _snake(creator)
        events = [_stored("CreatorJoined", {**_of(said, CreatorJoined), "policy_version": 1})]
        if said.get("audience"):
            audience = {"creator_id": said["creator_id"], "audience": said["audience"]}
            events.append(_stored("AudienceSnapshotRecorded", audience))
        stream = said["creator_id"]
        yield Commit(position, stream, 1, len(events), str(position), AT, META, tuple(events), GENESIS, "")


def _stored(name: str, data: dict[str, Any]) -> StoredEvent:
    return StoredEvent(f"evt-{name}", f"limelight.discovery.{name}", 1, data)


def _of(said: Mapping[str, Any], kind: type[Any]) -> dict[str, Any]:
    return {name: said[name] for name in kind.model_fields if name in said}


def _snake(value: Any) -> Any:
    """Fields in the catalog's names; keys of shares (`DE`, `18-24`) as they are."""
    if isinstance(value, dict):
        return {_CAPITAL.sub(r"_\1", key).lower() if key[:1].islower() else key: _snake(inner) for key, inner in value.items()}
    return [_snake(inner) for inner in value] if isinstance(value, list) else value


def facts_of(commit: Commit) -> list[Fact]:
    return list(facts(commit))


SIZES = (10_000, 100_000, 1_000_000)
GROWTH = Path(__file__).with_name("growth.json")
Pace = Callable[[TantivyCreatorIndex], Awaitable[dict[str, float]]]


class Directories:
    """One directory that grows; what has grown in a run stays for its other rows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.index = TantivyCreatorIndex(path, VERSION)

    async def grow(self, pace: Pace, sizes: Sequence[int] = SIZES) -> None:
        """To the last of the sizes; at each it is told what it takes, and the growth is written and drawn."""
        position, told = await self.index.open(), list[Growth]()
        if position >= sizes[-1]:
            return
        began, directory = time.perf_counter(), Directory(self.index)
        events: list[Fact] = []
        for commit in commits(sizes[-1]):
            events += facts(commit)
            if len(events) >= BATCH or commit.position in sizes:
                await directory.take(events, commit.position)
                events = []
            if commit.position in sizes:
                seconds = time.perf_counter() - began
                told.append(Growth(commit.position, round(seconds, 1), _size(self._path), _resident(), await pace(self.index)))
                print(_line(told[-1]), flush=True)
        GROWTH.write_text(json.dumps([asdict(one) for one in told], indent=2) + "\n")
        plot.draw(told)

    async def close(self) -> None:
        await self.index.close()


def _line(grown: Growth) -> str:
    searches = ", ".join(f"{kind} {milliseconds:.1f} ms" for kind, milliseconds in grown.milliseconds.items())
    sizes = f"{grown.disk / 1e6:,.0f} MB on disk, {grown.memory / 1e6:,.0f} MB in memory"
    return f"{grown.creators:>9,} creators after {grown.seconds:,.0f} s: {sizes}; a search takes {searches}"


def _size(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def _resident() -> int:
    """Bytes of memory that this process holds."""
    with Path("/proc/self/statm").open() as told:
        return int(told.read().split()[1]) * resource.getpagesize()
