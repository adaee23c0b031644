"""A tiny service: notes that a brand writes, and one shelf per brand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from google.protobuf.message import Message
from pydantic import Field, StringConstraints

from libs.chassis import descriptors
from libs.chassis.auth import Keys, Verifier
from libs.chassis.issuer import DevelopmentIssuer
from libs.chassis.rpcs import Aggregate, Reads, Request, Rpc, Told, batch, command, get, query, rpcs, watch, webhook
from libs.chassis.service import Service
from libs.chassis.settings import ServiceSettings
from libs.chassis.upstream import Reply
from libs.events.decider import Command, Decider, Decision, Kind, Refusal, Role, illegal
from libs.events.envelope import Recorded
from libs.events.faults import NO_FAULTS, Faults
from libs.events.memory import MemoryBus, MemoryCommitLog, MemoryDocuments, SeededIds
from libs.events.ports import Clock, Document, Page, Ports, Unavailable
from libs.events.projection import projection
from libs.events.reactions import Keyed
from libs.events.registry import Event, Registry, event

HERE = Path(__file__).parent
known = Registry()
BRAND, OTHER_BRAND = "brd_0000000001", "brd_0000000002"
CREATOR = "crt_0000000001"

Text = Annotated[str, StringConstraints(min_length=1, max_length=40)]


@event("limelight.notes.NoteWritten", version=1, into=known)
class NoteWritten(Event):
    note_id: str
    brand_id: str
    text: str


@event("limelight.notes.NoteEdited", version=1, into=known)
class NoteEdited(Event):
    note_id: str
    text: str


@event("limelight.notes.ShelfNamed", version=1, into=known)
class ShelfNamed(Event):
    shelf_id: str
    name: str


class WriteNote(Command):
    note_id: str
    text: Text
    place_name: Annotated[str, Field(max_length=10)] = ""


class EditNote(Command):
    note_id: str
    text: Text


class NameShelf(Command):
    shelf_id: str
    name: Text


@dataclass(frozen=True)
class Blank:
    pass


@dataclass(frozen=True)
class Written:
    brand: str
    text: str


def decide_note(command: Any, state: Any) -> Decision:
    match command, state:
        case WriteNote(text="forbidden"), _:
            raise Refusal("WORD_FORBIDDEN", "not this word", field="place_name")
        case WriteNote(), Blank():
            return [NoteWritten(note_id=command.note_id, brand_id=command.actor.party or "", text=command.text)]
        case EditNote(), Written():
            return [NoteEdited(note_id=command.note_id, text=command.text)]
        case _:
            raise illegal(command, state)


def evolve_note(state: Any, event: Any) -> Any:
    match event:
        case NoteWritten():
            return Written(event.brand_id, event.text)
        case NoteEdited():
            return Written(state.brand, event.text)
    raise AssertionError(event)


note: Decider[Any, Any, Any] = Decider(
    "note",
    "nte",
    Blank(),
    decide_note,
    evolve_note,
    WriteNote | EditNote,
    {Blank: (WriteNote,), Written: (EditNote,)},
    lambda state: frozenset({state.brand}) if isinstance(state, Written) else None,
)
shelf: Decider[Any, Any, Any] = Decider(
    "shelf",
    "brd",
    Blank(),
    lambda command, state: [ShelfNamed(shelf_id=command.shelf_id, name=command.name)],
    lambda state, event: Written(event.shelf_id, event.name),
    NameShelf,
    {Blank: (NameShelf,), Written: (NameShelf,)},
)


@projection("notes", version=1, of=(NoteWritten, NoteEdited), key="note_id")
def notes(doc: Document, event: Recorded[Any]) -> Document:
    return {**doc, "note_id": event.stream, "text": event.data.text}


class ListNotes(Request):
    pass


class WatchNotes(Request):
    count: int


class CountNotes(Request):
    pass


async def list_notes(request: ListNotes, reads: Reads) -> Document:
    found, _ = await reads.views.page("notes", {}, Page())
    return {"notes": [{"note_id": doc["note_id"], "text": doc["text"]} for doc in found]}


async def count_notes(request: CountNotes, reads: Reads) -> Document:
    return {"count": await reads.log.head()}


async def watch_notes(request: WatchNotes, reads: Reads) -> AsyncIterator[Document]:
    if request.count > 100:
        raise Refusal("TOO_MANY", "at most 100")
    for number in range(request.count):
        yield {"text": str(number)}
    if request.count == 7:
        await asyncio.Event().wait()


async def hear_note(told: Told) -> AsyncIterator[Keyed]:
    """`payload`: the note's text; the header `id`: of the telling."""
    if told.sender != "radio":
        raise Refusal("SENDER_UNKNOWN", "there is no such sender", kind=Kind.NOT_FOUND)
    text = told.payload.decode()
    if text == "later":
        raise Unavailable("not yet")
    yield Keyed(told.headers["id"], WriteNote(note_id=f"nte_{told.headers['id']}", text=text))


AGGREGATES = (
    Aggregate(note, lambda stream, state: {"note_id": stream, "text": state.text, "author": state.brand}),
    Aggregate(shelf, lambda stream, state: {"shelf_id": stream, "name": state.text}),
)
RPCS = rpcs(
    WriteNote=command(WriteNote),
    EditNote=command(EditNote),
    ImportNotes=batch(WriteNote, items="notes"),
    GetNote=get(note),
    ListNotes=query(ListNotes, list_notes, "notes"),
    NameShelf=command(NameShelf, id="party"),
    WatchNotes=watch(WatchNotes, watch_notes),
    CountNotes=query(CountNotes, count_notes),
    HearNote=webhook(hear_note),
    BurnNotes=query(CountNotes, count_notes),
)


@dataclass
class World:
    """The service on the ports' twins, and who may call it."""

    service: Service
    log: MemoryCommitLog
    protos: descriptors.Protos
    token: Callable[..., str]

    def request(self, rpc: str, **fields: Any) -> Message:
        return self.method(rpc).request_class(**fields)

    def method(self, rpc: str) -> descriptors.Method:
        return self.protos.of("notes")[0].methods[rpc]

    async def call(self, rpc: str, token: str | None = "brand", metadata: dict[str, str] | None = None, **fields: Any) -> Reply:
        headers = {**(metadata or {}), **({"authorization": f"Bearer {self.sign(token)}"} if token else {})}
        return await self.service.call(self.method(rpc).path, self.request(rpc, **fields), headers)

    def sign(self, who: str) -> str:
        match who:
            case "brand":
                return self.token("ann", Role.BRAND, BRAND)
            case "other":
                return self.token("bob", Role.BRAND, OTHER_BRAND)
            case "creator":
                return self.token("cat", Role.CREATOR, CREATOR)
            case "operator":
                return self.token("oli", Role.OPERATOR)
        return who


def world(
    protos: descriptors.Protos,
    issuer: DevelopmentIssuer,
    clock: Clock,
    table: dict[str, Rpc] | None = None,
    faults: Faults = NO_FAULTS,
) -> World:
    async def jwks() -> bytes:
        return issuer.jwks.read_bytes()

    log = MemoryCommitLog(faults)
    ports = Ports(log, MemoryDocuments(), MemoryBus(), clock, SeededIds(7))
    service = Service(
        "notes",
        rpcs=table or RPCS,
        aggregates=AGGREGATES,
        projections=(notes,),
        settings=ServiceSettings(),
        ports=ports,
        verifier=Verifier("urn:limelight:development", "limelight", Keys(jwks, clock), clock),
        protos=protos,
        known=known,
    )
    return World(service, log, protos, issuer.mint)
