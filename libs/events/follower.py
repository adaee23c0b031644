"""Followers: read models that a process keeps for itself, from its service's own log on. For what a database cannot hold or
answer fast enough, such as a search index on local disk: every replica that answers has one, and all come to the same.

What is kept says how far it is, in the same write as what it holds: after a restart it goes on where it was, and it is never
ahead of or behind what it says. The log is the source, not the bus: a position is one integer, and no other outage counts.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Protocol

from libs.events.ahead import Ahead
from libs.events.backoff import patiently
from libs.events.envelope import Fact, facts
from libs.events.failures import OfAnotherLog
from libs.events.ids import Ids
from libs.events.ports import Clock, CommitLog
from libs.events.registry import Event, Registry, registry

log = logging.getLogger(__name__)

PAGE = 1_000
"""Commits that are read at a time."""


class Kept(Protocol):
    """What a follower writes to. `name`: of the read model; `of`: the events that it is made of."""

    @property
    def name(self) -> str: ...

    @property
    def of(self) -> tuple[type[Event], ...]: ...

    async def open(self) -> int:
        """Returns the position up to which it is written; 0: it begins."""
        ...

    async def take(self, events: Sequence[Fact], position: int) -> None:
        """Takes in these events, in the log's order, and is then written up to the position: both or neither."""
        ...

    async def settled(self) -> None:
        """It has caught up for the first time since it was opened."""
        ...

    async def close(self) -> None: ...


class Follower:
    """Reads the log and hands it on. `batch`: events that are taken in at once while it catches up. Seconds: `poll` between
    looks at an idle log (appends of this process are seen at once); `rest` after a write: many small commits become few."""

    def __init__(
        self,
        service: str,
        kept: Kept,
        commits: CommitLog,
        clock: Clock,
        ids: Ids,
        *,
        known: Registry = registry,
        batch: int = 20_000,
        poll: float = 0.1,
        rest: float = 0.1,
    ) -> None:
        self.service, self.name = service, kept.name
        self.position = 0
        self.caught_up = False
        """It has been at the end of the log since it was opened."""
        self._kept, self._commits, self._clock, self._ids, self._known = kept, commits, clock, ids, known
        self._of = frozenset(kept.of)
        self._types = {cls.type for cls in kept.of}
        self._batch, self._poll, self._rest = batch, poll, rest
        self._batches = Ahead(self._read)

    async def run(self) -> None:
        """Until cancelled; outlasts whatever is unavailable. Raises `OfAnotherLog`."""
        try:
            await self._patiently(self._open)
            while True:
                await self._patiently(self._turn)
        finally:
            self._batches.forget()
            await self._kept.close()

    async def _patiently(self, act: Any) -> None:
        await patiently(act, self._clock.sleep, self._ids, attempts=None, first=0.1, most=5.0)

    async def _open(self) -> None:
        position = await self._kept.open()
        if position > (head := await self._commits.head()):
            raise OfAnotherLog(f"{self.name} of {self.service} is at {position}, the log ends at {head}: remove what was kept")
        self.position = position

    async def _turn(self) -> None:
        """Takes in what there is, a batch at most, or waits. Behind a full batch the next one is read meanwhile."""
        events, reached = await self._batches.next(self.position)
        if len(events) >= self._batch:
            self._batches.begin(reached)
        if reached > self.position:
            await self._kept.take(events, reached)
            self.position = reached
            if self.caught_up:
                await self._clock.sleep(self._rest)
            return
        if not self.caught_up:
            self.caught_up = True
            await self._kept.settled()
            log.info("%s of %s has caught up at %d", self.name, self.service, self.position)
        await self._commits.wait(self.position, self._poll)

    async def _read(self, after: int) -> tuple[list[Fact], int]:
        """Events, and the position up to which they are all that concern it."""
        events: list[Fact] = []
        reached = after
        while len(events) < self._batch:
            commits = self._commits.recent(reached, PAGE) or await self._commits.read(reached, PAGE)
            for commit in commits:
                if any(event.type in self._types for event in commit.events):
                    events += (fact for fact in facts(commit, self._known) if fact.kind in self._of)
                reached = commit.position
            if len(commits) < PAGE:
                break
        return events, reached
