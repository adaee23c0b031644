"""How rules, projections and reactions are specified. What takes time is probed, or runs on virtual time."""

from __future__ import annotations

import asyncio
import inspect
from collections import Counter
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from libs.events.decider import ILLEGAL, Actor, Command, Decider, Decision, Refusal, Role
from libs.events.envelope import Meta, Recorded
from libs.events.ids import commit_id_of
from libs.events.ports import Document
from libs.events.projection import Projection
from libs.events.reactions import Intent, Reaction
from libs.events.registry import Event
from libs.events.virtual_time import Deadlock, VirtualTimeLoop, run_virtual

__all__ = [
    "AT",
    "OPERATOR",
    "Deadlock",
    "VirtualTimeLoop",
    "check_legal",
    "eventually",
    "given",
    "projected",
    "reacts",
    "recorded_of",
    "run_virtual",
]

S = TypeVar("S")
E = TypeVar("E", bound=Event)

AT = datetime(2026, 11, 22, 14, tzinfo=UTC)
OPERATOR = Actor("operator-1", Role.OPERATOR)


# --- Deciders --------------------------------------------------------------------------------------------------------


def given(decider: Decider[Any, S, Any], *events: Event) -> Given[S]:
    """What has happened on the aggregate's stream."""
    return Given(decider, decider.fold(events))


@dataclass(frozen=True, slots=True)
class Given(Generic[S]):
    decider: Decider[Any, S, Any]
    state: S

    def when(self, command: Command, *, actor: Actor = OPERATOR, at: datetime = AT) -> When[S]:
        """The command as the handler would decide it: stamped, and refused as not found to whom it does not belong."""
        stamped = command.model_copy(update={"actor": actor, "at": at})
        try:
            return When(self.decider, self.state, decided=tuple(self.decider.judge(stamped, self.state)))
        except Refusal as refusal:
            return When(self.decider, self.state, refusal=refusal)


@dataclass(frozen=True, slots=True)
class When(Generic[S]):
    decider: Decider[Any, S, Any]
    state: S
    decided: tuple[Event, ...] = ()
    refusal: Refusal | None = None

    def then(self, *events: Event) -> Given[S]:
        """Exactly these events; what comes after them may be specified next."""
        assert self.refusal is None, f"refused: {self.refusal}"
        assert list(self.decided) == list(events), f"decided {list(self.decided)}, not {list(events)}"
        return Given(self.decider, self.decider.fold(self.decided, self.state))

    def then_nothing(self) -> None:
        """Accepted, and nothing changes."""
        self.then()

    def then_refused(self, code: str, **details: Any) -> Refusal:
        """Refused with that code, and with at least these details."""
        assert self.refusal is not None, f"not refused; decided {list(self.decided)}"
        assert self.refusal.code == code, f"refused as {self.refusal}"
        told = {name: self.refusal.details.get(name) for name in details}
        assert told == details, f"details are {self.refusal.details}"
        return self.refusal


def check_legal(
    decider: Decider[Any, S, Any],
    states: Iterable[S],
    commands: Iterable[Command],
    *,
    actor: Actor = OPERATOR,
    at: datetime = AT,
    ignored: tuple[type[Command], ...] = (),
) -> None:
    """`decider.legal` agrees with `decide`: a pair outside it is refused as ILLEGAL_TRANSITION, a pair in it is not (though it
    may be refused for another reason). `ignored`: commands, as of deadlines, that may also do nothing where they no longer
    apply. A command that comes with an actor keeps it. Raises AssertionError with every pair that disagrees."""
    offers, wrong = list(commands), []
    for state in states:
        legal = decider.legal.get(type(state))
        if legal is None:
            wrong.append(f"{type(state).__name__} is missing in `legal`")
            continue
        for offer in offers:
            stamp = {"at": at} if offer.actor.subject else {"actor": actor, "at": at}
            refused, decided = _decide(decider, offer.model_copy(update=stamp), state)
            pair = f"{type(offer).__name__} while {type(state).__name__}"
            if isinstance(offer, legal) and refused == ILLEGAL:
                wrong.append(f"{pair} is in `legal` and is refused as illegal")
            if not isinstance(offer, legal) and refused != ILLEGAL and not (isinstance(offer, ignored) and decided == []):
                wrong.append(f"{pair} is not in `legal` and is not refused as illegal")
    missing = set(decider.command_types()) - {type(offer) for offer in offers}
    wrong += [f"no {cls.__name__} was offered" for cls in sorted(missing, key=lambda cls: cls.__name__)]
    assert not wrong, "\n".join(wrong)


def _decide(decider: Decider[Any, S, Any], command: Command, state: S) -> tuple[str | None, list[Event]]:
    try:
        decided: Decision = decider.decide(command, state)
    except Refusal as refusal:
        return refusal.code, []
    return None, list(decided)


# --- Recorded events, projections, reactions -------------------------------------------------------------------------


def recorded_of(
    event: E,
    *,
    stream: str | None = None,
    version: int = 1,
    position: int | None = None,
    at: datetime = AT,
    source: str | None = None,
    id: str | None = None,
    meta: Meta | None = None,
) -> Recorded[E]:
    """The event as if it had been committed. Its stream is the first field's value (the catalog begins with the aggregate's
    id); its id follows from stream and version."""
    name = stream if stream is not None else str(next(iter(event.model_dump().values())))
    return Recorded(
        data=event,
        id=id or commit_id_of("recorded", name, str(version)),
        stream=name,
        version=version,
        position=version if position is None else position,
        at=at,
        source=source or type(event).owner(),
        meta=meta or Meta(actor=str(OPERATOR), correlation_id=f"correlation-{name}"),
    )


@dataclass(slots=True)
class Numbering:
    """Gives bare events the next version of their stream and the next position of their log."""

    at: datetime = AT
    _versions: Counter[str] = field(default_factory=Counter)
    _positions: Counter[str] = field(default_factory=Counter)

    def __call__(self, event: Event | Recorded[Any]) -> Recorded[Any]:
        if isinstance(event, Recorded):
            return event
        bare = recorded_of(event, at=self.at)
        self._versions[bare.stream] += 1
        self._positions[bare.source] += 1
        return recorded_of(event, version=self._versions[bare.stream], position=self._positions[bare.source], at=self.at)


def projected(projection: Projection, *events: Event | Recorded[Any], at: datetime = AT) -> dict[str, Document]:
    """The documents that these events make, by id. Bare events count up on their streams; an event that the projection is not
    made of fails the test."""
    number, documents = Numbering(at), dict[str, Document]()
    for event in map(number, events):
        assert isinstance(event.data, projection.of), f"{type(event.data).__name__} is not in {projection.name}.of"
        key = projection.key(event)
        if key is None:
            continue
        document = projection.apply(documents.get(key, {}), event)
        if document is None:
            documents.pop(key, None)
        else:
            documents[key] = document
    return documents


def reacts(reaction: Reaction, event: Event | Recorded[Any], *, at: datetime = AT) -> list[Intent]:
    """What the reaction sends or schedules, in order. A reaction that waits for the outside runs on virtual time (from a test
    that is no coroutine itself)."""
    recorded = Numbering(at)(event)
    assert isinstance(recorded.data, reaction.to), f"{reaction.name} does not react to {type(recorded.data).__name__}"
    intents = reaction.react(recorded)
    if isinstance(intents, AsyncIterable):
        return run_virtual(_collect(intents))
    return list(intents)


async def _collect(intents: AsyncIterable[Intent]) -> list[Intent]:
    return [intent async for intent in intents]


# --- Probes ----------------------------------------------------------------------------------------------------------

Probe = Callable[[], Any | Awaitable[Any]]


async def eventually(probe: Probe, *, timeout: float = 10.0, every: float = 0.01) -> Any:
    """The probe's first true result. It is asked again until then; an AssertionError of it counts as not yet. Raises
    AssertionError after `timeout` seconds, with the last answer."""
    loop = asyncio.get_running_loop()
    end = loop.time() + timeout
    last: object = None
    while True:
        try:
            last = probe()
            if inspect.isawaitable(last):
                last = await last
            if last:
                return last
        except AssertionError as failed:
            last = failed
        if loop.time() >= end:
            raise AssertionError(f"not within {timeout} s; last: {last!r}")
        await asyncio.sleep(every)
