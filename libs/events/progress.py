"""How far a consumer group has come: one document per group, topic and partition, `{position, offset}`. Positions are what
clients wait for; `offset` is the next one to come, by which a build knows that it has caught up.

`position` also tells what comes too early. A broker that lost a topic may be given the page in flight before all that it lost
(ADR 22); each message names the position before it in its partition, so the gap is seen, and what stands behind it is left: the
relay publishes everything again, and it comes a second time in its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from libs.events.ports import Delivery, Documents, Stored, Write

PROGRESS = "progress"
Place = tuple[str, int]
"""A topic's partition."""


@dataclass(frozen=True, slots=True)
class Reached:
    position: int
    offset: int


NOWHERE = Reached(0, 0)


def progress_id(group: str, topic: str, partition: int) -> str:
    return f"{group}/{topic}/{partition}"


@dataclass(frozen=True, slots=True)
class Sifted:
    """`ready`: what of a batch may be handled, in order. `early`: what is behind a gap. `reached`: how far the group is once
    the former is handled and the latter left."""

    ready: list[Delivery]
    early: list[Delivery]
    reached: dict[Place, Reached]


def sift(batch: Sequence[Delivery], known: Mapping[Place, Reached]) -> Sifted:
    """`known`: how far the group had come before (where it is missing: nowhere). A message that does not name the position
    before it follows everything."""
    sifted = Sifted([], [], {})
    for delivery in batch:
        place = (delivery.topic, delivery.partition)
        before = sifted.reached.get(place) or known.get(place, NOWHERE)
        position = before.position
        if _number(delivery, "ce_follows") <= position:
            sifted.ready.append(delivery)
            position = max(position, _number(delivery, "ce_position"))
        else:
            sifted.early.append(delivery)
        sifted.reached[place] = Reached(position, delivery.offset + 1)
    return sifted


def _number(delivery: Delivery, header: str) -> int:
    told = delivery.headers.get(header, b"")
    return int(told) if told.isdigit() else 0


class Progress:
    """A group's progress as one member writes it: it only ever grows, also when members take turns at a partition."""

    def __init__(self, documents: Documents, group: str) -> None:
        self._documents, self._group = documents, group
        self._known: dict[str, Stored] = {}

    async def sift(self, batch: Sequence[Delivery]) -> Sifted:
        """What is known here may be old: other members took turns at these partitions. Nothing is left on its word."""
        places = {(delivery.topic, delivery.partition) for delivery in batch}
        sifted = sift(batch, self._at(places))
        if sifted.early:
            await self._learn([progress_id(self._group, *place) for place in places])
            sifted = sift(batch, self._at(places))
        return sifted

    def _at(self, places: Iterable[Place]) -> dict[Place, Reached]:
        return {place: _reached(self._known.get(progress_id(self._group, *place))) for place in places}

    async def reach(self, reached: Mapping[Place, Reached]) -> None:
        wanted = {progress_id(self._group, *place): to for place, to in reached.items()}
        await self._learn([name for name in wanted if name not in self._known])
        while wanted:
            writes = [write for name, to in wanted.items() if (write := self._write(name, to)) is not None]
            lost = await self._documents.put(PROGRESS, writes) if writes else frozenset()
            for write in writes:
                if write.id not in lost and write.body is not None:
                    self._known[write.id] = Stored(write.id, write.revision + 1, write.body)
            await self._learn(list(lost))
            wanted = {name: wanted[name] for name in lost}

    def _write(self, name: str, to: Reached) -> Write | None:
        """None: it had come that far. After a loss of the broker offsets begin anew: a higher position decides."""
        known = self._known.get(name)
        before = _reached(known)
        if to.position > before.position or to.offset > before.offset:
            body = {"position": max(to.position, before.position), "offset": to.offset}
            return Write(name, known.revision if known else 0, body)
        return None

    async def _learn(self, ids: Sequence[str]) -> None:
        if ids:
            self._known |= await self._documents.get(PROGRESS, ids)


async def read_progress(documents: Documents, group: str, places: Sequence[Place]) -> dict[Place, Reached]:
    """How far the group has come at these places."""
    stored = await documents.get(PROGRESS, [progress_id(group, *place) for place in places])
    return {place: _reached(stored.get(progress_id(group, *place))) for place in places}


def _reached(stored: Stored | None) -> Reached:
    return Reached(int(stored.body["position"]), int(stored.body["offset"])) if stored else NOWHERE
