"""Reactions: facts (others' and our own) in, this service's commands and deadlines out."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from libs.events.deadlines import Deadline
from libs.events.decider import Command
from libs.events.envelope import Recorded
from libs.events.registry import Event

Intent = Command | Deadline
React = Callable[[Recorded[Any]], Iterable[Intent] | AsyncIterable[Intent]]
"""Pure where it can be; an async generator where it calls the outside (a payment provider), under a key that follows from the
event's id, so that a redelivery repeats the call and not its effect."""


@dataclass(frozen=True, slots=True)
class Reaction:
    """`name` is part of the ids of the commits that it causes: never rename one that is deployed."""

    name: str
    to: tuple[type[Event], ...]
    react: React


def reaction(name: str, *, to: type[Event] | tuple[type[Event], ...]) -> Callable[[React], Reaction]:
    """Declares a reaction to events of these types."""
    return lambda react: Reaction(name, to if isinstance(to, tuple) else (to,), react)
