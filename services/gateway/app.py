"""The gateway as an ASGI app."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from libs.chassis import descriptors
from libs.chassis.auth import Verifier
from libs.chassis.system import SystemClock, SystemIds
from libs.chassis.upstream import Upstream
from libs.events.ids import Ids
from libs.events.ports import Clock
from services.gateway import problems
from services.gateway.docs import Pages
from services.gateway.edge import Edge, Exchange
from services.gateway.metering import Meter
from services.gateway.openapi import document
from services.gateway.settings import Settings
from services.gateway.sse import Receive, Send
from services.gateway.transcoding import routes

Missing = Callable[[], Awaitable[list[str]]]
"""Names of the upstreams that are not ready."""
Exposition = Callable[[], tuple[bytes, str]]
"""Body and content type of `/metrics`."""


async def _none_missing() -> list[str]:
    return []


class Gateway:
    """Routed calls go through the edge; the rest are a few pages about the gateway itself."""

    def __init__(self, edge: Edge, pages: Pages) -> None:
        self._edge, self._pages = edge, pages

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await _lifespan(receive, send)
        if scope["type"] != "http":
            return await send({"type": "websocket.close", "code": 1000})
        if await self._edge.handle(scope, receive, send):
            return None
        exchange = Exchange(scope, receive, send)
        try:
            return await self._pages.show(exchange)
        except Exception as error:
            return await self._edge.refuse(exchange, error)

    def close(self) -> None:
        """Ends event streams and turns `/readyz` to 503, so that the server can end what is in hand."""
        self._edge.closing.set()


def create_app(
    upstreams: Mapping[str, Upstream],
    settings: Settings,
    verifier: Verifier,
    *,
    protos: descriptors.Protos | None = None,
    missing: Missing = _none_missing,
    exposition: Exposition | None = None,
    clock: Clock | None = None,
    ids: Ids | None = None,
) -> Gateway:
    """`upstreams`: by service (`campaigns`); routes of services that have none are left out. `missing`, `exposition`: what
    `/healthz` and `/metrics` ask. `protos`, `clock`, `ids`: in the place of the loaded and the real ones."""
    known = protos or descriptors.load()
    served = descriptors.Protos({n: s for n, s in known.services.items() if s.owner in upstreams}, known.comments)
    edge = Edge(upstreams, routes(served), settings, verifier, ids or SystemIds(), Meter(clock or SystemClock()))
    pages = Pages(partial(document, served), missing, edge.closing.is_set, exposition, problems.route_not_found)
    return Gateway(edge, pages)


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        kind = (await receive())["type"].removeprefix("lifespan.")
        await send({"type": f"lifespan.{kind}.complete"})
        if kind == "shutdown":
            return
