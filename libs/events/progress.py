"""How far a consumer group has come: one document per group, topic and partition, `{position, version, offset}`. Positions are
what clients wait for; `offset` is the next one to come, by which a build knows that it has caught up.

Position and version are the mark of the last message handled, and with it of all before it: messages have their log's order.
So it is known what comes again (a broker that lost a topic is given all of it once more): it is not handled a second time. And
it is known what comes too early (ADR 22): each message names the one before it in its partition, so a gap is seen, and what
stands behind it is left: the relay publishes everything again, and there it comes in its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from libs.events.envelope import NO_MARK, Mark
from libs.events.ports import Delivery, Documents, Stored, Write

PROGRESS = "progress"
Place = tuple[str, int]
"""A topic's partition."""


@dataclass(frozen=True, slots=True)
class Reached:
    """`version`: 0 where older code has written it, which did not keep it."""

    position: int
    offset: int
    version: int = 0

    @property
    def mark(self) -> Mark:
        return self.position, self.version

    def passed(self, mark: Mark) -> bool:
        """This message was handled before. Of one without a mark that cannot be known."""
        return NO_MARK < mark <= self.mark

    def comes_to(self, follows: Mark) -> bool:
        """The message that follows this one is the next, or was before."""
        return follows[0] < self.position or (follows[0] == self.position and (not self.version or follows[1] <= self.version))


NOWHERE = Reached(0, 0)


def progress_id(group: str, topic: str, partition: int) -> str:
    return f"{group}/{topic}/{partition}"


@dataclass(frozen=True, slots=True)
class Sifted:
    """`ready`: what of a batch may be handled, in order. `again`: what was. `early`: what is behind a gap. `reached`: how far
    the group is once the first are handled and the others left."""

    ready: list[Delivery]
    again: list[Delivery]
    early: list[Delivery]
    reached: dict[Place, Reached]


def sift(batch: Sequence[Delivery], known: Mapping[Place, Reached]) -> Sifted:
    """`known`: how far the group had come before (where it is missing: nowhere). A message that does not name the one before it
    follows everything."""
    sifted = Sifted([], [], [], {})
    for delivery in batch:
        place = (delivery.topic, delivery.partition)
        before = sifted.reached.get(place) or known.get(place, NOWHERE)
        mark = before.mark
        if before.passed(own := mark_of(delivery)):
            sifted.again.append(delivery)
        elif before.comes_to(_follows(delivery)):
            sifted.ready.append(delivery)
            mark = max(mark, own)
        else:
            sifted.early.append(delivery)
        sifted.reached[place] = Reached(mark[0], delivery.offset + 1, mark[1])
    return sifted


def mark_of(delivery: Delivery) -> Mark:
    """`NO_MARK` of what is no message of ours."""
    position = _number(delivery, "ce_position")
    return (position, _number(delivery, "ce_streamversion")) if position else NO_MARK


def _follows(delivery: Delivery) -> Mark:
    return _number(delivery, "ce_follows"), _number(delivery, "ce_followsversion")


def _number(delivery: Delivery, header: str) -> int:
    told = delivery.headers.get(header, b"")
    return int(told) if told.isdigit() else 0


class Progress:
    """A group's progress as one member writes it: it only ever grows, also when members take turns at a partition."""

    def __init__(self, documents: Documents, group: str) -> None:
        self._documents, self._group = documents, group
        self._known: dict[str, Stored] = {}

    async def sift(self, batch: Sequence[Delivery]) -> Sifted:
        """What is known here may be old: other members took turns at these partitions. Nothing is left as too early on its
        word; what was handled then stays handled."""
        places = {(delivery.topic, delivery.partition) for delivery in batch}
        names = [progress_id(self._group, *place) for place in places]
        await self._learn([name for name in names if name not in self._known])
        sifted = sift(batch, self._at(places))
        if sifted.early:
            await self._learn(names)
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
        """None: it had come that far. After a loss of the broker offsets begin anew: a higher mark decides."""
        known = self._known.get(name)
        before = _reached(known)
        if to.mark > before.mark or to.offset > before.offset:
            position, version = max(to.mark, before.mark)
            body = {"position": position, "version": version, "offset": to.offset}
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
    if stored is None:
        return NOWHERE
    return Reached(int(stored.body["position"]), int(stored.body["offset"]), int(stored.body.get("version", 0)))
