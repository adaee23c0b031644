"""An `Upstream` over the network: one channel to a service's replicas."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

import grpc
import orjson
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2, health_pb2_grpc

from libs.chassis import descriptors
from libs.chassis.errors import deadline_exceeded, from_rpc_error
from libs.chassis.server import LARGEST_MESSAGE
from libs.chassis.telemetry import traceparent
from libs.chassis.upstream import TRACEPARENT, Reply
from libs.events.decider import Kind, Refusal

TIMEOUT = 10.0
"""Seconds that a call may take."""

READING = ("Get", "List", "Search", "BatchGet", "Find", "Compare", "Check")
"""Verbs that names of rpcs without an effect begin with; what is bound to GET has none either."""

RETRY = {
    "maxAttempts": 3,
    "initialBackoff": "0.05s",
    "maxBackoff": "0.5s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],
}


class GrpcUpstream:
    """Calls by method path with messages of the descriptors; failures arrive as the peer's `Refusal`."""

    def __init__(
        self, address: str, services: Iterable[descriptors.Service] | None = None, *, timeout: float = TIMEOUT
    ) -> None:
        """`services`: what is behind the address (default: all of ours). `timeout`: seconds, of calls, not of streams."""
        served = tuple(services if services is not None else descriptors.load().services.values())
        self._channel = grpc.aio.insecure_channel(address, options=_options(served))
        self._timeout = timeout
        self._health = health_pb2_grpc.HealthStub(self._channel)
        self._stubs = {method.path: self._stub(method) for service in served for method in service.methods.values()}

    def _stub(self, method: descriptors.Method) -> Any:
        make = self._channel.unary_stream if method.streaming else self._channel.unary_unary
        return make(method.path, request_serializer=_bytes, response_deserializer=method.reply_class.FromString)

    async def call(self, method: str, request: Message, metadata: Mapping[str, str], *, timeout: float | None = None) -> Reply:
        """`timeout`: what is left of the caller's own deadline, in seconds. Raises `Refusal`."""
        within = min(self._timeout, timeout) if timeout is not None else self._timeout
        if within <= 0:
            raise deadline_exceeded()
        calling = self._known(method)(request, timeout=within, metadata=_outgoing(metadata))
        try:
            message = await calling
            trailing = await calling.trailing_metadata()
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from error
        return Reply(message, {name: value for name, value in trailing or () if isinstance(value, str)})

    async def stream(self, method: str, request: Message, metadata: Mapping[str, str]) -> AsyncIterator[Message]:
        calling = self._known(method)(request, metadata=_outgoing(metadata))
        try:
            async for message in calling:
                yield message
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from error
        finally:
            calling.cancel()

    async def healthy(self, timeout: float) -> bool:
        """Whether a replica says within `timeout` seconds that it is ready (grpc.health.v1)."""
        try:
            answer = await self._health.Check(health_pb2.HealthCheckRequest(), timeout=timeout)
        except grpc.aio.AioRpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    async def close(self) -> None:
        await self._channel.close()

    def _known(self, method: str) -> Any:
        stub = self._stubs.get(method)
        if stub is None:
            raise Refusal("UNIMPLEMENTED", f"no such rpc: {method}", kind=Kind.UNIMPLEMENTED)
        return stub


def _bytes(message: Message) -> bytes:
    return message.SerializeToString()


def _outgoing(metadata: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The caller's metadata under the current trace."""
    current = traceparent()
    return tuple({**metadata, **({TRACEPARENT: current} if current else {})}.items())


def _options(services: Iterable[descriptors.Service]) -> list[tuple[str, Any]]:
    """Retries only of what has no effect: a command's retry belongs to whoever holds its idempotency key."""
    reading = [
        {"service": service.name, "method": method.name}
        for service in services
        for method in service.methods.values()
        if not method.streaming and (method.name.startswith(READING) or any(http.verb == "GET" for http in method.http))
    ]
    config: dict[str, Any] = {"loadBalancingConfig": [{"round_robin": {}}]}
    if reading:
        config["methodConfig"] = [{"name": reading, "retryPolicy": RETRY}]
    return [
        ("grpc.service_config", orjson.dumps(config).decode()),
        ("grpc.enable_retries", 1),
        ("grpc.max_receive_message_length", LARGEST_MESSAGE),
        ("grpc.max_send_message_length", LARGEST_MESSAGE),
        ("grpc.max_metadata_size", 16 * 1024),
        ("grpc.keepalive_time_ms", 30_000),
        ("grpc.keepalive_timeout_ms", 10_000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.dns_min_time_between_resolutions_ms", 5_000),
        ("grpc.initial_reconnect_backoff_ms", 200),
        ("grpc.max_reconnect_backoff_ms", 1_000),
    ]
