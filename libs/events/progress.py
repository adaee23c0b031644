"""How far a consumer group has come: one document per group, topic and partition, `{position, offset}`. Positions are what
clients wait for; `offset` is the next one to come, by which a build knows that it has caught up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


def reached_by(batch: Sequence[Delivery]) -> dict[Place, Reached]:
    """The highest position and the next offset per partition, after a batch."""
    reached: dict[Place, Reached] = {}
    for delivery in batch:
        told = delivery.headers.get("ce_position", b"")
        place = (delivery.topic, delivery.partition)
        before = reached.get(place, NOWHERE)
        reached[place] = Reached(max(before.position, int(told) if told.isdigit() else 0), delivery.offset + 1)
    return reached


class Progress:
    """A group's progress as one member writes it: it only ever grows, also when members take turns at a partition."""

    def __init__(self, documents: Documents, group: str) -> None:
        self._documents, self._group = documents, group
        self._known: dict[str, Stored] = {}

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
