"""Projections: events in, read models out. A name, a version and a pure `apply`; the runner does the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from libs.events.envelope import Recorded
from libs.events.ports import Document
from libs.events.registry import Event

Apply = Callable[[Document, Recorded[Any]], Document | None]
"""The document ({} if there is none yet) and an event -> the new document; None deletes it. Pure: a replay must be safe."""

Key = Callable[[Recorded[Any]], str | None]
"""The id of the document that an event belongs to; None: the event does not concern this projection."""


@dataclass(frozen=True, slots=True)
class Projection:
    """One read model. A new `version` builds its own collection beside the old one and is switched to when caught up."""

    name: str
    version: int
    of: tuple[type[Event], ...]
    key: Key
    apply: Apply
    indexes: tuple[tuple[str, ...], ...] = ()
    """Dotted fields that queries filter and sort by, one tuple per index."""

    def sources(self) -> frozenset[str]:
        """The services whose topics it reads."""
        return frozenset(cls.owner() for cls in self.of)


def projection(
    name: str, *, version: int, of: Sequence[type[Event]], key: str | Key, indexes: Sequence[tuple[str, ...]] = ()
) -> Callable[[Apply], Projection]:
    """Declares a projection around its pure `apply`. `key`: a field of every event in `of`, or a function."""
    key_of: Key = key if callable(key) else lambda event: str(getattr(event.data, key))
    return lambda apply: Projection(name, version, tuple(of), key_of, apply, tuple(indexes))
