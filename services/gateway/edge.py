"""The gateway's way through: one request, from the socket to an upstream and back. Raw ASGI, because every call passes here."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import orjson
import structlog
from google.protobuf.message import Message
from opentelemetry import trace
from opentelemetry.trace import SpanKind

from libs.chassis.auth import Verifier
from libs.chassis.errors import refusal_of
from libs.chassis.telemetry import context_of, traceparent
from libs.chassis.upstream import AUTHORIZATION, ETAG, IDEMPOTENCY_KEY, IF_MATCH, POSITION, TRACEPARENT, Reply, Upstream
from libs.events.decider import Kind, Refusal
from libs.events.ids import Ids
from services.gateway import problems, sse
from services.gateway.cors import Cors
from services.gateway.metering import Meter
from services.gateway.places import Places
from services.gateway.routes import Tree
from services.gateway.settings import Settings
from services.gateway.sse import Receive, Send
from services.gateway.transcoding import Route

Scope = Mapping[str, Any]
RawHeaders = dict[bytes, bytes]

JSON: tuple[tuple[bytes, bytes], ...] = ((b"content-type", b"application/json"), (b"cache-control", b"no-store"))
NO_ROUTE = "-"
"""What is measured and traced under no route of ours."""

_TRACEPARENT = re.compile(rb"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_KEY = re.compile(rb"[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?")
_VERSION = re.compile(rb'"([0-9]{1,15})"')

log = structlog.get_logger(__name__)
_tracer = trace.get_tracer("limelight.gateway")


class Left(Exception):
    """The client went away before its request was read."""


class Exchange:
    """A request in hand."""

    __slots__ = ("headers", "method", "path", "receive", "scope", "send", "started", "status", "trace")

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope, self.receive, self.send = scope, receive, send
        self.method: str = scope["method"]
        self.path: str = scope["raw_path"].decode("latin-1") if scope.get("raw_path") else scope["path"]
        self.headers: RawHeaders = dict(scope["headers"])
        self.trace = ""
        self.status = 0
        self.started = False

    async def respond(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        headers.append((b"content-length", b"%d" % len(body)))
        self.status, self.started = status, True
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": b"" if self.method == "HEAD" else body})


class Edge:
    """Answers what is in the tree of routes; the rest is `unrouted`'s."""

    def __init__(
        self,
        upstreams: Mapping[str, Upstream],
        tree: Tree[Route],
        settings: Settings,
        verifier: Verifier,
        ids: Ids,
        meter: Meter,
    ) -> None:
        self._upstreams, self._tree, self._settings, self._verifier, self._ids = upstreams, tree, settings, verifier, ids
        self._meter, self._cors = meter, Cors(settings.cors_origins)
        self._tracing = settings.otel_exporter_otlp_endpoint is not None
        self._pace = sse.Pace(settings.heartbeat, settings.longest_stream)
        self._streams = 0
        self._in_hand: Counter[bool] = Counter()
        """By `Route.raw`: what anyone may send takes no room from those who have a token."""
        self._most = {False: settings.most_in_hand, True: settings.most_webhooks}
        self._places = {name: Places(settings.most_in_hand, settings.deadline, meter.now) for name in upstreams}
        meter.watch(self._places)
        self.closing = asyncio.Event()
        """Set when the process is to stop: streams end, `/readyz` says so."""

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Answers the request; False when no route has its path, and nothing was sent."""
        exchange = Exchange(scope, receive, send)
        began, label = self._meter.now(), NO_ROUTE
        try:
            found = self._tree.find(exchange.path)
            if found is None:
                return False
            if exchange.method == "OPTIONS":
                await exchange.respond(204, self._cors.preflight(exchange.headers, _allowed(found[0])), b"")
                return True
            route = found[0].get("GET" if exchange.method == "HEAD" else exchange.method)
            if route is None:
                raise problems.method_not_allowed(_allowed(found[0]))
            label = route.label
            await self._traced(route, found[1], exchange)
        except Left:
            exchange.status = 499
        except Exception as error:
            await self.refuse(exchange, error, label)
        self._meter.record(label, exchange.method, exchange.status, began)
        return True

    async def refuse(self, exchange: Exchange, error: Exception, label: str = NO_ROUTE) -> None:
        """Tells of a failure as a problem, if there is still a status to be sent."""
        refusal = self._told(error, label)
        if exchange.started:
            return
        path = exchange.scope["path"]
        body = problems.encoded(problems.problem(refusal, path, self._trace_id(exchange)))
        headers = problems.headers(refusal)
        self._cors.add(exchange.headers, headers)
        await exchange.respond(problems.status_of(refusal), headers, body)

    async def _traced(self, route: Route, values: list[str], exchange: Exchange) -> None:
        """Under a span of its own where spans are sent somewhere; else the caller's trace, or a new one, is passed on."""
        if not self._tracing:
            given = exchange.headers.get(b"traceparent", b"")
            exchange.trace = given.decode() if _TRACEPARENT.fullmatch(given) else self._new_trace()
            return await self._admitted(route, values, exchange)
        carrier = {name.decode("latin-1"): value.decode("latin-1") for name, value in exchange.headers.items()}
        attributes = {"http.request.method": exchange.method, "http.route": route.http.template}
        with _tracer.start_as_current_span(route.label, context_of(carrier), SpanKind.SERVER, attributes) as span:
            exchange.trace = traceparent() or self._new_trace()
            try:
                await self._admitted(route, values, exchange)
            finally:
                span.set_attribute("http.response.status_code", exchange.status)

    async def _admitted(self, route: Route, values: list[str], exchange: Exchange) -> None:
        self._check_size(exchange)
        metadata = await self._metadata(route, exchange)
        if route.method.streaming:
            return await self._stream(route, values, exchange, metadata)
        if self._in_hand[route.raw] >= self._most[route.raw]:
            raise problems.overloaded()
        self._in_hand[route.raw] += 1
        try:
            async with asyncio.timeout(self._settings.deadline):
                body = await self._body(route, exchange)
                scope = exchange.scope
                request = route.request(values, scope["query_string"], body, headers=scope["headers"])
                reply = await self._asked(route, request, metadata)
        finally:
            self._in_hand[route.raw] -= 1
        headers = [*JSON]
        version = reply.metadata.get(ETAG)
        if version:
            etag = f'"{version}"'.encode()
            headers.append((b"etag", etag))
            if route.http.verb == "GET" and _is_known(exchange.headers.get(b"if-none-match"), etag):
                self._cors.add(exchange.headers, headers)
                return await exchange.respond(304, headers[1:], b"")
        position = reply.metadata.get(POSITION)
        if position:
            headers.append((b"limelight-position", position.encode()))
        self._cors.add(exchange.headers, headers)
        await exchange.respond(200, headers, orjson.dumps(route.answer(reply.message)))
        return None

    async def _asked(self, route: Route, request: Message, metadata: dict[str, str]) -> Reply:
        """The upstream's answer, if there is a place to ask for it."""
        upstream = self._upstreams[route.method.owner]
        if route.raw:
            return await upstream.call(route.method.path, request, metadata)
        places, able = self._places[route.method.owner], True
        taken = places.take()
        try:
            return await upstream.call(route.method.path, request, metadata)
        except Refusal as refusal:
            able = refusal.kind not in (Kind.UNAVAILABLE, Kind.RESOURCE_EXHAUSTED)
            raise
        finally:
            places.leave(taken, able)

    async def _stream(self, route: Route, values: list[str], exchange: Exchange, metadata: dict[str, str]) -> None:
        if self._streams >= self._settings.most_streams or self.closing.is_set():
            raise problems.overloaded()
        last = exchange.headers.get(b"last-event-id")
        request = route.request(values, exchange.scope["query_string"], b"", last.decode("latin-1") if last else None)
        self._streams += 1
        messages = self._upstreams[route.method.owner].stream(route.method.path, request, metadata)
        stream = sse.Stream(messages, route.answer, sse.id_field(route.method.output), self.closing, self._pace)
        headers: list[tuple[bytes, bytes]] = []
        self._cors.add(exchange.headers, headers)
        try:
            await stream.first()
            exchange.started, exchange.status = True, 200
            await stream.send(exchange.receive, exchange.send, headers, lambda error: self._late(exchange, error, route.label))
        finally:
            self._streams -= 1
            await stream.close()

    async def _metadata(self, route: Route, exchange: Exchange) -> dict[str, str]:
        """What goes along, once it is known that the caller may call."""
        headers, method = exchange.headers, route.method
        metadata = {TRACEPARENT: exchange.trace}
        given = headers.get(b"authorization")
        authorization = given.decode("latin-1") if given else None
        if authorization or not method.public:
            actor = await self._verifier.authorize(authorization)
            metadata[AUTHORIZATION] = authorization or ""
            if not method.public and actor.role not in method.roles:
                may = sorted(role.value for role in method.roles)
                said = f"{method.name} is for {', '.join(may) or 'nobody'}"
                raise Refusal("ROLE_NOT_ALLOWED", said, kind=Kind.PERMISSION_DENIED, roles=may)
        key = headers.get(b"idempotency-key")
        if key is not None:
            if not _KEY.fullmatch(key):
                raise _invalid("IDEMPOTENCY_KEY_INVALID", "must be 1 to 255 printable ASCII characters", "Idempotency-Key")
            metadata[IDEMPOTENCY_KEY] = key.decode("ascii")
        expected = headers.get(b"if-match")
        if expected is not None and expected != b"*":
            version = _VERSION.fullmatch(expected)
            if version is None:
                raise _invalid("IF_MATCH_INVALID", 'must be one ETag as it was given, e.g. "7"', "If-Match")
            metadata[IF_MATCH] = version[1].decode("ascii")
        return metadata

    def _check_size(self, exchange: Exchange) -> None:
        most = self._settings.largest_headers
        if sum(len(name) + len(value) for name, value in exchange.scope["headers"]) > most:
            raise problems.too_large("HEADERS_TOO_LARGE", "the headers", most)
        if len(exchange.path) + len(exchange.scope["query_string"]) > self._settings.longest_url:
            raise problems.too_large("URL_TOO_LONG", "path and query", self._settings.longest_url)

    async def _body(self, route: Route, exchange: Exchange) -> bytes:
        headers = exchange.headers
        most = self._settings.largest_webhook if route.raw else self._settings.largest_body
        length = headers.get(b"content-length")
        if length is None and b"transfer-encoding" not in headers:
            return b""
        if length is not None and length.isdigit() and int(length) > most:
            raise problems.too_large("BODY_TOO_LARGE", "the body", most)
        body, more = b"", True
        while more:
            message = await exchange.receive()
            if message["type"] == "http.disconnect":
                raise Left
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > most:
                raise problems.too_large("BODY_TOO_LARGE", "the body", most)
        media = headers.get(b"content-type", b"application/json").partition(b";")[0].strip().lower()
        if body and media != b"application/json" and not route.raw:
            raise Refusal("UNSUPPORTED_MEDIA_TYPE", "the body must be application/json", kind=Kind.INVALID_ARGUMENT)
        return body

    def _late(self, exchange: Exchange, error: Exception, label: str) -> dict[str, Any]:
        return problems.problem(self._told(error, label), exchange.scope["path"], self._trace_id(exchange))

    def _told(self, error: Exception, label: str) -> Refusal:
        refusal = refusal_of(error)
        if refusal is not error and refusal.kind is Kind.INTERNAL:
            log.error("a request failed", method=label, exc_info=error)
        return refusal

    def _trace_id(self, exchange: Exchange) -> str:
        return (exchange.trace or self._new_trace()).split("-")[1]

    def _new_trace(self) -> str:
        """A trace that is not recorded, yet found in every log and event that follows."""
        chance = self._ids.commit_id().replace("-", "")
        return f"00-{chance}-{chance[16:]}-00"


def _allowed(methods: Mapping[str, Route]) -> list[str]:
    return sorted({*methods, "OPTIONS", *(("HEAD",) if "GET" in methods else ())})


def _is_known(if_none_match: bytes | None, etag: bytes) -> bool:
    """Weak comparison, as RFC 9110 has it for `If-None-Match`."""
    if if_none_match is None:
        return False
    return if_none_match.strip() == b"*" or any(tag.strip().removeprefix(b"W/") == etag for tag in if_none_match.split(b","))


def _invalid(code: str, message: str, field: str) -> Refusal:
    return Refusal(code, message, kind=Kind.INVALID_ARGUMENT, field=field)
