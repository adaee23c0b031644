"""`python -m services.<name>.main [api|worker|relay|all]`: a service in its ports, started and stopped in order."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from typing import NoReturn, TypeVar

import structlog

from libs.chassis.health import ops_app
from libs.chassis.http_server import HttpServer
from libs.chassis.mongo import MongoClient
from libs.chassis.process import MISCONFIGURED, Running, live
from libs.chassis.server import GrpcServer
from libs.chassis.service import Service
from libs.chassis.settings import ServiceSettings
from libs.chassis.system import SystemClock, SystemIds
from libs.chassis.workers import ROLES
from libs.events.bus import KafkaBus
from libs.events.documents import MongoDocuments
from libs.events.envelope import topic
from libs.events.ports import Ports, Unavailable
from libs.events.store import MongoCommitLog
from libs.events.subscription import SubscriptionSettings

S = TypeVar("S", bound=ServiceSettings)
Build = Callable[[S, Ports], Service]

GRPC_GRACE = 8.0
"""Seconds that calls in hand are given at the end."""
DRAIN = 3.0
"""Seconds between not-ready and the last call taken: load balancers must have seen it. Production only."""
BETWEEN_PROBES, BETWEEN_TRIES, BETWEEN_COMPLAINTS = 1.0, 0.25, 5.0

log = structlog.get_logger(__name__)


def run(build: Build[S], settings: type[S], arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs the service until a signal; exits with 0, 1 (something broke) or 78 (the settings are wrong)."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    role = given[0] if given else "all"
    if len(given) > 1 or role not in ROLES:
        print(f"usage: python -m services.{settings.service()}.main [{'|'.join(ROLES)}]", file=sys.stderr)  # noqa: T201
        sys.exit(MISCONFIGURED)

    async def main(settings: S, running: Running) -> None:
        await _serve(build, settings, role, running)

    sys.exit(live(settings, settings.service(), main))


async def _serve(build: Build[S], settings: S, role: str, running: Running) -> None:
    state = _State()
    async with AsyncExitStack() as parts:
        ops = HttpServer(ops_app(state.readiness, running.telemetry), settings.listen_host, settings.operations_port, grace=2)
        await _listening("OPS_PORT", settings.operations_port, ops.start())
        parts.push_async_callback(ops.stop)
        if ops.task:
            running.own(ops.task)
        service = build(settings, await _ports(settings, running, parts))
        state.service = service
        server = await _answering(service, settings) if role in ("api", "all") else None
        parts.push_async_callback(_stop, service, server)
        await running.unless_stopping(service.start(role))
        running.own(asyncio.create_task(service.workers.crash(), name="workers"))
        log.info("up", role=role, port=settings.grpc_port if server else settings.operations_port)
        await _watch(state, server, running)
        state.service = None
        if server:
            await server.ready(False)
            if settings.production:
                await asyncio.sleep(DRAIN)


async def _answering(service: Service, settings: ServiceSettings) -> GrpcServer:
    try:
        server = GrpcServer(
            service, service.protos, host=settings.listen_host, port=settings.grpc_port, reflect=not settings.production
        )
    except OSError as error:
        raise _taken("GRPC_PORT", settings.grpc_port) from error
    await server.start()
    return server


async def _stop(service: Service, server: GrpcServer | None) -> None:
    """Side by side: calls and batches in hand are given the same seconds."""
    await asyncio.gather(service.stop(), *([server.stop(GRPC_GRACE)] if server else []))


async def _ports(settings: ServiceSettings, running: Running, parts: AsyncExitStack) -> Ports:
    """The real ports, once database and broker answer."""
    clock, ids = SystemClock(), SystemIds()
    client = MongoClient(settings.mongo_url, application=f"limelight-{settings.service()}")
    parts.callback(client.close)
    database = client.database(f"limelight_{settings.service()}")
    bus = KafkaBus(
        settings.kafka_bootstrap_servers,
        clock,
        ids,
        replication=settings.kafka_replication,
        subscriptions=SubscriptionSettings(instance=settings.instance or None),
    )
    await _until("MongoDB", client.ping, running)
    await _until("Kafka", lambda: bus.ensure(topic(settings.service())), running)
    parts.push_async_callback(bus.stop)
    return Ports(MongoCommitLog(database, clock, ids), MongoDocuments(database, ids), bus, clock, ids)


async def _until(what: str, answers: Callable[[], Awaitable[None]], running: Running) -> None:
    """Tries until it answers; says every few seconds that it does not."""
    complained = 0.0
    while True:
        try:
            return await answers()
        except Unavailable:
            now = asyncio.get_running_loop().time()
            if now - complained > BETWEEN_COMPLAINTS:
                complained = now
                log.warning(f"waiting for {what}")
            await running.pause(BETWEEN_TRIES)


async def _listening(variable: str, port: int, start: Awaitable[None]) -> None:
    try:
        await start
    except OSError as error:
        raise _taken(variable, port) from error


def _taken(variable: str, port: int) -> OSError:
    return OSError(f"port {port} cannot be had (is something else listening there?): set {variable} to a free one")


async def _watch(state: _State, server: GrpcServer | None, running: Running) -> None:
    """Keeps the health service telling the truth until the process is to stop."""
    known: list[str] | None = None
    while not running.stopping.is_set():
        reasons = await state.readiness()
        if reasons != known:
            known = reasons
            log.warning("not ready", reasons=reasons) if reasons else log.info("ready")
            if server:
                await server.ready(not reasons)
        try:
            async with asyncio.timeout(BETWEEN_PROBES):
                await running.stopping.wait()
        except TimeoutError:
            continue


class _State:
    """What readiness is asked of, at each stage."""

    service: Service | None = None

    async def readiness(self) -> list[str]:
        return await self.service.readiness() if self.service else ["starting or stopping"]
