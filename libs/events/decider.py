"""A decider: three pure things. `decide(command, state) -> events`, `evolve(state, event) -> state`, and where it begins."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import reduce
from typing import Any, ClassVar, Generic, TypeVar, get_args

from pydantic import BaseModel, ConfigDict

from libs.events.registry import Event


class Role(StrEnum):
    CREATOR = "creator"
    BRAND = "brand"
    OPERATOR = "operator"
    SERVICE = "service"
    DATA = "data"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts. `party` is the brand or creator that the subject acts for (`brd_…`, `crt_…`); none for operators, services."""

    subject: str
    role: Role
    party: str | None = None

    def __str__(self) -> str:
        return f"{self.role}:{self.party or self.subject}"


NOBODY = Actor("", Role.SERVICE)
NEVER = datetime.fromtimestamp(0, UTC)


class Command(BaseModel):
    """An intent. `actor` and `at` are stamped on by the command handler; whoever builds a command leaves them out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    by_anyone: ClassVar[bool] = False
    """True: also sent by parties whose aggregate it is not (a creator applies to a brand's campaign); `decide` then checks the
    actor itself. Otherwise the handler answers not-found to all but the owners."""

    actor: Actor = NOBODY
    at: datetime = NEVER


class Kind(StrEnum):
    """What sort of refusal it is; one place maps it to gRPC and HTTP."""

    INVALID_ARGUMENT = "INVALID_ARGUMENT"
    FAILED_PRECONDITION = "FAILED_PRECONDITION"
    NOT_FOUND = "NOT_FOUND"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    ALREADY_EXISTS = "ALREADY_EXISTS"
    ABORTED = "ABORTED"
    RESOURCE_EXHAUSTED = "RESOURCE_EXHAUSTED"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    UNAVAILABLE = "UNAVAILABLE"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    UNIMPLEMENTED = "UNIMPLEMENTED"
    INTERNAL = "INTERNAL"


class Refusal(Exception):
    """A command that the rules do not allow. Nothing was written. `code` is stable, `message` says what was wrong and what
    would be right, `details` hold the variables; `field` is the path of the input at fault."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        kind: Kind = Kind.FAILED_PRECONDITION,
        field: str | None = None,
        **details: Any,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.kind, self.field, self.details = code, message, kind, field, details


ILLEGAL = "ILLEGAL_TRANSITION"


def illegal(command: Command, state: object) -> Refusal:
    """The command does not apply in this state; the handler adds what would (the decider's `legal`)."""
    return Refusal(
        ILLEGAL, f"{type(command).__name__} is not possible while {type(state).__name__}", state=type(state).__name__
    )


def not_found(what: str) -> Refusal:
    """Also the answer for what one may not see."""
    return Refusal("NOT_FOUND", f"no such {what}", kind=Kind.NOT_FOUND)


Decision = Sequence[Event]
"""The events of one commit, in order. Empty: nothing changes."""

C = TypeVar("C", bound=Command)
S = TypeVar("S")
E = TypeVar("E", bound=Event)


@dataclass(frozen=True)
class Decider(Generic[C, S, E]):
    """One aggregate's rules.

    name: what it is called, e.g. `campaign`; its streams are named by their ids.
    prefix: of its ids, e.g. `cmp`.
    commands: the union of its commands; each names its stream in the field `<name>_id` (or `key`).
    legal: state -> the commands that can be accepted in it; told to whoever sends another.
    owners: the parties whose it is; others are told that it does not exist. None: nobody's (yet).
    """

    name: str
    prefix: str
    initial: S
    decide: Callable[[C, S], Decision]
    evolve: Callable[[S, E], S]
    commands: Any
    legal: Mapping[type[Any], tuple[type[Command], ...]]
    owners: Callable[[S], frozenset[str] | None] = field(default=lambda state: None)
    key: str = ""

    @property
    def id_field(self) -> str:
        return self.key or f"{self.name}_id"

    def stream(self, command: Command) -> str:
        return str(getattr(command, self.id_field))

    def command_types(self) -> tuple[type[Command], ...]:
        return get_args(self.commands) or (self.commands,)

    def fold(self, events: Iterable[E], state: S | None = None) -> S:
        return reduce(self.evolve, events, self.initial if state is None else state)

    def judge(self, command: C, state: S) -> Decision:
        """`decide` as a stamped command meets it: not found to whom the aggregate does not belong (unless `by_anyone`), and an
        illegal transition told with the names of what would be legal."""
        if not command.by_anyone and not self.visible(state, command.actor):
            raise not_found(self.name)
        try:
            return self.decide(command, state)
        except Refusal as refusal:
            if refusal.code == ILLEGAL and (state == self.initial or not self.visible(state, command.actor)):
                raise not_found(self.name) from None  # there is nothing, or nothing for them, that could be in a wrong state
            if refusal.code == ILLEGAL:
                legal = [cls.__name__ for cls in self.legal.get(type(state), ())]
                refusal.details["legal"] = legal
                refusal.message += f"; possible: {', '.join(legal) or 'nothing'}"
            raise

    def visible(self, state: S, actor: Actor) -> bool:
        """Operators, services and data teams see all; a party sees what is its own."""
        if actor.role in (Role.OPERATOR, Role.SERVICE, Role.DATA):
            return True
        owners = self.owners(state)
        return owners is None or actor.party in owners
