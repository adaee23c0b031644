from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from libs.chassis.client import GrpcUpstream
from libs.chassis.server import GrpcServer
from libs.chassis.upstream import Reply, Upstream
from libs.events.decider import Kind, Refusal
from tests.unit.chassis.notes import BRAND, World


@asynccontextmanager
async def serving(
    notes: World, upstream: Upstream | None = None, **options: Any
) -> AsyncIterator[tuple[GrpcServer, GrpcUpstream]]:
    services = notes.protos.of("notes")
    server = GrpcServer(upstream or notes.service, services, host="127.0.0.1", port=0, **options)
    await server.start()
    client = GrpcUpstream(f"127.0.0.1:{server.port}", services)
    try:
        yield server, client
    finally:
        await client.close()
        await server.stop(0)


class Held:
    """An upstream whose calls wait until they are let go."""

    def __init__(self) -> None:
        self.arrived, self.let_go = asyncio.Semaphore(0), asyncio.Event()
        self.reply: Message | None = None

    async def call(self, method: str, request: Message, metadata: Mapping[str, str]) -> Reply:
        self.arrived.release()
        await self.let_go.wait()
        assert self.reply is not None
        return Reply(self.reply)

    async def stream(self, method: str, request: Message, metadata: Mapping[str, str]) -> AsyncIterator[Message]:
        assert self.reply is not None
        yield self.reply


@pytest.fixture
def held(notes: World) -> Held:
    held = Held()
    held.reply = notes.method("CountNotes").reply_class(count=1)
    return held


def signed(notes: World, who: str = "brand", **metadata: str) -> dict[str, str]:
    return {"authorization": f"Bearer {notes.sign(who)}", **metadata}


async def test_a_call_over_the_network_answers_like_the_service_itself(notes: World) -> None:
    async with serving(notes) as (_, client):
        key = {"idempotency-key": "k"}
        path = notes.method("WriteNote").path
        far = await client.call(path, notes.request("WriteNote", text="hello"), signed(notes, **key))
        near = await notes.call("WriteNote", text="hello", metadata=key)
        assert far.message == near.message
        assert {name: far.metadata[name] for name in near.metadata} == near.metadata
        assert far.message.author == BRAND  # type: ignore[attr-defined]


async def test_a_refusal_arrives_as_it_was_raised(notes: World) -> None:
    async with serving(notes) as (_, client):
        with pytest.raises(Refusal) as far:
            await client.call(notes.method("WriteNote").path, notes.request("WriteNote", text=""), signed(notes))
        with pytest.raises(Refusal) as near:
            await notes.call("WriteNote", text="")
        assert vars(far.value) == vars(near.value)


async def test_no_token_is_refused_on_the_port_too(notes: World) -> None:
    async with serving(notes) as (_, client):
        with pytest.raises(Refusal) as refusal:
            await client.call(notes.method("WriteNote").path, notes.request("WriteNote", text="x"), {})
        assert refusal.value.kind is Kind.UNAUTHENTICATED


async def test_a_stream_arrives_in_order_and_can_be_left(notes: World) -> None:
    async with serving(notes) as (_, client):
        path = notes.method("WatchNotes").path
        got = [m.text async for m in client.stream(path, notes.request("WatchNotes", count=5), {})]  # type: ignore[attr-defined]
        assert got == list("01234")
        endless = client.stream(path, notes.request("WatchNotes", count=7), {})
        assert (await anext(endless)).text == "0"  # type: ignore[attr-defined]
        await endless.aclose()


async def test_a_call_that_takes_too_long_ends_at_its_deadline(notes: World, held: Held) -> None:
    async with serving(notes, held) as (_, client):
        with pytest.raises(Refusal) as refusal:
            await client.call(notes.method("CountNotes").path, notes.request("CountNotes"), {}, timeout=0.05)
        assert refusal.value.kind is Kind.DEADLINE_EXCEEDED


async def test_a_call_without_a_deadline_is_given_one(notes: World, held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("libs.chassis.server.DEFAULT_DEADLINE", 0.05)
    async with serving(notes, held) as (server, _), grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        call = channel.unary_unary(notes.method("CountNotes").path)(b"")
        assert await call.code() is grpc.StatusCode.DEADLINE_EXCEEDED


async def test_an_expired_deadline_is_not_even_sent(notes: World) -> None:
    async with serving(notes) as (_, client):
        with pytest.raises(Refusal) as refusal:
            await client.call(notes.method("CountNotes").path, notes.request("CountNotes"), {}, timeout=0)
        assert refusal.value.kind is Kind.DEADLINE_EXCEEDED


async def test_more_calls_than_the_server_holds_are_refused_at_once(notes: World, held: Held) -> None:
    async with serving(notes, held, most_concurrent=2) as (_, client):
        path, request = notes.method("CountNotes").path, notes.request("CountNotes")
        two = [asyncio.create_task(client.call(path, request, {})) for _ in range(2)]
        for _ in two:
            await held.arrived.acquire()
        with pytest.raises(Refusal) as refusal:
            await client.call(path, request, {})
        assert refusal.value.kind is Kind.RESOURCE_EXHAUSTED
        held.let_go.set()
        await asyncio.gather(*two)


async def test_a_message_that_is_too_large_is_refused(notes: World) -> None:
    async with serving(notes) as (_, client):
        with pytest.raises(Refusal) as refusal:
            await client.call(notes.method("WriteNote").path, notes.request("WriteNote", text="x" * 5_000_000), signed(notes))
        assert refusal.value.kind is Kind.RESOURCE_EXHAUSTED
        assert await notes.log.head() == 0


async def test_a_bug_is_internal_and_tells_nothing_of_itself(notes: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken() -> int:
        raise KeyError("hunter2")

    monkeypatch.setattr(notes.log, "head", broken)
    async with serving(notes) as (_, client):
        with pytest.raises(Refusal) as refusal:
            await client.call(notes.method("CountNotes").path, notes.request("CountNotes"), {})
        assert (refusal.value.code, refusal.value.kind) == ("INTERNAL", Kind.INTERNAL)
        assert "hunter2" not in refusal.value.message


async def test_health_is_told_overall_and_per_service(notes: World) -> None:
    async with serving(notes) as (server, client), grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        health = health_pb2_grpc.HealthStub(channel)
        for is_ready in (False, True, False):
            await server.ready(is_ready)
            assert await client.healthy(1.0) is is_ready
            answer = await health.Check(health_pb2.HealthCheckRequest(service="limelight.notes.v1.NotesService"))
            assert (answer.status == health_pb2.HealthCheckResponse.SERVING) is is_ready


async def test_a_stop_is_announced_before_calls_in_hand_are_finished(notes: World, held: Held) -> None:
    services = notes.protos.of("notes")
    server = GrpcServer(held, services, host="127.0.0.1", port=0)
    await server.start()
    await server.ready(True)
    client = GrpcUpstream(f"127.0.0.1:{server.port}", services)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        watching = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        seen = aiter(watching)
        assert (await anext(seen)).status == health_pb2.HealthCheckResponse.SERVING
        in_hand = asyncio.create_task(client.call(notes.method("CountNotes").path, notes.request("CountNotes"), {}))
        await held.arrived.acquire()
        stopping = asyncio.create_task(server.stop(5))
        assert (await anext(seen)).status == health_pb2.HealthCheckResponse.NOT_SERVING
        watching.cancel()
        assert not in_hand.done()
        held.let_go.set()
        assert (await in_hand).message.count == 1  # type: ignore[attr-defined]
        await stopping
    await client.close()


async def test_reflection_is_there_where_it_is_asked_for(notes: World) -> None:
    for reflect in (True, False):
        async with (
            serving(notes, reflect=reflect) as (server, _),
            grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel,
        ):
            asked = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
            call = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(asked)
            if reflect:
                listed = [service.name async for answer in call for service in answer.list_services_response.service]
                assert "limelight.notes.v1.NotesService" in listed
            else:
                assert await call.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_taken_port_is_an_os_error(notes: World) -> None:
    async with serving(notes) as (server, _):
        with pytest.raises(OSError, match=str(server.port)):
            GrpcServer(notes.service, notes.protos.of("notes"), host="127.0.0.1", port=server.port)


async def test_an_unreachable_service_is_unavailable(notes: World) -> None:
    client = GrpcUpstream("127.0.0.1:1", notes.protos.of("notes"))
    with pytest.raises(Refusal) as refusal:
        await client.call(notes.method("WriteNote").path, notes.request("WriteNote", text="x"), {}, timeout=1)
    assert refusal.value.kind is Kind.UNAVAILABLE
    assert not await client.healthy(0.2)
    await client.close()


@pytest.mark.parametrize("grace", [0.0, 0.1])
async def test_a_call_that_the_servers_end_cuts_off_is_to_be_sent_again(notes: World, held: Held, grace: float) -> None:
    async with serving(notes, held) as (server, client):
        calling = asyncio.ensure_future(client.call(notes.method("CountNotes").path, notes.request("CountNotes"), {}))
        await held.arrived.acquire()
        await server.stop(grace)
        with pytest.raises(Refusal) as cut:
            await calling
    assert (cut.value.kind, cut.value.code) == (Kind.UNAVAILABLE, "UNAVAILABLE")
