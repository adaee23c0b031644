"""The directory that the search rows run on: simulated creators, indexed as a replica indexes them, from discovery's events."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cli.directory import creators
from libs.events.catalog.discovery import CreatorJoined
from libs.events.envelope import GENESIS, Commit, Meta, StoredEvent, facts
from services.discovery.directory import VERSION, Directory
from services.discovery.tantivy_index import TantivyCreatorIndex

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


async def indexed(path: Path, count: int) -> TantivyCreatorIndex:
    """The index of so many creators, as a replica comes to it."""
    index = TantivyCreatorIndex(path, VERSION)
    directory = Directory(index)
    await directory.open()
    events: list[Any] = []
    position = 0
    for commit in commits(count):
        events += facts(commit)
        position = commit.position
        if len(events) >= BATCH:
            await directory.take(events, position)
            events = []
    await directory.take(events, position)
    return index
