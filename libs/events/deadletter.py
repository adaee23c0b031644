"""Dead letters: events that cannot be handled, and all later ones of their key, kept in order until an operator decides.

A key is parked in the group's document in `parked`; its letters are documents in `dead_letters`. A letter is written before its
key is marked, and a key is unmarked only at the revision at which no letter of it was found: no letter is ever left behind.
"""

from __future__ import annotations

import base64
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from libs.events.envelope import iso
from libs.events.ports import Clock, Delivery, Document, Documents, Page, Stored, Write

LETTERS, PARKED = "dead_letters", "parked"
PAGE = 100


def place_of(delivery: Delivery) -> str:
    """What is parked: a key of a topic."""
    return f"{delivery.topic}|{delivery.key}"


@dataclass(frozen=True, slots=True)
class Letter:
    """A parked event. `reason`: why it is here; `attempts`: how often it was tried."""

    id: str
    group: str
    place: str
    type: str
    reason: str
    attempts: int
    parked_at: str
    delivery: Delivery
    trace: str = ""


@dataclass(frozen=True, slots=True)
class Parked:
    """A group's parked places, and those whose replay an operator asked for."""

    places: frozenset[str] = frozenset()
    replay: frozenset[str] = frozenset()


class DeadLetters:
    """The dead letters of one service, of all its consumer groups."""

    def __init__(self, documents: Documents, clock: Clock) -> None:
        self._documents, self._clock = documents, clock

    async def prepare(self) -> None:
        await self._documents.index(LETTERS, ("group", "place", "order"))

    async def parked(self, group: str) -> Parked:
        return _parked((await self._documents.get(PARKED, [group])).get(group))

    async def list(
        self, group: str | None = None, place: str | None = None, *, after: str = "", limit: int = PAGE
    ) -> list[Letter]:
        """In the order in which they are to be handled. `after`: the id of the last one seen."""
        wanted = {name: value for name, value in (("group", group), ("place", place)) if value is not None}
        sort = (("group", True), ("place", True), ("order", True))
        seen = (await self._documents.get(LETTERS, [after])).get(after) if after else None
        at = None if seen is None else (*(seen.body[name] for name, _ in sort), seen.id)
        return [_letter(stored) for stored in await self._documents.find(LETTERS, wanted, Page(sort, at, limit))]

    async def show(self, id: str) -> Letter | None:
        stored = (await self._documents.get(LETTERS, [id])).get(id)
        return None if stored is None else _letter(stored)

    # --- in ------------------------------------------------------------------------------------------------------

    async def park(self, group: str, delivery: Delivery, error: BaseException) -> None:
        """The event, and from now on its key."""
        await self._write(group, [delivery], f"{type(error).__name__}: {error}", _where(error))
        place = place_of(delivery)
        await self._mark(group, lambda parked: Parked(parked.places | {place}, parked.replay - {place}))

    async def park_behind(self, group: str, deliveries: Sequence[Delivery]) -> frozenset[str]:
        """Later events of parked keys. Returns the places that are no longer parked: theirs are to be handled after all."""
        await self._write(group, deliveries, "an earlier event of its key is parked", "")
        still = (await self._mark(group, lambda parked: parked)).places
        free = frozenset(map(place_of, deliveries)) - still
        await self._delete([_id(group, delivery) for delivery in deliveries if place_of(delivery) in free])
        return free

    async def blame(self, letter: Letter, error: BaseException) -> None:
        """A replay failed: the letter stays, with its new reason; its key is no longer to be replayed."""
        stored = (await self._documents.get(LETTERS, [letter.id])).get(letter.id)
        if stored is not None:
            reason = {"reason": f"{type(error).__name__}: {error}", "trace": _where(error), "attempts": letter.attempts + 1}
            await self._documents.put(LETTERS, [Write(letter.id, stored.revision, stored.body | reason)])
        await self._mark(letter.group, lambda parked: Parked(parked.places, parked.replay - {letter.place}))

    # --- out -----------------------------------------------------------------------------------------------------

    async def request_replay(self, group: str, place: str) -> bool:
        """Asks the group's consumers to handle the place's letters again, in order. False: the place is not parked."""

        def ask(parked: Parked) -> Parked:
            return Parked(parked.places, parked.replay | (parked.places & {place}))

        return place in (await self._mark(group, ask)).replay

    async def done(self, letter: Letter) -> None:
        """The letter was handled."""
        await self._delete([letter.id])

    async def discard(self, id: str) -> bool:
        """Gives the event up for good. Its key flows again once no letter of it is left. False: no such letter."""
        letter = await self.show(id)
        if letter is None:
            return False
        await self._delete([id])
        await self.release(letter.group, letter.place)
        return True

    async def release(self, group: str, place: str) -> bool:
        """Lets the key flow again if no letter of it is left. False: there are some."""
        while True:
            stored = (await self._documents.get(PARKED, [group])).get(group)
            parked = _parked(stored)
            if stored is None or place not in parked.places:
                return True
            if await self._documents.count(LETTERS, {"group": group, "place": place}):
                return False
            freed = _body(Parked(parked.places - {place}, parked.replay - {place}))
            if not await self._documents.put(PARKED, [Write(group, stored.revision, freed)]):
                return True

    # --- documents -----------------------------------------------------------------------------------------------

    async def _mark(self, group: str, change: Callable[[Parked], Parked]) -> Parked:
        """Writes even where nothing changes: the new revision tells a concurrent release that letters came."""
        while True:
            stored = (await self._documents.get(PARKED, [group])).get(group)
            changed = change(_parked(stored))
            if not await self._documents.put(PARKED, [Write(group, stored.revision if stored else 0, _body(changed))]):
                return changed

    async def _write(self, group: str, deliveries: Sequence[Delivery], reason: str, trace: str) -> None:
        now = iso(self._clock.now())
        bodies = {_id(group, d): _letter_body(group, d, reason, trace, now) for d in deliveries}
        await self._documents.put(LETTERS, [Write(name, 0, body) for name, body in bodies.items()])

    async def _delete(self, ids: Iterable[str]) -> None:
        stored = await self._documents.get(LETTERS, list(ids))
        await self._documents.put(LETTERS, [Write(one.id, one.revision, None) for one in stored.values()])


def _order(delivery: Delivery) -> int:
    """Within a key: the stream's version; of a message that does not tell it, its offset."""
    version = _version(delivery)
    return delivery.offset if version is None else version


def _id(group: str, delivery: Delivery) -> str:
    """An event that comes twice is one letter. A message of no version takes no event's place."""
    kind = "at" if _version(delivery) is None else ""
    return f"{group}|{place_of(delivery)}|{kind}{_order(delivery):012d}"


def _version(delivery: Delivery) -> int | None:
    told = delivery.headers.get("ce_streamversion", b"")
    return int(told) if told.isdigit() else None


def _letter_body(group: str, delivery: Delivery, reason: str, trace: str, now: str) -> Document:
    return {
        "group": group,
        "place": place_of(delivery),
        "order": _order(delivery),
        "type": delivery.headers.get("ce_type", b"").decode(errors="replace"),
        "reason": reason,
        "trace": trace,
        "attempts": 1,
        "parked_at": now,
        "delivery": {
            "topic": delivery.topic,
            "partition": delivery.partition,
            "offset": delivery.offset,
            "key": delivery.key,
            "value": base64.b64encode(delivery.value).decode(),
            "headers": {name: base64.b64encode(value).decode() for name, value in delivery.headers.items()},
        },
    }


def _letter(stored: Stored) -> Letter:
    body: dict[str, Any] = stored.body
    raw = body["delivery"]
    headers = {name: base64.b64decode(value) for name, value in raw["headers"].items()}
    value = base64.b64decode(raw["value"])
    delivery = Delivery(raw["topic"], raw["partition"], raw["offset"], raw["key"], value, headers)
    told = (body["type"], body["reason"], body["attempts"], body["parked_at"])
    return Letter(stored.id, body["group"], body["place"], *told, delivery, body["trace"])


def _parked(stored: Stored | None) -> Parked:
    return Parked() if stored is None else Parked(frozenset(stored.body["places"]), frozenset(stored.body["replay"]))


def _body(parked: Parked) -> Document:
    return {"places": sorted(parked.places), "replay": sorted(parked.replay)}


def _where(error: BaseException) -> str:
    """The innermost frames, without values: a letter's trace must not leak what a variable held."""
    return "".join(traceback.format_tb(error.__traceback__)[-3:])
