"""The search index as it lies on a replica's disk, against what discovery's log makes of it from the first event on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import orjson
from tantivy import Index, Query

from libs.events.envelope import Commit, facts
from libs.events.ports import Document
from services.discovery.directory import LISTED, VERSION, after
from services.discovery.index.tantivy_index import POSITION

Kept = tuple[int, dict[str, Document]]
"""The position up to which an index is written, and its entries."""


def indexes_in(directory: Path) -> list[Kept]:
    """Of every replica below it."""
    replicas = sorted(directory.glob(f"*/v{VERSION}"))
    assert replicas, f"no index in {directory}"
    return [_kept(replica) for replica in replicas]


def equal_their_rebuild_from(log: Sequence[Commit], replicas: Sequence[Kept]) -> int:
    """Each is at the log's end, and has what the log makes of it. Returns how many entries there are. Raises AssertionError,
    with one that differs."""
    rebuilt = _rebuilt(log)
    for position, kept in replicas:
        assert position == len(log), f"an index is at {position}, the log at {len(log)}"
        differing = [one for one in sorted({*kept, *rebuilt}) if kept.get(one) != rebuilt.get(one)]
        first = differing[0] if differing else ""
        assert not differing, f"{len(differing)} entries differ, e.g. {first}: {kept.get(first)}, rebuilt {rebuilt.get(first)}"
    return len(replicas) * len(rebuilt)


def _kept(replica: Path) -> Kept:
    """A reader may look in while another process writes."""
    searcher = Index.open(str(replica)).searcher()
    stored = [searcher.doc(address) for _, address in searcher.search(Query.all_query(), searcher.num_docs).hits]
    [position] = [one[POSITION][0] for one in stored if one[POSITION]]
    entries = [orjson.loads(one["source"][0]) for one in stored if one["source"]]
    assert len({one["creator_id"] for one in entries}) == len(entries), "a creator has two entries"
    return int(position), {one["creator_id"]: one for one in entries}


def _rebuilt(log: Sequence[Commit]) -> dict[str, Document]:
    entries: dict[str, Document] = {}
    for fact in (fact for commit in log for fact in facts(commit) if fact.kind in LISTED):
        entry = after(entries.pop(fact.data["creator_id"], {}), fact)
        if entry:
            entries[fact.data["creator_id"]] = entry
    return entries
