"""What the platform asks a process: is it alive, is it ready, what does it count."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from libs.chassis.telemetry import Telemetry

Readiness = Callable[[], Awaitable[list[str]]]
"""Why the process is not ready; empty: it is."""


def ops_app(readiness: Readiness, telemetry: Telemetry) -> Starlette:
    """`/healthz` (the process answers), `/readyz` (503 with the reasons), `/metrics` (Prometheus)."""

    async def healthz(request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(request: Request) -> Response:
        reasons = await readiness()
        return JSONResponse({"status": "not ready" if reasons else "ready", "reasons": reasons}, 503 if reasons else 200)

    async def metrics(request: Request) -> Response:
        body, content_type = telemetry.exposition()
        return Response(body, media_type=content_type)

    return Starlette(routes=[Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)])
