"""What the gateway's tests talk to: an upstream that remembers and answers as told, tokens that are names, an HTTP client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from google.protobuf.message import Message

from libs.chassis import descriptors, messages
from libs.chassis.upstream import Reply
from libs.events.decider import Actor, Kind, Refusal, Role
from libs.events.ports import Clock
from services.gateway.app import Gateway, create_app
from services.gateway.settings import Settings

SERVICE = "/limelight.library.v1.LibraryService/"
ANA = {"authorization": "Bearer creator"}
BOOK = {"bookId": "b1", "title": "Moss", "version": 7}


@dataclass
class Call:
    method: str
    request: dict[str, Any]
    metadata: dict[str, str]


@dataclass
class FakeUpstream:
    """Answers with `answer`, which is a resource's JSON, a Refusal, an error, or a function of the request."""

    protos: descriptors.Protos
    answer: Any = field(default_factory=lambda: dict(BOOK))
    metadata: dict[str, str] = field(default_factory=lambda: {"etag": "7", "limelight-position": "library.12.3"})
    events: Callable[[], AsyncIterator[Any]] | None = None
    calls: list[Call] = field(default_factory=list)

    def _seen(self, method: str, request: Message, metadata: Mapping[str, str]) -> descriptors.Method:
        self.calls.append(Call(method.removeprefix(SERVICE), messages.to_json(request), dict(metadata)))
        return {m.path: m for m in self.protos.methods()}[method]

    async def call(self, method: str, request: Message, metadata: Mapping[str, str]) -> Reply:
        known = self._seen(method, request, metadata)
        answer = self.answer
        if callable(answer):
            answer = await answer()
        if isinstance(answer, Exception):
            raise answer
        return Reply(messages.from_json(known.reply_class, answer), dict(self.metadata))

    async def stream(self, method: str, request: Message, metadata: Mapping[str, str]) -> AsyncIterator[Message]:
        known = self._seen(method, request, metadata)
        assert self.events is not None
        async for event in self.events():
            yield messages.from_json(known.reply_class, event)


class NamesAreTokens:
    """`Bearer creator` is a creator's token."""

    async def authorize(self, authorization: str | None) -> Actor:
        role = (authorization or "").removeprefix("Bearer ")
        if role not in set(Role):
            raise Refusal("TOKEN_MISSING", "a bearer token is needed", kind=Kind.UNAUTHENTICATED)
        return Actor("ana", Role(role), "crt_0000000000")


def gateway(upstream: FakeUpstream, clock: Clock | None = None, **settings: Any) -> Gateway:
    told, verifier = Settings(**settings), NamesAreTokens()
    return create_app({"library": upstream}, told, verifier, protos=upstream.protos, clock=clock)  # type: ignore[arg-type]


def client(app: Gateway) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://limelight")  # type: ignore[arg-type]
