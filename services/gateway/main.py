"""`python -m services.gateway.main`: the composition root."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack

import structlog

from libs.chassis import descriptors
from libs.chassis.auth import Verifier, keys_at
from libs.chassis.client import GrpcUpstream
from libs.chassis.http_server import HttpServer
from libs.chassis.process import Running, live
from libs.chassis.system import SystemClock
from services.gateway.app import create_app
from services.gateway.settings import Settings

PROBE = 1.0
"""Seconds that an upstream has to say that it is ready."""
DRAIN = 3.0
"""Seconds between not-ready and the last connection taken: load balancers must have seen it. Production only."""
GRACE = 10
"""Seconds that requests in hand are given at the end."""

log = structlog.get_logger(__name__)


async def serve(settings: Settings, running: Running) -> None:
    """Answers HTTP until the process is to stop."""
    clock = SystemClock()
    verifier = Verifier(settings.oidc_issuer, settings.oidc_audience, keys_at(settings.oidc_jwks, clock), clock)
    async with AsyncExitStack() as parts:
        upstreams: dict[str, GrpcUpstream] = {}
        for name, address in settings.addresses().items():
            upstreams[name] = GrpcUpstream(address, descriptors.load().of(name), timeout=settings.deadline)
            parts.push_async_callback(upstreams[name].close)
        app = create_app(
            upstreams, settings, verifier, missing=lambda: not_ready(upstreams), exposition=running.telemetry.exposition
        )
        server = HttpServer(app, settings.http_host, settings.http_port, grace=GRACE)
        try:
            await server.start()
        except OSError as error:
            raise OSError(
                f"cannot listen on port {settings.http_port}: is it taken? HTTP_PORT sets another ({error})"
            ) from error
        parts.push_async_callback(server.stop)
        if server.task:
            running.own(server.task)
        log.info("up", port=server.port)
        await running.stopping.wait()
        app.close()
        if settings.production:
            await clock.sleep(DRAIN)


async def not_ready(upstreams: Mapping[str, GrpcUpstream]) -> list[str]:
    """The upstreams that do not say within a second that they are ready."""
    answers = await asyncio.gather(*(upstream.healthy(PROBE) for upstream in upstreams.values()))
    return [name for name, ready in zip(upstreams, answers, strict=True) if not ready]


if __name__ == "__main__":
    sys.exit(live(Settings, "gateway", serve))
