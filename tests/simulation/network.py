"""The two transports, twinned: HTTP from a frontend to the gateway, gRPC from the gateway to a service. A message crosses as
bytes, runs in the process that takes it, and may be lost on either way."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar
from urllib.parse import urlencode

import httpx
import orjson
from google.protobuf.message import Message

from libs.chassis.errors import from_status, to_status
from libs.chassis.service import Service
from libs.chassis.upstream import Reply
from libs.events.decider import Kind, Refusal
from services.gateway.app import Gateway
from tests.simulation.process import Process, check_alive

T = TypeVar("T")

AN_EVENT = 2
"""Chunks of a stream up to its first event: the one before it only says when to come back."""
LOST = 0.5
"""Seconds until a lost message is noticed."""


@dataclass(slots=True)
class Edges:
    """How often a message is lost on its way there or back."""

    chance: random.Random
    happened: Counter[str]
    lost: float = 0.0

    async def cross(self, what: str) -> bool:
        """False: it does not arrive."""
        if self.lost and self.chance.random() < self.lost:
            self.happened[f"{what} lost"] += 1
            await asyncio.sleep(LOST)
            return False
        return True


class Gone(Exception):
    """The process that worked on it is dead."""


async def in_process(process: Process, work: Coroutine[Any, Any, T]) -> T:
    """Runs there; ends with whoever waits for it. Raises `Gone`."""
    task = process.run(work)
    try:
        await asyncio.wait([task])
    except asyncio.CancelledError:
        task.cancel()
        raise
    check_alive()
    if task.cancelled() or not process.alive:
        raise Gone(process.name)
    return task.result()


class Answers(Protocol):
    """Where rpcs of a service go."""

    def answering(self) -> tuple[Process, Service] | None:
        """One of the replicas that run; None: there is none."""
        ...


@dataclass(frozen=True, slots=True)
class Wire:
    """`Upstream` of one service."""

    replicas: Answers
    edges: Edges

    async def call(self, method: str, request: Message, metadata: Mapping[str, str]) -> Reply:
        found = self.replicas.answering()
        if found is None or not await self.edges.cross("request"):
            raise _unreachable()
        process, service = found
        try:
            reply = await in_process(process, _answered(service, method, _copied(request), dict(metadata)))
        except Gone:
            raise _unreachable() from None
        if not await self.edges.cross("reply"):
            raise _unreachable()
        if isinstance(reply, Refusal):
            raise reply
        return Reply(_copied(reply.message), dict(reply.metadata))

    async def stream(self, method: str, request: Message, metadata: Mapping[str, str]) -> AsyncIterator[Message]:
        found = self.replicas.answering()
        if found is None:
            raise _unreachable()
        process, service = found
        messages = service.stream(method, _copied(request), dict(metadata))
        while True:
            try:
                message = await in_process(process, _next(messages))
            except Gone:
                raise _unreachable() from None
            if message is None:
                return
            yield _copied(message)


async def _answered(service: Service, method: str, request: Message, metadata: dict[str, str]) -> Reply | Refusal:
    try:
        return await service.call(method, request, metadata)
    except Refusal as refusal:
        return from_status(to_status(refusal), refusal.kind)


async def _next(messages: AsyncIterator[Message]) -> Message | None:
    return await anext(messages, None)


def _copied(message: Message) -> Message:
    return type(message).FromString(message.SerializeToString())


def _unreachable() -> Refusal:
    return Refusal("UNAVAILABLE", "the peer is not there", kind=Kind.UNAVAILABLE)


# --- HTTP ------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class HttpReply:
    """As much of an httpx response as a frontend of ours reads."""

    status_code: int
    headers: dict[str, str]
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode()

    def json(self) -> Any:
        return orjson.loads(self.content)


class Serves(Protocol):
    """Where HTTP goes."""

    def serving(self) -> tuple[Process, Gateway] | None: ...


@dataclass
class Frontend:
    """As much of an httpx client as a frontend of ours uses. Raises `httpx.TransportError` where no answer comes."""

    gateways: Serves
    edges: Edges

    async def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> HttpReply:
        found = self.gateways.serving()
        if found is None or not await self.edges.cross("HTTP request"):
            raise httpx.ConnectError("no gateway")
        process, gateway = found
        body = b"" if json is None else orjson.dumps(json)
        exchange = _Exchange(_scope(method, path, params, headers, body), body)
        try:
            await in_process(process, gateway(exchange.scope, exchange.receive, exchange.send))
        except Gone:
            raise httpx.ReadError("the gateway died") from None
        if not await self.edges.cross("HTTP reply"):
            raise httpx.ReadError("the reply was lost")
        return exchange.reply()

    async def first_event(self, path: str, headers: Mapping[str, str], patience: float = 5.0) -> HttpReply:
        """Opens an event stream, takes what comes first, and leaves."""
        found = self.gateways.serving()
        if found is None:
            raise httpx.ConnectError("no gateway")
        process, gateway = found
        exchange = _Exchange(_scope("GET", path, None, headers, b""), b"", leaves_after=AN_EVENT)
        try:
            async with asyncio.timeout(patience):
                await in_process(process, gateway(exchange.scope, exchange.receive, exchange.send))
        except Gone:
            raise httpx.ReadError("the gateway died") from None
        except TimeoutError:
            pass
        return exchange.reply()


class _Exchange:
    """One request as ASGI has it. `leaves_after`: chunks of the body after which the client is gone."""

    def __init__(self, scope: dict[str, Any], body: bytes, leaves_after: int | None = None) -> None:
        self.scope, self._body, self._leaves = scope, body, leaves_after
        self.status, self.headers, self.content = 0, dict[str, str](), bytearray()
        self._sent = False
        self._left = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        if not self._sent:
            self._sent = True
            return {"type": "http.request", "body": self._body, "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Mapping[str, Any]) -> None:
        check_alive()
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            self.content += message.get("body", b"")
            if self._leaves is not None and message.get("body"):
                self._leaves -= 1
                if self._leaves <= 0:
                    self._left.set()

    def reply(self) -> HttpReply:
        return HttpReply(self.status, self.headers, bytes(self.content))


def _scope(
    method: str, path: str, params: Mapping[str, Any] | None, headers: Mapping[str, str] | None, body: bytes
) -> dict[str, Any]:
    sent = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
    if body:
        sent += [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    return {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": urlencode(params or {}, doseq=True).encode(),
        "headers": sent,
    }
