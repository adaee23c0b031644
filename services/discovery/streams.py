"""Reading this service's own streams: never out of date, unlike a read model."""

from __future__ import annotations

from typing import Any, TypeVar

from libs.events.decider import Decider
from libs.events.envelope import Recorded, recorded
from libs.events.ports import CommitLog

SERVICE = "discovery"

S = TypeVar("S")


async def events_of(log: CommitLog, stream: str) -> list[Recorded[Any]]:
    return [event for commit in await log.stream(stream) for event in recorded(commit, SERVICE)]


async def state_of(rules: Decider[Any, S, Any], log: CommitLog, stream: str) -> S:
    """The state that the stream's events make."""
    return rules.fold(event.data for event in await events_of(log, stream))
