"""gateway-get, gateway-post: what HTTP/JSON costs on top of the same unary gRPC call, on 32 connections and on one. The service
and the gateway are processes of their own; both sides are asked by this one."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import grpc
import orjson

from bench.harness import Contest, Row, saturate
from bench.http import Connection, connections, request
from bench.processes import Deployed, deployed
from bench.subject import SINCE
from bench.world import World
from deploy.local.embedded import HOST
from libs.chassis import descriptors
from libs.chassis.messages import from_json
from libs.events.decider import Role
from libs.events.ids import compose

GETS, POSTS = {32: 2_000, 1: 500}, {32: 1_000, 1: 300}
"""Connections -> calls in a round."""
SERVICE = "limelight.campaigns.v1.CampaignsService"
CAMPAIGNS = "/v1/campaigns"
DRAFT = {
    "name": "Summer in the city",
    "objective": "awareness",
    "mode": "open",
    "brief": {"do": ["Show the bag in daylight"], "hashtags": ["#summer", "#city"], "disclosureLabel": "#ad"},
    "budget": {"amount": 500_000, "currency": "EUR"},
    "schedule": {"startsAt": "2027-06-01T00:00:00Z", "endsAt": "2027-06-30T00:00:00Z"},
    "deliverables": [{"platform": "tiktok", "format": "video"}],
}


class Gateway:
    """Our side: HTTP through the gateway, on connections that are opened before each round."""

    def __init__(self, port: int, token: str, callers: int) -> None:
        self._port, self._callers = port, callers
        self._headers = {"Authorization": f"Bearer {token}"}

    async def ask(self, verb: str, path: str, body: Any) -> Any:
        """The answer's JSON."""
        async with connections(HOST, self._port, 1) as opened:
            return orjson.loads(await _ask(opened, self._request(verb, path, orjson.dumps(body))))

    async def get(self, path: str) -> float:
        return await self._saturate([self._request("GET", path)] * GETS[self._callers])

    async def post(self) -> float:
        body = orjson.dumps(DRAFT)
        return await self._saturate([self._request("POST", CAMPAIGNS, body) for _ in range(POSTS[self._callers])])

    async def _saturate(self, requests: list[bytes]) -> float:
        async with connections(HOST, self._port, self._callers) as opened:
            return await saturate(self._callers, requests, partial(_ask, opened))

    def _request(self, verb: str, path: str, body: bytes = b"") -> bytes:
        key = {"Idempotency-Key": str(uuid.uuid4())} if verb == "POST" else {}
        return request(verb, path, {**self._headers, **key}, body)


async def _ask(free: list[Connection], wire: bytes) -> bytes:
    """Anything but 200 is an error of the bench."""
    connection = free.pop()
    answer = await connection.ask(wire)
    free.append(connection)
    if answer.status != 200:
        raise RuntimeError(f"the gateway answered {answer.status}: {answer.body.decode()}")
    return answer.body


class Bare:
    """The limit: a grpc.aio client with messages made beforehand."""

    def __init__(self, channel: grpc.aio.Channel, token: str, callers: int) -> None:
        self._channel, self._token, self._callers = channel, token, callers

    async def get(self, campaign_id: str) -> float:
        method = _method("GetCampaign")
        message = method.request_class(campaign_id=campaign_id)
        return await self._saturate(method, message, GETS[self._callers], ())

    async def post(self) -> float:
        method = _method("DraftCampaign")
        return await self._saturate(method, from_json(method.request_class, DRAFT), POSTS[self._callers], ("idempotency-key",))

    async def _saturate(self, method: descriptors.Method, message: Any, calls: int, unique: tuple[str, ...]) -> float:
        call = self._channel.unary_unary(
            method.path,
            request_serializer=method.request_class.SerializeToString,
            response_deserializer=method.reply_class.FromString,
        )
        authorization = ("authorization", f"Bearer {self._token}")
        metadata = [(authorization, *((name, str(uuid.uuid4())) for name in unique)) for _ in range(calls)]

        async def ask(mine: tuple[tuple[str, str], ...]) -> None:
            await call(message, metadata=mine, timeout=10)

        return await saturate(self._callers, metadata, ask)


@asynccontextmanager
async def prepare(world: World, verb: str, callers: int) -> AsyncIterator[Contest]:
    async with (
        deployed(world) as ours,
        grpc.aio.insecure_channel(f"{HOST}:{ours.grpc}") as channel,
    ):
        token = _token(ours)
        gateway, bare = Gateway(ours.http, token, callers), Bare(channel, token, callers)
        await gateway.ask("POST", "/v1/brands", {"name": "Ada's Bags", "website": "https://bags.example"})
        campaign_id = (await gateway.ask("POST", CAMPAIGNS, DRAFT))["campaignId"]
        if verb == "get":
            yield Contest(partial(gateway.get, f"{CAMPAIGNS}/{campaign_id}"), partial(bare.get, campaign_id))
        else:
            yield Contest(gateway.post, bare.post)


def _token(ours: Deployed) -> str:
    brand = compose("brd", SINCE, uuid.uuid4().int)
    return ours.issuer.mint("bench", Role.BRAND, brand)


def _method(name: str) -> descriptors.Method:
    return descriptors.load().services[SERVICE].methods[name]


def _row(verb: str, connections_: int, target: float) -> Row:
    return Row(
        name=f"gateway-{verb}-{connections_}",
        work=f"a {verb.upper()} through the gateway on {connections_} connection{'s'[: connections_ - 1]}",
        limit="the same unary call by a bare `grpc.aio` client",
        unit="requests/s",
        target=target,
        prepare=partial(prepare, verb=verb, callers=connections_),
    )


ROWS = tuple(_row(verb, count, target) for verb in ("get", "post") for count, target in ((32, 0.80), (1, 0.65)))
