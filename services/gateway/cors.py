"""Which other origins' pages may call, and what they may read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

EXPOSED = b"ETag, Limelight-Position, Retry-After, WWW-Authenticate"
ACCEPTED = b"Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, traceparent"
PREFLIGHT_AGE = b"600"
"""Seconds that a browser may remember a preflight's answer."""


class Cors:
    """Answers only origins of the list; tokens travel in a header, so no credentials are allowed for."""

    def __init__(self, origins: Sequence[str]) -> None:
        self._origins = frozenset(origin.encode() for origin in origins)

    def add(self, request: Mapping[bytes, bytes], headers: list[tuple[bytes, bytes]]) -> None:
        """What an answer says to the browser of an allowed origin."""
        if not self._origins:
            return
        headers.append((b"vary", b"Origin"))
        origin = request.get(b"origin")
        if origin in self._origins and origin is not None:
            headers += [(b"access-control-allow-origin", origin), (b"access-control-expose-headers", EXPOSED)]

    def preflight(self, request: Mapping[bytes, bytes], allowed: Sequence[str]) -> list[tuple[bytes, bytes]]:
        methods = ", ".join(allowed).encode()
        headers = [(b"allow", methods)]
        if self._origins:
            headers.append((b"vary", b"Origin"))
        origin = request.get(b"origin")
        if origin is not None and origin in self._origins:
            headers += [
                (b"access-control-allow-origin", origin),
                (b"access-control-allow-methods", methods),
                (b"access-control-allow-headers", ACCEPTED),
                (b"access-control-max-age", PREFLIGHT_AGE),
            ]
        return headers
