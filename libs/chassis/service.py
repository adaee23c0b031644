"""A service: its table of contents made to answer, and the work that it does on its own."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence

from google.protobuf.message import Message

from libs.chassis import descriptors, table
from libs.chassis.auth import Verifier, keys_at
from libs.chassis.endpoints import (
    Answering,
    BatchEndpoint,
    Call,
    CommandEndpoint,
    GetEndpoint,
    QueryEndpoint,
    Room,
    WatchEndpoint,
    WebhookEndpoint,
)
from libs.chassis.errors import api_path, refusal_of
from libs.chassis.rpcs import Aggregate, BatchRpc, CommandRpc, GetRpc, QueryRpc, Reads, Rpc, WatchRpc, WebhookRpc
from libs.chassis.settings import ServiceSettings
from libs.chassis.telemetry import traceparent
from libs.chassis.upstream import AUTHORIZATION, IDEMPOTENCY_KEY, IF_MATCH, TRACEPARENT, Reply
from libs.chassis.workers import Workers
from libs.events.commands import CommandTable
from libs.events.decider import Actor, Kind, Refusal, Role
from libs.events.follower import Follower, Kept
from libs.events.handler import CommandHandler
from libs.events.ports import Ports
from libs.events.projection import Projection
from libs.events.reactions import Reaction
from libs.events.registry import Registry, registry
from libs.events.views import LiveViews

ANONYMOUS = Actor("anonymous", Role.CREATOR)
"""Who calls a public rpc without a token: someone to whom nothing belongs."""

KEY = re.compile(r"[\x20-\x7e]{1,255}")
VERSION = re.compile(r"[0-9]{1,15}")


class Service:
    """Answers `call` and `stream` (an `Upstream`), and runs its workers between `start` and `stop`. It has no network of its
    own: libs/chassis/server.py puts it on a port, a simulation calls it as it is."""

    def __init__(
        self,
        name: str,
        *,
        rpcs: Mapping[str, Rpc],
        aggregates: Sequence[Aggregate],
        reactions: Sequence[Reaction] = (),
        projections: Sequence[Projection] = (),
        kept: Sequence[Kept] = (),
        settings: ServiceSettings,
        ports: Ports,
        verifier: Verifier | None = None,
        protos: descriptors.Protos | None = None,
        known: Registry = registry,
    ) -> None:
        """Raises `TableError` where `rpcs` and the protos do not fit. `verifier`, `protos`, `known` stand in for the settings'
        issuer, the loaded protos and the process's events. `kept`: read models that each process which answers keeps for
        itself."""
        self.name, self.settings, self.ports = name, settings, ports
        self.protos = (protos or descriptors.load()).of(name)
        self._verifier = verifier or Verifier(
            settings.oidc_issuer, settings.oidc_audience, keys_at(settings.oidc_jwks, ports.clock), ports.clock
        )
        handler = CommandHandler(ports.log, ports.clock, known=known)
        followers = [Follower(name, one, ports.log, ports.clock, ports.ids, known=known) for one in kept]
        self.workers = Workers(name, ports, handler, aggregates, reactions, projections, known, followers, settings.instance)
        self.views = LiveViews(ports.documents, projections, ports.clock, followers)
        room = Room(name, ports, handler, self._reads, self.views.wait_for, self.views.check_filled)
        methods = {method.name: method for service in self.protos for method in service.methods.values()}
        table.check(methods, rpcs, aggregates, [*(one.name for one in projections), *(one.name for one in kept)])
        self._methods = {method.path: method for method in methods.values()}
        self._answering: dict[str, Answering] = {}
        self._watching: dict[str, WatchEndpoint] = {}
        for rpc_name, rpc in rpcs.items():
            method = methods[rpc_name]
            if isinstance(rpc, WatchRpc):
                self._watching[method.path] = WatchEndpoint(room, method, rpc)
            else:
                self._answering[method.path] = _endpoint(room, method, rpc, aggregates)

    async def call(self, method: str, request: Message, metadata: Mapping[str, str]) -> Reply:
        """Answers a unary rpc. Raises `Refusal` for whatever goes wrong."""
        try:
            answer = self._answering.get(method)
            if answer is None:
                raise _unknown(method)
            return await answer(await self._admitted(method, request, metadata))
        except Refusal as refusal:
            raise _outward(refusal) from refusal.__cause__
        except Exception as error:
            raise _outward(refusal_of(error)) from error

    async def stream(self, method: str, request: Message, metadata: Mapping[str, str]) -> AsyncIterator[Message]:
        """Answers a server-streaming rpc. Raises `Refusal` for whatever goes wrong."""
        try:
            watch = self._watching.get(method)
            if watch is None:
                raise _unknown(method)
            async for message in watch(await self._admitted(method, request, metadata)):
                yield message
        except Refusal as refusal:
            raise _outward(refusal) from refusal.__cause__
        except Exception as error:
            raise _outward(refusal_of(error)) from error

    async def start(self, role: str = "all") -> None:
        """Starts what the role does by itself: `api` nothing; `worker` projections, reactions, deadlines; `relay` the relay."""
        await self.workers.start(role)

    async def stop(self) -> None:
        """Ends it, each part with the work in its hand."""
        await self.workers.stop()

    async def readiness(self) -> list[str]:
        """Why it is not ready; empty: it is."""
        return await self.workers.readiness()

    def _reads(self, actor: Actor) -> Reads:
        return Reads(actor, self.views, self.ports.log, self.ports.clock)

    async def _admitted(self, path: str, request: Message, metadata: Mapping[str, str]) -> Call:
        """The call of someone who may make it. Default: nobody may."""
        method, authorization = self._methods[path], metadata.get(AUTHORIZATION)
        if method.public and not authorization:
            actor = ANONYMOUS
        else:
            actor = await self._verifier.authorize(authorization)
            if not method.public and actor.role not in method.roles:
                may = sorted(role.value for role in method.roles)
                raise Refusal(
                    "ROLE_NOT_ALLOWED",
                    f"{method.name} is for {', '.join(may) or 'nobody'}",
                    kind=Kind.PERMISSION_DENIED,
                    roles=may,
                )
        return Call(request, actor, _key(metadata), _version(metadata), traceparent() or metadata.get(TRACEPARENT))


def _endpoint(room: Room, method: descriptors.Method, rpc: Rpc, aggregates: Sequence[Aggregate]) -> Answering:
    match rpc:
        case CommandRpc():
            return CommandEndpoint(room, method, rpc, table.aggregate_of(rpc.command, aggregates))
        case BatchRpc():
            return BatchEndpoint(room, method, rpc, table.aggregate_of(rpc.command, aggregates))
        case GetRpc():
            return GetEndpoint(room, method, table.shown(rpc.decider, aggregates))
        case QueryRpc():
            return QueryEndpoint(room, method, rpc)
        case WebhookRpc():
            return WebhookEndpoint(room, method, rpc, CommandTable(one.decider for one in aggregates))
        case _:
            raise table.TableError(f"{method.name}: not a unary rpc")


def _unknown(method: str) -> Refusal:
    return Refusal("UNIMPLEMENTED", f"no such rpc: {method}", kind=Kind.UNIMPLEMENTED)


def _outward(refusal: Refusal) -> Refusal:
    """Field paths in the names of the API."""
    if refusal.field:
        refusal.field = api_path(refusal.field)
    return refusal


def _key(metadata: Mapping[str, str]) -> str | None:
    key = metadata.get(IDEMPOTENCY_KEY)
    if key is not None and not KEY.fullmatch(key):
        raise _invalid(
            "IDEMPOTENCY_KEY_INVALID", "an idempotency key is 1 to 255 printable ASCII characters", "Idempotency-Key"
        )
    return key


def _version(metadata: Mapping[str, str]) -> int | None:
    given = metadata.get(IF_MATCH)
    if given is not None and not VERSION.fullmatch(given):
        raise _invalid("IF_MATCH_INVALID", "If-Match is the version of an ETag", "If-Match")
    return None if given is None else int(given)


def _invalid(code: str, message: str, field: str) -> Refusal:
    return Refusal(code, message, kind=Kind.INVALID_ARGUMENT, field=field)
