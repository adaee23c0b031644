"""Refusals as RFC 9457 problems."""

from __future__ import annotations

from typing import Any

import orjson

from libs.chassis.errors import http_status
from libs.events.decider import Kind, Refusal

MEDIA_TYPE = b"application/problem+json"
RETRY_AFTER = 1
"""Seconds that a caller is told to wait where the refusal says nothing of it."""

EDGE_STATUS = {
    "METHOD_NOT_ALLOWED": 405,
    "BODY_TOO_LARGE": 413,
    "URL_TOO_LONG": 414,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "HEADERS_TOO_LARGE": 431,
}
"""What only HTTP has a word for."""

TITLES = {
    400: "The request is not valid",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Not possible now",
    412: "Changed in the meantime",
    413: "The body is too large",
    414: "The URL is too long",
    415: "The body must be JSON",
    429: "Too many requests",
    431: "The headers are too large",
    500: "Something failed here",
    501: "Not implemented",
    503: "Not available now",
    504: "Too late",
}
"""Titles do not vary between occurrences; `detail` does."""

TOLD_APART = frozenset({"legal", "violations", "retry_after"})
"""Details that have a place of their own in a problem."""


def status_of(refusal: Refusal) -> int:
    return EDGE_STATUS.get(refusal.code) or http_status(refusal)


def problem(refusal: Refusal, instance: str, trace_id: str) -> dict[str, Any]:
    """The problem's members: of RFC 9457; `code`, which is stable; `errors` per field; `legal` commands where others would be
    accepted; `details`, the refusal's variables; `traceId`, for whoever is asked about it."""
    status = status_of(refusal)
    body: dict[str, Any] = {
        "type": f"urn:limelight:problem:{refusal.code}",
        "title": TITLES.get(status, "Refused"),
        "status": status,
        "detail": refusal.message,
        "instance": instance,
        "code": refusal.code,
        "errors": _errors(refusal),
    }
    if "legal" in refusal.details:
        body["legal"] = refusal.details["legal"]
    details = {name: value for name, value in refusal.details.items() if name not in TOLD_APART}
    if details:
        body["details"] = details
    return body | {"traceId": trace_id}


def encoded(body: dict[str, Any]) -> bytes:
    return orjson.dumps(body, default=str)


def headers(refusal: Refusal) -> list[tuple[bytes, bytes]]:
    """What the status calls for besides the body."""
    added = [(b"content-type", MEDIA_TYPE), (b"cache-control", b"no-store")]
    if refusal.kind is Kind.UNAUTHENTICATED:
        added.append((b"www-authenticate", b"Bearer"))
    if refusal.kind in (Kind.RESOURCE_EXHAUSTED, Kind.UNAVAILABLE):
        added.append((b"retry-after", str(refusal.details.get("retry_after", RETRY_AFTER)).encode()))
    if "allow" in refusal.details:
        added.append((b"allow", ", ".join(refusal.details["allow"]).encode()))
    return added


def _errors(refusal: Refusal) -> list[dict[str, str]]:
    violations = refusal.details.get("violations")
    if violations:
        return [{"field": v["field"], "code": refusal.code, "message": v["message"]} for v in violations]
    if refusal.field:
        return [{"field": refusal.field, "code": refusal.code, "message": refusal.message}]
    return []


def method_not_allowed(allowed: list[str]) -> Refusal:
    return Refusal("METHOD_NOT_ALLOWED", f"this address answers {', '.join(allowed)}", kind=Kind.UNIMPLEMENTED, allow=allowed)


def route_not_found() -> Refusal:
    return Refusal("ROUTE_NOT_FOUND", "there is nothing at this address; /docs lists what there is", kind=Kind.NOT_FOUND)


def overloaded() -> Refusal:
    return Refusal("OVERLOADED", "too many requests are in hand: try again", kind=Kind.UNAVAILABLE)


def too_large(code: str, what: str, most: int) -> Refusal:
    return Refusal(code, f"{what} may have at most {most} bytes", kind=Kind.INVALID_ARGUMENT, most=most)
