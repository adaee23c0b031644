"""One line of a service's table of contents, made to answer calls. No rule of the marketplace is in here."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import structlog
from google.protobuf.message import Message
from pydantic import ValidationError

from libs.chassis.descriptors import Method
from libs.chassis.errors import api_path, camel, from_validation
from libs.chassis.messages import Plain, converters
from libs.chassis.rpcs import Aggregate, BatchRpc, CommandRpc, QueryRpc, Reads, Told, WatchRpc, WebhookRpc
from libs.chassis.upstream import ETAG, POSITION, Reply
from libs.events.commands import CommandTable
from libs.events.decider import Actor, Command, Kind, Refusal, Role, not_found
from libs.events.envelope import Commit
from libs.events.handler import CommandHandler, Folded, Outcome, reused_key
from libs.events.ids import commit_id_of
from libs.events.partitions import PARTITIONS
from libs.events.ports import Document, Ports
from libs.events.views import position_token

log = structlog.get_logger(__name__)

MOST_ITEMS = 1000
"""Commands in one batch."""

AS_OF, MIN_POSITION = "as_of", "min_position"


@dataclass(frozen=True, slots=True)
class Call:
    """A call whose sender is known and may call. `key`: its idempotency key; `expected`: of `If-Match`."""

    request: Message
    actor: Actor
    key: str | None = None
    expected: int | None = None
    traceparent: str | None = None


class Answering(Protocol):
    async def __call__(self, call: Call) -> Reply: ...


class Waiting(Protocol):
    def __call__(self, token: str, projections: Sequence[str]) -> Coroutine[Any, Any, None]:
        """Returns when all of the projections have passed the position. Raises `Refusal` (POSITION_NOT_REACHED)."""
        ...


@dataclass(frozen=True, slots=True)
class Room:
    """What a service's endpoints share."""

    service: str
    ports: Ports
    handler: CommandHandler
    reads: Callable[[Actor], Reads]
    wait: Waiting
    check_filled: Callable[[Sequence[str]], None]
    """Raises `Refusal` (VIEW_NOT_READY)."""

    def token(self, stream: str, position: int) -> str:
        """Where a read model must have come to, to have seen a commit."""
        return position_token(self.service, position, self.ports.bus.partition(stream))


@dataclass(frozen=True, slots=True)
class Sent:
    """A command and what makes it the same when it is sent again."""

    command: Command
    commit_id: str
    input_hash: str


class _Sender:
    """Builds commands of one type from fields and has them handled."""

    def __init__(
        self, room: Room, aggregate: Aggregate, command: type[Command], given: frozenset[str], rpc: CommandRpc | None
    ) -> None:
        self._room, self._decider, self._type, self._rpc = room, aggregate.decider, command, rpc
        self._id = self._decider.id_field
        self._of_party = rpc is not None and rpc.id == "party"
        self._creates = not self._of_party and self._id in command.model_fields and self._id not in given

    def build(self, fields: Mapping[str, Any], actor: Actor, within: str = "") -> Command:
        """Raises `Refusal`: INVALID_FIELD, or PARTY_MISSING for a token without one."""
        made: dict[str, Any] = {}
        if self._of_party:
            if actor.party is None:
                raise Refusal("PARTY_MISSING", "the token acts for no party, which this needs", kind=Kind.PERMISSION_DENIED)
            made[self._id] = actor.party
        elif self._creates:
            made[self._id] = self._room.ports.ids.new(self._decider.prefix, self._room.ports.clock.now())
        try:
            return self._type.model_validate({**fields, **made, "actor": actor})
        except ValidationError as error:
            raise from_validation(error, within) from None

    async def send(self, call: Call, sent: Sent) -> Outcome[Any]:
        """Handles it; a command that was handled before under its key is answered as it was then, whatever changed since."""
        try:
            return await self._handle(call, sent, await self._enriched(sent.command, call.actor))
        except Refusal:
            stored = await self._room.ports.log.find(sent.commit_id) if call.key else None
            if stored is None or stored.meta.input_hash != sent.input_hash:
                raise
            same = sent.command.model_copy(update={self._id: stored.stream}) if self._creates else sent.command
            return await self._handle(call, sent, same)

    async def _enriched(self, command: Command, actor: Actor) -> Command:
        if self._rpc is None or self._rpc.enrich is None:
            return command
        enriched: Command = await self._rpc.enrich(command, self._room.reads(actor))
        return enriched

    async def _handle(self, call: Call, sent: Sent, command: Command) -> Outcome[Any]:
        return await self._room.handler.handle(
            self._decider,
            command,
            actor=call.actor,
            commit_id=sent.commit_id,
            expected=call.expected,
            input_hash=sent.input_hash,
            traceparent=call.traceparent,
        )


class CommandEndpoint:
    """A command in, the resource as it left it out."""

    def __init__(self, room: Room, method: Method, rpc: CommandRpc, aggregate: Aggregate) -> None:
        self._room, self._method, self._rpc, self._aggregate = room, method, rpc, aggregate
        self._read = converters(method.input).to_fields
        self._resource = _resource(method)
        self._sender = _Sender(room, aggregate, rpc.command, frozenset(method.input.fields_by_name), rpc)

    async def __call__(self, call: Call) -> Reply:
        command = self._sender.build(self._read(call.request), call.actor)
        sent = Sent(command, _commit_id(self._room, call), _input_hash(self._method, call))
        outcome = await self._sender.send(call, sent)
        show = self._rpc.answer
        shown = show(outcome.stream, outcome.state, call.actor) if show else self._aggregate.show(outcome.stream, outcome.state)
        return Reply(
            self._resource(shown, outcome.version),
            {ETAG: str(outcome.version), POSITION: self._room.token(outcome.stream, outcome.position)},
        )


class BatchEndpoint:
    """Many commands, each with a commit id of its own; those of one stream in their order, streams side by side."""

    def __init__(self, room: Room, method: Method, rpc: BatchRpc, aggregate: Aggregate) -> None:
        self._room, self._method, self._items, self._decider = room, method, rpc.items, aggregate.decider
        self._read, self._write = converters(method.input).to_fields, converters(method.output).from_fields
        item = method.input.fields_by_name[rpc.items].message_type
        given = frozenset(method.input.fields_by_name) | frozenset(item.fields_by_name if item else ())
        self._sender = _Sender(room, aggregate, rpc.command, given, None)

    async def __call__(self, call: Call) -> Reply:
        common = self._read(call.request)
        items = common.pop(self._items)
        if not 1 <= len(items) <= MOST_ITEMS:
            field = camel(self._items)
            raise Refusal(
                "INVALID_FIELD", f"{field}: 1 to {MOST_ITEMS} are taken at once", kind=Kind.INVALID_ARGUMENT, field=field
            )
        results: list[Document] = [{"accepted": True} for _ in items]
        reached: dict[int, int] = {}
        by_stream: dict[str, list[tuple[int, Sent]]] = defaultdict(list)
        input_hash = _input_hash(self._method, call)
        for index, item in enumerate(items):
            try:
                command = self._sender.build({**common, **item}, call.actor, f"{camel(self._items)}[{index}]")
            except Refusal as refusal:
                results[index] = _fate(refusal, refusal.field)
                continue
            sent = Sent(command, _commit_id(self._room, call, str(index)), input_hash)
            by_stream[self._decider.stream(command)].append((index, sent))
        stored = await self._stored(call, input_hash, [sent for of_one in by_stream.values() for _, sent in of_one])
        for commit in stored.values():
            self._reach(reached, commit.stream, commit.position)
        left = {
            stream: [(index, sent) for index, sent in of_one if sent.commit_id not in stored]
            for stream, of_one in by_stream.items()
        }
        await self._room.handler.warm(self._decider, [stream for stream, of_one in left.items() if of_one])
        sending = [self._in_order(call, of_one, results, reached) for of_one in left.values() if of_one]
        for failed in await asyncio.gather(*sending, return_exceptions=True):
            if failed is not None:
                raise failed  # an outage: the client sends the whole batch again under its key
        tokens = [position_token(self._room.service, position, partition) for partition, position in sorted(reached.items())]
        return Reply(self._write({"results": results}), {POSITION: ",".join(tokens)} if tokens else {})

    async def _stored(self, call: Call, input_hash: str, sents: list[Sent]) -> dict[str, Commit]:
        """What this very request has stored before, by commit id: one look-up, for a batch that is sent again because it was
        late must not be later still. Refuses, before anything is written, a key that was used for another request."""
        if call.key is None:
            return {}
        stored = await self._room.ports.log.find_all([sent.commit_id for sent in sents])
        if any(commit.meta.input_hash != input_hash for commit in stored.values()):
            raise reused_key()
        return stored

    async def _in_order(
        self, call: Call, sents: list[tuple[int, Sent]], results: list[Document], reached: dict[int, int]
    ) -> None:
        for index, sent in sents:
            try:
                outcome = await self._sender.send(call, sent)
            except Refusal as refusal:
                path = f"{camel(self._items)}[{index}]"
                results[index] = _fate(refusal, f"{path}.{api_path(refusal.field)}" if refusal.field else None)
                continue
            self._reach(reached, outcome.stream, outcome.position)

    def _reach(self, reached: dict[int, int], stream: str, position: int) -> None:
        partition = self._room.ports.bus.partition(stream)
        reached[partition] = max(reached.get(partition, 0), position)


class GetEndpoint:
    """One aggregate, as of now or as of then."""

    def __init__(self, room: Room, method: Method, aggregate: Aggregate) -> None:
        self._room, self._aggregate, self._decider = room, aggregate, aggregate.decider
        self._resource = _resource(method)
        self._with_as_of = AS_OF in method.input.fields_by_name

    async def __call__(self, call: Call) -> Reply:
        stream = str(getattr(call.request, self._decider.id_field))
        as_of = _moment(getattr(call.request, AS_OF)) if self._with_as_of else None
        folded = await self._visible(stream, None, call.actor)
        if as_of is not None:
            folded = await self._visible(stream, as_of, call.actor)
        shown = self._aggregate.show(stream, folded.state)
        return Reply(
            self._resource(shown, folded.version),
            {ETAG: str(folded.version), POSITION: self._room.token(stream, folded.position)},
        )

    async def _visible(self, stream: str, as_of: int | datetime | None, actor: Actor) -> Folded[Any]:
        """What someone may not see as it is now, it may not see as it was: who was erased is gone from the past as well."""
        folded = await self._room.handler.load(self._decider, stream, as_of)
        if folded.version == 0 or not self._decider.visible(folded.state, actor):
            raise not_found(self._decider.name)
        return folded


class QueryEndpoint:
    """Read models, after they have passed what the caller has seen."""

    def __init__(self, room: Room, method: Method, rpc: QueryRpc) -> None:
        self._room, self._rpc = room, rpc
        self._read, self._write = converters(method.input).to_fields, converters(method.output).from_fields
        self._waits = MIN_POSITION in method.input.fields_by_name

    async def __call__(self, call: Call) -> Reply:
        fields = self._read(call.request)
        min_position = fields.pop(MIN_POSITION, "") if self._waits else ""
        request = _asked(self._rpc, fields)
        self._room.check_filled(self._rpc.projections)
        if min_position:
            await self._wait(min_position.split(","))
        return Reply(self._write(await self._rpc.answer(request, self._room.reads(call.actor))))

    async def _wait(self, tokens: list[str]) -> None:
        if len(tokens) > PARTITIONS:
            raise Refusal(
                "POSITION_INVALID", "more positions than there can be", kind=Kind.INVALID_ARGUMENT, field=MIN_POSITION
            )
        waiting = [asyncio.ensure_future(self._room.wait(token, self._rpc.projections)) for token in tokens]
        try:
            await asyncio.gather(*waiting)
        finally:
            for one in waiting:
                one.cancel()


class WatchEndpoint:
    """A stream of documents."""

    def __init__(self, room: Room, method: Method, rpc: WatchRpc) -> None:
        self._room, self._rpc = room, rpc
        self._read, self._write = converters(method.input).to_fields, converters(method.output).from_fields

    async def __call__(self, call: Call) -> AsyncIterator[Message]:
        request = _asked(self._rpc, self._read(call.request))
        async for document in self._rpc.watch(request, self._room.reads(call.actor)):
            yield self._write(document)


class WebhookEndpoint:
    """What an outsider tells, and what this service does about it, in its own name. However often it is told, it is done once:
    the commits' ids follow from it."""

    def __init__(self, room: Room, method: Method, rpc: WebhookRpc, commands: CommandTable) -> None:
        self._room, self._rpc, self._commands, self._reply = room, rpc, commands, method.reply_class
        self._actor = Actor(room.service, Role.SERVICE)

    async def __call__(self, call: Call) -> Reply:
        request: Any = call.request
        told = Told(request.sender, dict(request.headers), request.payload)
        async for keyed in self._rpc.receive(told):
            try:
                await self._room.handler.handle(
                    self._commands.decider(keyed.command),
                    keyed.command,
                    actor=self._actor,
                    commit_id=commit_id_of("webhook", told.sender, keyed.key),
                    traceparent=call.traceparent,
                )
            except Refusal as refusal:
                # Surely the sender's, and still not to be: no person is told of it but by this line.
                log.error("a webhook was refused", sender=told.sender, webhook=keyed.key, code=refusal.code)
                raise
        return Reply(self._reply())


def _asked(rpc: QueryRpc | WatchRpc, fields: Plain) -> Any:
    try:
        return rpc.request.model_validate(fields)
    except ValidationError as error:
        raise from_validation(error) from None


def _resource(method: Method) -> Callable[[Document, int], Message]:
    """A shown resource as the rpc's answer; `version` goes where the resource has a place for it."""
    write, versioned = converters(method.output).from_fields, "version" in method.output.fields_by_name
    return lambda shown, version: write({**shown, "version": version} if versioned else shown)


def _fate(refusal: Refusal, field: str | None) -> Document:
    return {"accepted": False, "code": refusal.code, "message": refusal.message, "field": field or ""}


def _commit_id(room: Room, call: Call, *part: str) -> str:
    """The same for the same sender and key, whatever the rpc: a key that is used twice is found out by the input hash."""
    if call.key is None:
        return room.ports.ids.commit_id()
    return commit_id_of(call.actor.subject, call.actor.party or "", call.key, *part)


def _input_hash(method: Method, call: Call) -> str:
    return hashlib.sha256(method.path.encode() + b"\0" + call.request.SerializeToString(deterministic=True)).hexdigest()


def _moment(as_of: str) -> int | datetime | None:
    """A version or a time. Raises `Refusal` (AS_OF_INVALID)."""
    if not as_of:
        return None
    if re.fullmatch(r"[0-9]{1,15}", as_of):
        return int(as_of)
    try:
        moment = datetime.fromisoformat(as_of)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Refusal(
            "AS_OF_INVALID", "asOf is a version or an RFC 3339 time with its zone", kind=Kind.INVALID_ARGUMENT, field=AS_OF
        )
    return moment
