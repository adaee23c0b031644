"""Deadlines: commands that are due later. They are polled and delivered as ordinary commands; a decider ignores what no
longer applies."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from libs.events.commands import AnyDecider, CommandTable
from libs.events.decider import Actor, Command, Refusal, Role
from libs.events.envelope import Meta, iso
from libs.events.failures import is_transient
from libs.events.handler import CommandHandler
from libs.events.ports import Clock, Document, Documents, Page, Range, Stored, Write

logger = logging.getLogger(__name__)

DEADLINES = "deadlines"
PAGE = 100
EVERY = 0.5
"""Seconds between two looks at what is due."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """Send `command` once `due` has come. Yielded by reactions beside commands."""

    due: datetime
    command: Command


class Deadlines:
    """A service's deadlines: documents by the commit id under which their command will be handled."""

    def __init__(self, documents: Documents, commands: CommandTable) -> None:
        self._documents, self._commands = documents, commands

    async def prepare(self) -> None:
        await self._documents.index(DEADLINES, ("due",))

    async def schedule(self, deadline: Deadline, *, commit_id: str, cause: Meta) -> None:
        """Once per commit id. `cause`: correlation, causation and trace of what set it."""
        self._commands.decider(deadline.command)
        body: Document = {
            "due": iso(deadline.due),
            **self._commands.store(deadline.command),
            "correlation_id": cause.correlation_id,
            "causation_id": cause.causation_id,
            "traceparent": cause.traceparent,
        }
        await self._documents.put(DEADLINES, [Write(commit_id, 0, body)])

    async def due(self, now: datetime) -> list[Stored]:
        """The earliest that are due and have not failed, at most a page."""
        where = {"due": Range(most=iso(now)), "failed": None}
        return await self._documents.find(DEADLINES, where, Page((("due", True),), None, PAGE))

    async def done(self, stored: Stored) -> None:
        await self._documents.put(DEADLINES, [Write(stored.id, stored.revision, None)])

    async def failed(self, stored: Stored, error: BaseException) -> None:
        """It can never be delivered: kept, with the reason, and not tried again."""
        reason = f"{type(error).__name__}: {error}"
        await self._documents.put(DEADLINES, [Write(stored.id, stored.revision, stored.body | {"failed": reason})])


class DeadlineRunner:
    """Delivers what is due, at least once; the commit id makes it once, so any number of runners may run."""

    def __init__(
        self,
        service: str,
        deciders: Iterable[AnyDecider],
        handler: CommandHandler,
        documents: Documents,
        clock: Clock,
        *,
        every: float = EVERY,
    ) -> None:
        self._actor = Actor(service, Role.SERVICE)
        self._commands = CommandTable(deciders)
        self._handler, self._clock, self._every = handler, clock, every
        self._deadlines = Deadlines(documents, self._commands)
        self.counts: Counter[str] = Counter()
        """By outcome: delivered, refused (it no longer applied), failed, postponed (an outage)."""

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                delivered = await self.run_once()
            except Exception as failed:
                if not is_transient(failed):
                    raise
                delivered = 0
                logger.warning("deadlines wait: %s", failed)
            if delivered < PAGE:
                await self._clock.sleep(self._every)

    async def run_once(self) -> int:
        """Delivers one page of what is due; returns how many are done with."""
        before = self.counts["postponed"]
        due = await self._deadlines.due(self._clock.now())
        for stored in due:
            await self._deliver(stored)
        return len(due) - (self.counts["postponed"] - before)

    async def _deliver(self, stored: Stored) -> None:
        outcome = "delivered"
        try:
            await self._handle(stored)
        except Exception as error:
            if is_transient(error):
                self.counts["postponed"] += 1
                return
            logger.warning("deadline %s %s: %s", stored.body["command"], stored.id, error)
            outcome = "refused" if isinstance(error, Refusal) else "failed"
            if outcome == "failed":
                await self._deadlines.failed(stored, error)
        self.counts[outcome] += 1
        if outcome != "failed":
            await self._deadlines.done(stored)

    async def _handle(self, stored: Stored) -> None:
        body = stored.body
        command = self._commands.restore(body["command"], body["fields"])
        await self._handler.handle(
            self._commands.decider(command),
            command,
            actor=self._actor,
            commit_id=stored.id,
            correlation_id=body["correlation_id"],
            causation_id=body["causation_id"],
            traceparent=body["traceparent"],
        )
