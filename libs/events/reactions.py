"""Reactions: facts (others' and our own) in, this service's commands and deadlines out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from libs.events.commands import AnyDecider, CommandTable
from libs.events.deadlines import Deadline, Deadlines
from libs.events.decider import Actor, Command, Role
from libs.events.envelope import Meta, Recorded, topic
from libs.events.failures import is_transient
from libs.events.handler import CommandHandler
from libs.events.ids import commit_id_of
from libs.events.ports import Documents
from libs.events.registry import Event


@dataclass(frozen=True, slots=True)
class Keyed:
    """A command of a reaction that reads: what it reads may have changed when the event comes again, and with it the command's
    place among the intents. `key` stays, and stands for the place."""

    key: str
    command: Command


Intent = Command | Deadline | Keyed
React = Callable[[Recorded[Any]], Iterable[Intent] | AsyncIterable[Intent]]
"""Pure where it can be; an async generator where it reads this service's log or views (its commands are `Keyed`), or calls the
outside (a payment provider), under a key that follows from the event's id, so that a redelivery repeats the call and not its
effect."""

AT_ONCE = 32
"""Keys whose events are reacted to concurrently."""
PAGE = 200
"""Messages after which it is written down that they were reacted to: each may take several round trips, and a process that does
not live to the end of a large batch must not begin with it again, time after time."""


@dataclass(frozen=True, slots=True)
class Reaction:
    """`name` is part of the ids of the commits that it causes: never rename one that is deployed."""

    name: str
    to: tuple[type[Event], ...]
    react: React


def reaction(name: str, *, to: type[Event] | tuple[type[Event], ...]) -> Callable[[React], Reaction]:
    """Declares a reaction to events of these types."""
    return lambda react: Reaction(name, to if isinstance(to, tuple) else (to,), react)


def reaction_group(service: str) -> str:
    """All reactions of a service share one consumer group."""
    return f"limelight.{service}.reactions"


class ReactionRunner:
    """Handles a consumer's batches: in order per key, keys concurrently. Every intent has a commit id that follows from the
    reaction, the event and its place among the intents (or its key): however often an event comes, it has its effect once."""

    def __init__(
        self,
        service: str,
        reactions: Sequence[Reaction],
        deciders: Iterable[AnyDecider],
        handler: CommandHandler,
        documents: Documents,
    ) -> None:
        names = [one.name for one in reactions]
        if len(set(names)) < len(names):
            raise ValueError(f"two reactions of {service} have the same name: {sorted(names)}")
        self.reactions = tuple(reactions)
        self._actor = Actor(service, Role.SERVICE)
        self._handler, self._commands = handler, CommandTable(deciders)
        self._deadlines = Deadlines(documents, self._commands)
        self._slots = asyncio.Semaphore(AT_ONCE)

    def types(self) -> frozenset[type[Event]]:
        return frozenset(cls for one in self.reactions for cls in one.to)

    def topics(self) -> tuple[str, ...]:
        """Of every service that owns one of the types."""
        return tuple(sorted({topic(cls.owner()) for cls in self.types()}))

    async def handle(self, events: Sequence[Recorded[Any]]) -> None:
        """Raises what failed: an outage rather than anything else, as all of it is tried again after it."""
        keys: dict[tuple[str, str], list[Recorded[Any]]] = {}
        for event in events:
            keys.setdefault((event.source, event.stream), []).append(event)
        results = await asyncio.gather(*map(self._in_order, keys.values()), return_exceptions=True)
        failures = [result for result in results if result is not None]
        if failures:
            raise next((failure for failure in failures if is_transient(failure)), failures[0])

    async def _in_order(self, events: Sequence[Recorded[Any]]) -> None:
        async with self._slots:
            for event in events:
                for one in self.reactions:
                    if isinstance(event.data, one.to):
                        await self._react(one, event)

    async def _react(self, one: Reaction, event: Recorded[Any]) -> None:
        index = 0
        async for intent in _intents(one.react(event)):
            place = intent.key if isinstance(intent, Keyed) else str(index)
            commit_id = commit_id_of(one.name, event.id, place)
            index += 1
            if isinstance(intent, Deadline):
                cause = Meta(str(self._actor), event.meta.correlation_id, event.id, event.meta.traceparent)
                await self._deadlines.schedule(intent, commit_id=commit_id, cause=cause)
            else:
                command = intent.command if isinstance(intent, Keyed) else intent
                await self._handler.handle(
                    self._commands.decider(command),
                    command,
                    actor=self._actor,
                    commit_id=commit_id,
                    correlation_id=event.meta.correlation_id,
                    causation_id=event.id,
                    traceparent=event.meta.traceparent,
                )


async def _intents(intents: Iterable[Intent] | AsyncIterable[Intent]) -> AsyncIterator[Intent]:
    if isinstance(intents, AsyncIterable):
        async for intent in intents:
            yield intent
    else:
        for intent in intents:
            yield intent
