"""Commits as documents of the log. Built by hand: this is in the way of every append."""

from __future__ import annotations

from collections.abc import Iterable

from bson.int64 import Int64

from libs.events.database import BsonDocument
from libs.events.envelope import Commit, Meta, StoredEvent

PAGE = 100
"""Positions on one page of the log. Reading by page is an equality, which every server looks up in an index."""


def page_of(position: int) -> int:
    return position // PAGE


def document_of(commit: Commit) -> BsonDocument:
    meta = commit.meta
    about = {"actor": meta.actor, "correlation_id": meta.correlation_id}
    if meta.causation_id is not None:
        about["causation_id"] = meta.causation_id
    if meta.traceparent is not None:
        about["traceparent"] = meta.traceparent
    if meta.input_hash is not None:
        about["input_hash"] = meta.input_hash
    return {
        "_id": Int64(commit.position),
        "page": page_of(commit.position),
        "stream": commit.stream,
        "first": commit.first,
        "last": commit.last,
        "commit_id": commit.commit_id,
        "at": commit.at,
        "meta": about,
        "events": [{"id": e.id, "type": e.type, "v": e.v, "data": e.data} for e in commit.events],
        "prev": commit.prev,
        "hash": commit.hash,
    }


def commit_of(found: BsonDocument) -> Commit:
    meta = found["meta"]
    return Commit(
        position=int(found["_id"]),
        stream=found["stream"],
        first=found["first"],
        last=found["last"],
        commit_id=found["commit_id"],
        at=found["at"],
        meta=Meta(
            meta["actor"],
            meta["correlation_id"],
            meta.get("causation_id"),
            meta.get("traceparent"),
            meta.get("input_hash"),
        ),
        events=_events(found["events"]),
        prev=found["prev"],
        hash=found["hash"],
    )


def _events(stored: Iterable[BsonDocument]) -> tuple[StoredEvent, ...]:
    return tuple(StoredEvent(e["id"], e["type"], e["v"], e["data"]) for e in stored)
