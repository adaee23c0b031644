"""A service's table of contents: one line per rpc, by name; the chassis makes the gRPC servicer from it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict

from libs.events.decider import Actor, Command, Decider
from libs.events.ports import Clock, CommitLog, Document
from libs.events.reactions import Keyed
from libs.events.views import Views

R = TypeVar("R", bound="Request")


class Request(BaseModel):
    """A query's input, filled from the request message by field name. Its constraints are the input's bounds."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True, slots=True)
class Reads:
    """What a query may read, and for whom."""

    actor: Actor
    views: Views
    log: CommitLog
    clock: Clock


Show = Callable[[str, Any], Document]
"""(id, state) -> the resource's fields; the chassis adds `version`."""


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A decider and how its state is shown."""

    decider: Decider[Any, Any, Any]
    show: Show


Enrich = Callable[[Any, Reads], Awaitable[Any]]
"""(command, what may be read) -> the command with facts of this service's other aggregates stamped on, before it is handled."""

Answer = Callable[[str, Any, Actor], Document]
"""(id, state, who asked) -> the answer's fields, in the place of the aggregate's `show`; the chassis adds `version`."""


@dataclass(frozen=True, slots=True)
class CommandRpc:
    """Answers with the resource as the command left it. `id`: `request` takes the aggregate's id from the request (a new one
    where the request has no such field), `party` from the caller's token. `enrich`: facts that the decision needs and that
    another aggregate holds (they are no part of the request, nor of its input hash). `answer`: for senders who may not see
    the whole aggregate, such as a creator who applies to a brand's campaign."""

    command: type[Command]
    id: Literal["request", "party"] = "request"
    enrich: Enrich | None = None
    answer: Answer | None = None


@dataclass(frozen=True, slots=True)
class BatchRpc:
    """Many commands in one request, each of its own fate: `results[i] {accepted, code, message, field}` for `<items>[i]`."""

    command: type[Command]
    items: str


@dataclass(frozen=True, slots=True)
class GetRpc:
    """Reads an aggregate by its id, as of now or as of `as_of` (a version or a time)."""

    decider: Decider[Any, Any, Any]


@dataclass(frozen=True, slots=True)
class QueryRpc:
    """Answers from read models. A request with `min_position` waits for `projections` to have passed it (at most 1 s)."""

    request: type[Request]
    answer: Callable[[Any, Reads], Awaitable[Document]]
    projections: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WatchRpc:
    """A server stream."""

    request: type[Request]
    watch: Callable[[Any, Reads], AsyncIterator[Document]]


@dataclass(frozen=True, slots=True)
class Told:
    """What another system tells of its own accord. `sender`: who it says it is; `headers`, names in lower case, and `payload`,
    byte by byte, are what proves it."""

    sender: str
    headers: Mapping[str, str]
    payload: bytes


Receive = Callable[[Told], AsyncIterator[Keyed]]
"""Proves what was told and says what is to be done about it, each command under a key that is the same when it is told again.
Raises `Refusal`; `Unavailable` where it cannot be said yet: the sender tells it again."""


@dataclass(frozen=True, slots=True)
class WebhookRpc:
    """Takes what outsiders tell; the request is a `Told` with bytes for its body, the answer is empty. A command that is
    refused is answered so: the sender tells it again for a while, and somebody sees it."""

    receive: Receive


Rpc = CommandRpc | BatchRpc | GetRpc | QueryRpc | WatchRpc | WebhookRpc
command, batch, get, watch, webhook = CommandRpc, BatchRpc, GetRpc, WatchRpc, WebhookRpc


def query(request: type[R], answer: Callable[[R, Reads], Awaitable[Document]], *projections: str) -> QueryRpc:
    return QueryRpc(request, answer, projections)


def rpcs(**table: Rpc) -> Mapping[str, Rpc]:
    """Method name -> what it does. The chassis checks at start that it names exactly the methods of the service's protos."""
    return table
