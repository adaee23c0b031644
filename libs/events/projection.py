"""Projections: events in, read models out. A name, a version and a pure `apply`; the runner does the rest."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from libs.events.envelope import Recorded
from libs.events.failures import is_transient
from libs.events.ports import Document, Documents, Stored, Write
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


# --- the runner ------------------------------------------------------------------------------------------------------

MARKS, DELETED = "_marks", "_deleted"
"""The kernel's fields of a document: source stream -> last applied version; and whether `apply` deleted it. What is deleted is
kept as its marks alone, else a redelivery would bring it back to life."""


REMEMBERED = 2_000
"""Documents that a runner keeps in memory."""
PART = 250
"""Documents in one write."""


def shown(body: Document) -> Document:
    """The document without the kernel's fields."""
    return {name: value for name, value in body.items() if not name.startswith("_")}


class ProjectionRunner:
    """Handles a consumer's batches for one build of a projection: each document is read once and written once per batch,
    together with its marks. What is at or below its mark was applied before and is dropped. Documents that were written last
    are remembered: a stale one costs a lost compare-and-set and a read, or a fold that fails on it and is done again."""

    def __init__(self, projection: Projection, documents: Documents, collection: str) -> None:
        self.projection, self._documents, self._collection = projection, documents, collection
        self._written: OrderedDict[str, Stored] = OrderedDict()

    async def prepare(self) -> None:
        for fields in self.projection.indexes:
            await self._documents.index(self._collection, fields)

    async def handle(self, events: Sequence[Recorded[Any]]) -> None:
        key_of, work = self.projection.key, dict[str, list[Recorded[Any]]]()
        for event in events:
            key = key_of(event)
            if key is not None:
                work.setdefault(key, []).append(event)
        remembers = not self._written.keys().isdisjoint(work)
        try:
            await self._take_in(work)
        except Exception as failed:
            if not remembers or is_transient(failed):
                raise
            self._written.clear()  # another member may have moved on what is remembered here: only what is stored counts
            await self._take_in(work)

    async def _take_in(self, work: Mapping[str, Sequence[Recorded[Any]]]) -> None:
        while work:
            lost = await self._fold_and_write(work, await self._read(work))
            work = {key: work[key] for key in lost}

    async def _fold_and_write(self, work: Mapping[str, Sequence[Recorded[Any]]], stored: Mapping[str, Stored]) -> set[str]:
        """A part of the documents is folded while the part before it is written. Returns the ids that had moved on."""
        lost, writing, keys = set[str](), None, iter(work)
        try:
            while part := list(islice(keys, PART)):
                writes = [write for key in part if (write := self._fold(key, stored.get(key), work[key])) is not None]
                if writing is not None:
                    lost |= await writing
                writing = asyncio.ensure_future(self._write(writes))
                await asyncio.wait({writing}, timeout=0)  # lets it begin
            return lost if writing is None else lost | await writing
        finally:
            if writing is not None:
                writing.cancel()

    async def _write(self, writes: Sequence[Write]) -> frozenset[str]:
        lost = await self._documents.put(self._collection, writes) if writes else frozenset()
        self._remember(write for write in writes if write.id not in lost)
        return lost

    async def _read(self, keys: Iterable[str]) -> dict[str, Stored]:
        """Takes what is remembered out of memory, so that a write of unknown outcome leaves nothing wrong there."""
        stored = {key: kept for key in keys if (kept := self._written.pop(key, None)) is not None}
        missing = [key for key in keys if key not in stored]
        return stored | await self._documents.get(self._collection, missing) if missing else stored

    def _remember(self, writes: Iterable[Write]) -> None:
        for write in writes:
            self._written[write.id] = Stored(write.id, write.revision + 1, write.body or {})
        while len(self._written) > REMEMBERED:
            self._written.popitem(last=False)

    def _fold(self, key: str, stored: Stored | None, events: Sequence[Recorded[Any]]) -> Write | None:
        """None: every event had been applied."""
        body = stored.body if stored else {}
        marks = dict(body.get(MARKS, ()))
        document: Document | None = shown(body)
        apply, news = self.projection.apply, False
        for event in events:
            mark = f"{event.source}/{event.stream}"
            if event.version > marks.get(mark, 0):
                document, marks[mark], news = apply({} if document is None else document, event), event.version, True
        if not news:
            return None
        kept = {DELETED: True} if document is None else document
        return Write(key, stored.revision if stored else 0, {**kept, MARKS: marks})
