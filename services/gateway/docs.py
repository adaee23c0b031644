"""Pages about the gateway itself: where things are, whether it is well, the API described, Swagger UI from local files."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson

from libs.events.decider import Refusal
from services.gateway.edge import Exchange
from services.gateway.problems import method_not_allowed

ASSETS = {
    "swagger-ui.css": "text/css; charset=utf-8",
    "index.css": "text/css; charset=utf-8",
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "favicon-32x32.png": "image/png",
}
"""Swagger UI's files that the page needs, of the many that the package brings."""

HTML, JAVASCRIPT, JSON = "text/html; charset=utf-8", "text/javascript; charset=utf-8", "application/json"
POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"
GUARD = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)

DOCS = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Limelight API</title>
  <link rel="icon" href="/docs/favicon-32x32.png">
  <link rel="stylesheet" href="/docs/swagger-ui.css">
  <link rel="stylesheet" href="/docs/index.css">
</head>
<body>
  <div id="swagger-ui"></div>
  <script src="/docs/swagger-ui-bundle.js"></script>
  <script src="/docs/start.js"></script>
</body>
</html>
"""
START = """SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  presets: [SwaggerUIBundle.presets.apis],
  validatorUrl: null,
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayOperationId: false,
  displayRequestDuration: true,
  filter: true,
  persistAuthorization: true,
  tryItOutEnabled: true,
});
"""


@dataclass(frozen=True, slots=True)
class Page:
    status: int
    media: str
    body: bytes
    cached: bool = False


Show = Callable[[], Awaitable[Page]]


class Pages:
    """By exact path; GET and HEAD only."""

    def __init__(
        self,
        openapi: Callable[[], dict[str, Any]],
        missing: Callable[[], Awaitable[list[str]]],
        closing: Callable[[], bool],
        exposition: Callable[[], tuple[bytes, str]] | None,
        not_found: Callable[[], Refusal],
    ) -> None:
        """`openapi`: made when it is first asked for."""
        self._describe, self._missing, self._closing = openapi, missing, closing
        self._exposition, self._not_found = exposition, not_found
        self._pages: Mapping[str, Show] = {
            "/": self._landing,
            "/openapi.json": self._description,
            "/docs": self._docs,
            "/docs/": self._docs,
            "/docs/start.js": self._start,
            "/healthz": self._healthz,
            "/readyz": self._readyz,
            "/livez": self._livez,
            "/metrics": self._metrics,
            **{f"/docs/{name}": _asset_page(name) for name in ASSETS},
        }

    async def show(self, exchange: Exchange) -> None:
        """Raises `Refusal` for what is not there."""
        show = self._pages.get(exchange.scope["path"])
        if show is None:
            raise self._not_found()
        if exchange.method not in ("GET", "HEAD"):
            raise method_not_allowed(["GET", "HEAD"])
        page = await show()
        caching = b"public, max-age=3600" if page.cached else b"no-store"
        await exchange.respond(
            page.status, [(b"content-type", page.media.encode()), (b"cache-control", caching), *GUARD], page.body
        )

    async def _landing(self) -> Page:
        links = {"docs": "/docs", "openapi": "/openapi.json", "health": "/healthz", "metrics": "/metrics"}
        return _json({"name": "Limelight", "version": self._openapi["info"]["version"], "links": links})

    async def _description(self) -> Page:
        return _json(self._openapi)

    @cached_property
    def _openapi(self) -> dict[str, Any]:
        return self._describe()

    async def _docs(self) -> Page:
        return Page(200, HTML, DOCS.encode())

    async def _start(self) -> Page:
        return Page(200, JAVASCRIPT, START.encode())

    async def _healthz(self) -> Page:
        """Whether all that a call may need is ready."""
        missing = sorted(await self._missing())
        return _json({"status": "not ready" if missing else "ok", "missing": missing}, 503 if missing else 200)

    async def _readyz(self) -> Page:
        """Whether this process takes calls; an upstream that is down concerns its own routes only."""
        reasons = ["stopping"] if self._closing() else []
        return _json({"status": "not ready" if reasons else "ready", "reasons": reasons}, 503 if reasons else 200)

    async def _livez(self) -> Page:
        return _json({"status": "ok"})

    async def _metrics(self) -> Page:
        if self._exposition is None:
            raise self._not_found()
        body, media = self._exposition()
        return Page(200, media, body)


def _json(body: dict[str, Any], status: int = 200) -> Page:
    return Page(status, JSON, orjson.dumps(body))


def _asset_page(name: str) -> Show:
    async def show() -> Page:
        return Page(200, ASSETS[name], _asset(name), cached=True)

    return show


@cache
def _asset(name: str) -> bytes:
    """A file of the package `swagger-ui-py`, which is used for its files alone."""
    package = find_spec("swagger_ui")
    if package is None or package.origin is None:
        raise FileNotFoundError("the package swagger-ui-py is not installed")
    return (Path(package.origin).parent / "static" / name).read_bytes()
