"""Commits for tests of the log."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from libs.events.envelope import GENESIS, Commit, Meta, NewCommit, StoredEvent, event_id

AT = datetime(2026, 11, 22, 14, tzinfo=UTC)


def new_commit(
    stream: str | None = None,
    *,
    after: Commit | None = None,
    expected: int | None = None,
    events: int = 1,
    commit_id: str | None = None,
    data: dict[str, Any] | None = None,
) -> NewCommit:
    """The first commit of a stream, or the one `after` another."""
    commit_id = commit_id or str(uuid.uuid4())
    stored = tuple(
        StoredEvent(
            event_id(commit_id, i), "limelight.jars.CoinAdded", 1, data if data is not None else {"cents": i, "note": "ü"}
        )
        for i in range(events)
    )
    last = after.last if after else 0
    return NewCommit(
        stream=stream or (after.stream if after else f"jar_{uuid.uuid4().hex}"),
        expected=last if expected is None else expected,
        prev=after.hash if after else GENESIS,
        commit_id=commit_id,
        at=AT,
        meta=Meta("brand:brd_1", "cor-1", None, "00-" + "a" * 32 + "-" + "b" * 16 + "-01", "h1"),
        events=stored,
    )
