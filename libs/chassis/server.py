"""A `Service` as a gRPC server: descriptors in, generic handlers out."""

from __future__ import annotations

import asyncio
import errno
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import Any, Protocol

import grpc
import structlog
from google.protobuf.message import Message
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from opentelemetry import metrics, trace
from opentelemetry.trace import SpanKind, Status, StatusCode

from libs.chassis import descriptors
from libs.chassis.errors import STATUS_DETAILS, deadline_exceeded, grpc_code, refusal_of, to_status
from libs.chassis.telemetry import context_of
from libs.chassis.upstream import Upstream
from libs.events.decider import Kind, Refusal

LARGEST_MESSAGE = 4 * 2**20
DEFAULT_DEADLINE = 10.0
"""Seconds that a call without a deadline is given. A stream without one lives as long as its client."""
MOST_CONCURRENT = 1000
"""Calls and streams in hand; a further one is refused with RESOURCE_EXHAUSTED."""

OPTIONS = (
    ("grpc.max_receive_message_length", LARGEST_MESSAGE),
    ("grpc.max_send_message_length", LARGEST_MESSAGE),
    ("grpc.max_metadata_size", 16 * 1024),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.so_reuseport", 0),
)

log = structlog.get_logger(__name__)
_tracer = trace.get_tracer("limelight.rpc")
_durations = metrics.get_meter("limelight.rpc").create_histogram(
    "rpc.server.duration", unit="s", description="From a call's arrival to its answer"
)


class Calls(Protocol):
    """A call's context, as far as it is used here."""

    def time_remaining(self) -> float | None: ...
    def invocation_metadata(self) -> Iterable[tuple[str, str | bytes]] | None: ...
    def set_trailing_metadata(self, metadata: tuple[tuple[str, str | bytes], ...]) -> None: ...
    async def abort(self, code: grpc.StatusCode, details: str, trailing_metadata: Any = ()) -> None: ...


class GrpcServer:
    """One process's server: the service's rpcs, health, and reflection where it is asked for."""

    def __init__(
        self,
        upstream: Upstream,
        services: Iterable[descriptors.Service],
        *,
        host: str,
        port: int,
        reflect: bool = False,
        most_concurrent: int = MOST_CONCURRENT,
    ) -> None:
        """`port` 0 takes a free one. Raises `OSError` when the port cannot be had."""
        self._server = grpc.aio.server(options=OPTIONS, maximum_concurrent_rpcs=most_concurrent)
        self._health = health.aio.HealthServicer()
        served = tuple(services)
        self._names = ["", *(service.name for service in served)]
        for service in served:
            handlers = {method.name: _handler(upstream, method) for method in service.methods.values()}
            self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service.name, handlers),))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        if reflect:
            names = [*self._names[1:], health.SERVICE_NAME, reflection.SERVICE_NAME]
            reflection.enable_server_reflection(names, self._server)
        try:
            self.port = self._server.add_insecure_port(f"{host}:{port}")
        except RuntimeError as error:
            raise OSError(errno.EADDRINUSE, f"cannot listen on {host}:{port}") from error

    async def start(self) -> None:
        """Answers calls; its health stays NOT_SERVING until `ready(True)`."""
        await self.ready(False)
        await self._server.start()

    async def ready(self, is_ready: bool) -> None:
        """Tells load balancers, overall and per service."""
        status = health_pb2.HealthCheckResponse.SERVING if is_ready else health_pb2.HealthCheckResponse.NOT_SERVING
        for name in self._names:
            await self._health.set(name, status)

    async def stop(self, grace: float) -> None:
        """NOT_SERVING first; then no new calls, and up to `grace` seconds for those in hand."""
        await self._health.enter_graceful_shutdown()
        await self._server.stop(grace)


def _handler(upstream: Upstream, method: descriptors.Method) -> grpc.RpcMethodHandler:
    make = grpc.unary_stream_rpc_method_handler if method.streaming else grpc.unary_unary_rpc_method_handler
    behaviour: Any = _streaming(upstream, method) if method.streaming else _unary(upstream, method)
    return make(behaviour, request_deserializer=method.request_class.FromString, response_serializer=_bytes)


def _bytes(message: Message) -> bytes:
    return message.SerializeToString()


def _unary(upstream: Upstream, method: descriptors.Method) -> Callable[[Message, Calls], Awaitable[Message]]:
    async def answer(request: Message, call: Calls) -> Message:
        with _Observed(method, call) as observed:
            try:
                async with asyncio.timeout(_seconds(call, DEFAULT_DEADLINE)):
                    reply = await upstream.call(method.path, request, observed.metadata)
            except Exception as error:
                await observed.refuse(error)
                raise
            call.set_trailing_metadata(tuple(reply.metadata.items()))
            return reply.message

    return answer


def _streaming(upstream: Upstream, method: descriptors.Method) -> Callable[[Message, Calls], AsyncIterator[Message]]:
    async def answer(request: Message, call: Calls) -> AsyncIterator[Message]:
        with _Observed(method, call) as observed:
            try:
                async with asyncio.timeout(_seconds(call, None)):
                    async for message in upstream.stream(method.path, request, observed.metadata):
                        yield message
            except Exception as error:
                await observed.refuse(error)
                raise

    return answer


def _seconds(call: Calls, default: float | None) -> float | None:
    remaining = call.time_remaining()
    if remaining is None:
        return default
    if remaining <= 0:
        raise deadline_exceeded()
    return remaining


class _Observed:
    """A call's span, its measured time, and its failure on the wire and in the log."""

    def __init__(self, method: descriptors.Method, call: Calls) -> None:
        self._method, self._call = method, call
        self.metadata = _text(call.invocation_metadata() or ())
        self._outcome = "OK"

    def __enter__(self) -> _Observed:
        self._began = time.perf_counter()
        self._scope = _tracer.start_as_current_span(
            self._method.path.removeprefix("/"),
            context_of(self.metadata),
            SpanKind.SERVER,
            {"rpc.system": "grpc", "rpc.service": self._method.service, "rpc.method": self._method.name},
            record_exception=False,
            set_status_on_exception=False,
        )
        self._span = self._scope.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace_: Any) -> None:
        if error is not None and self._outcome == "OK":
            self._outcome = "CANCELLED"
        self._span.set_attribute("rpc.grpc.status", self._outcome)
        labels = {"rpc.service": self._method.service, "rpc.method": self._method.name, "code": self._outcome}
        _durations.record(time.perf_counter() - self._began, labels)
        self._scope.__exit__(None, None, None)

    async def refuse(self, error: Exception) -> None:
        """Ends the call with the error's status; always raises."""
        refusal = refusal_of(error)
        self._outcome = refusal.kind.value
        if refusal.kind is Kind.INTERNAL:
            self._span.set_status(Status(StatusCode.ERROR, type(error.__cause__ or error).__name__))
            log.error("an rpc failed", method=self._method.path, exc_info=error.__cause__ or error)
        await abort(self._call, refusal)


async def abort(call: Calls, refusal: Refusal) -> None:
    details = ((STATUS_DETAILS, to_status(refusal).SerializeToString()),)
    await call.abort(grpc_code(refusal.kind), refusal.message, details)


def _text(metadata: Iterable[tuple[str, str | bytes]]) -> Mapping[str, str]:
    return {name: value for name, value in metadata if isinstance(value, str)}
