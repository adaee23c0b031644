"""Processes of ours, as they are deployed: the campaigns service answering rpcs, and the gateway before it."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bench.harness import Skipped
from bench.world import World
from deploy.local.embedded import HOST, NotReady, free_port, wait_ready_async
from libs.chassis.issuer import DevelopmentIssuer

GRACE = 15.0
"""Seconds from SIGTERM to SIGKILL."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """Ports of the service's gRPC and of the gateway's HTTP, and who signs their tokens."""

    grpc: int
    http: int
    issuer: DevelopmentIssuer


@asynccontextmanager
async def deployed(world: World) -> AsyncIterator[Deployed]:
    """Raises `Skipped` with the end of its log when a process does not start."""
    issuer = DevelopmentIssuer(world.data / "issuer")
    grpc, ops, http = free_port(), free_port(), free_port()
    common = {"OIDC_JWKS": str(issuer.jwks), "LOG_LEVEL": "WARNING"}
    service = {
        "MONGO_URL": await world.mongo(),
        "KAFKA_BOOTSTRAP_SERVERS": await world.kafka(),
        "GRPC_PORT": str(grpc),
        "OPS_PORT": str(ops),
    }
    gateway = {"HTTP_PORT": str(http), "CAMPAIGNS_ADDRESS": f"{HOST}:{grpc}"}
    async with AsyncExitStack() as stack:
        for module, role, settings, port in (
            ("services.campaigns.main", ("api",), service, grpc),
            ("services.gateway.main", (), gateway, http),
        ):
            log = world.data / f"{module}.log"
            await stack.enter_async_context(_running(log, module, *role, **common, **settings))
            try:
                await wait_ready_async(port)
            except NotReady as failed:
                raise Skipped(f"{module}: {failed}; {log.read_text()[-500:]}") from failed
        yield Deployed(grpc, http, issuer)


@asynccontextmanager
async def _running(log: Path, module: str, *arguments: str, **settings: str) -> AsyncIterator[None]:
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", module, *arguments), env={**os.environ, **settings}, stdout=output, stderr=output
        )
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), GRACE)
        except TimeoutError:
            process.kill()
            await process.wait()
