"""A small aggregate for the kernel's tests: a jar that coins are put into until it is closed. It has a registry of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeAlias

from libs.events.deadlines import Deadline
from libs.events.decider import Actor, Command, Decider, Decision, Refusal, Role, illegal
from libs.events.envelope import Commit, Recorded
from libs.events.ids import commit_id_of, derive
from libs.events.ports import Document
from libs.events.projection import projection
from libs.events.reactions import Intent, reaction
from libs.events.registry import Event, JsonObject, Registry, event, upcaster

JARS = Registry()
SERVICE = "jars"
ANN = Actor("ann", Role.BRAND, "brd_ann0000000")
BEN = Actor("ben", Role.BRAND, "brd_ben0000000")
JAR = "jar_00000000001"


def jar_id(number: int) -> str:
    return f"jar_{number:011d}"


@event("limelight.jars.JarOpened", version=1, into=JARS)
class JarOpened(Event):
    jar_id: str
    party: str


@event("limelight.jars.CoinAdded", version=2, into=JARS)
class CoinAdded(Event):
    """Version 1 had a bare number of cents."""

    jar_id: str
    cents: int
    currency: str


@event("limelight.jars.JarClosed", version=1, into=JARS)
class JarClosed(Event):
    jar_id: str
    cents: int


@upcaster("limelight.jars.CoinAdded", from_version=1, into=JARS)
def coins_were_euros(data: JsonObject) -> JsonObject:
    return {**data, "currency": "EUR"}


@dataclass(frozen=True, slots=True)
class Absent:
    pass


@dataclass(frozen=True, slots=True)
class Open:
    owner: str
    cents: int = 0


@dataclass(frozen=True, slots=True)
class Closed:
    owner: str
    cents: int


Jar: TypeAlias = Absent | Open | Closed


class OpenJar(Command):
    jar_id: str


class AddCoin(Command):
    jar_id: str
    cents: int


class AddPair(Command):
    """Two coins in one commit."""

    jar_id: str
    cents: int


class CloseJar(Command):
    jar_id: str


class CloseIfEmpty(Command):
    """A deadline's: ignored once there are coins."""

    by_anyone = True
    jar_id: str


def decide(command: Command, state: Jar) -> Decision:
    match command, state:
        case OpenJar(), Absent():
            return [JarOpened(jar_id=command.jar_id, party=command.actor.party or "")]
        case AddCoin(cents=cents), Open() if cents == 0:
            return []
        case AddCoin(cents=cents), Open() if cents < 0:
            raise Refusal("COIN_NEGATIVE", "a coin is worth something", cents=cents)
        case AddCoin(cents=cents), Open():
            return [CoinAdded(jar_id=command.jar_id, cents=cents, currency="EUR")]
        case AddPair(cents=cents), Open():
            return [CoinAdded(jar_id=command.jar_id, cents=cents, currency="EUR")] * 2
        case CloseJar(), Open(cents=cents):
            return [JarClosed(jar_id=command.jar_id, cents=cents)]
        case CloseIfEmpty(), Open(cents=0):
            return [JarClosed(jar_id=command.jar_id, cents=0)]
        case CloseIfEmpty(), _:
            return []
        case _:
            raise illegal(command, state)


def evolve(state: Jar, happened: Event) -> Jar:
    match happened:
        case JarOpened(party=owner):
            return Open(owner)
        case CoinAdded(cents=cents):
            assert isinstance(state, Open)
            return replace(state, cents=state.cents + cents)
        case JarClosed():
            assert isinstance(state, Open)
            return Closed(state.owner, state.cents)
    raise AssertionError(happened)


jar: Decider[Command, Jar, Event] = Decider(
    "jar",
    "jar",
    Absent(),
    decide,
    evolve,
    commands=OpenJar | AddCoin | AddPair | CloseJar | CloseIfEmpty,
    legal={Absent: (OpenJar,), Open: (AddCoin, AddPair, CloseJar, CloseIfEmpty), Closed: ()},
    owners=lambda state: None if isinstance(state, Absent) else frozenset({state.owner}),
)


def key(*parts: object) -> str:
    """A commit id."""
    return commit_id_of(*map(str, parts))


# --- what follows from jars -------------------------------------------------------------------------------------------


@projection("savings", version=1, of=(JarOpened, CoinAdded, JarClosed), key="jar_id")
def savings(doc: Document, happened: Recorded[Any]) -> Document | None:
    match happened.data:
        case JarOpened(party=owner):
            return {"owner": owner, "cents": 0, "coins": 0}
        case CoinAdded(cents=cents):
            return {**doc, "cents": doc.get("cents", 0) + cents, "coins": doc.get("coins", 0) + 1}
    return None


@reaction("open another jar", to=JarClosed)
def open_another(happened: Recorded[JarClosed]) -> Iterable[Intent]:
    """The next jar, which is closed again a day later if nothing was put into it."""
    following = derive("jar", happened.stream, "next")
    yield OpenJar(jar_id=following)
    yield Deadline(happened.at + timedelta(days=1), CloseIfEmpty(jar_id=following))


def total(commits: Iterable[Commit]) -> int:
    """Cents in a list of commits."""
    return sum(stored.data["cents"] for commit in commits for stored in commit.events if stored.type.endswith("CoinAdded"))
