"""The one place that maps a `Refusal` to gRPC, to `google.rpc.Status` and to HTTP, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import grpc
import orjson
from google.protobuf.json_format import ParseError
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status
from pydantic import ValidationError

from libs.events.decider import Kind, Refusal
from libs.events.failures import is_starved
from libs.events.ports import ConcurrencyError, Unavailable

DOMAIN = "limelight"
STATUS_DETAILS = "grpc-status-details-bin"
MOST_VIOLATIONS, LONGEST_VIOLATION, LONGEST_TEXT = 20, 150, 500
"""A refusal travels in trailing metadata, of which stock peers accept 8 KiB, in base 64. Longer details stay behind."""

HTTP_STATUS = {
    Kind.INVALID_ARGUMENT: 400,
    Kind.UNAUTHENTICATED: 401,
    Kind.PERMISSION_DENIED: 403,
    Kind.NOT_FOUND: 404,
    Kind.FAILED_PRECONDITION: 409,
    Kind.ALREADY_EXISTS: 409,
    Kind.ABORTED: 409,
    Kind.RESOURCE_EXHAUSTED: 429,
    Kind.UNIMPLEMENTED: 501,
    Kind.UNAVAILABLE: 503,
    Kind.DEADLINE_EXCEEDED: 504,
    Kind.INTERNAL: 500,
}


def http_status(refusal: Refusal) -> int:
    """A stale `If-Match` is the one ABORTED that HTTP has a word of its own for."""
    return 412 if refusal.code == "VERSION_MISMATCH" else HTTP_STATUS[refusal.kind]


def grpc_code(kind: Kind) -> grpc.StatusCode:
    return grpc.StatusCode[kind.value]


def kind_of(code: grpc.StatusCode) -> Kind:
    """A call that its server cancelled was cut off by the server's end: it is unavailable, and to be sent again. A peer's other
    codes that are no `Kind` (UNKNOWN, …) are INTERNAL here."""
    if code is grpc.StatusCode.CANCELLED:
        return Kind.UNAVAILABLE
    return Kind[code.name] if code.name in Kind.__members__ else Kind.INTERNAL


def to_status(refusal: Refusal) -> Status:
    """`google.rpc.Status` with `ErrorInfo` (reason = code, metadata = details) and `BadRequest` (field, violations)."""
    details = dict(refusal.details)
    violations: Sequence[dict[str, str]] = details.pop("violations", ())
    status = Status(code=grpc_code(refusal.kind).value[0], message=refusal.message[:LONGEST_TEXT])
    told = {name: text for name, value in details.items() if len(text := _text(value)) <= LONGEST_TEXT}
    status.details.add().Pack(ErrorInfo(reason=refusal.code, domain=DOMAIN, metadata=told))
    if violations or refusal.field is not None:
        listed = violations or ({"field": refusal.field or "", "message": status.message},)
        bad = BadRequest(
            field_violations=[
                BadRequest.FieldViolation(field=v["field"], description=v["message"][:LONGEST_VIOLATION])
                for v in listed[:MOST_VIOLATIONS]
            ]
        )
        status.details.add().Pack(bad)
    return status


def from_status(status: Status, kind: Kind) -> Refusal:
    """The refusal that `to_status` was given; a foreign status becomes one with the kind's name as its code."""
    code, field = kind.value, None
    details: dict[str, Any] = {}
    for packed in status.details:
        if packed.Is(ErrorInfo.DESCRIPTOR):
            info = ErrorInfo()
            packed.Unpack(info)
            code = info.reason
            details |= {name: _value(text) for name, text in sorted(info.metadata.items())}
        elif packed.Is(BadRequest.DESCRIPTOR):
            bad = BadRequest()
            packed.Unpack(bad)
            violations = [{"field": v.field, "message": v.description} for v in bad.field_violations]
            field = violations[0]["field"] or None
            if len(violations) > 1 or violations[0]["message"] != status.message[:LONGEST_VIOLATION]:
                details["violations"] = violations
    return _refusal(code, status.message, kind, field, details)


def from_rpc_error(error: grpc.aio.AioRpcError) -> Refusal:
    """What a peer said: its refusal, or that it could not be reached."""
    kind = kind_of(error.code())
    for name, value in error.trailing_metadata() or ():
        if name == STATUS_DETAILS:
            try:
                return from_status(Status.FromString(value), kind)
            except (DecodeError, ParseError):
                break
    return Refusal(kind.value, str(error.details() or "the peer gave no reason")[:LONGEST_TEXT], kind=kind)


def refusal_of(error: Exception) -> Refusal:
    """Any failure as a refusal; what is not foreseen tells nothing of its inside."""
    match error:
        case Refusal():
            return error
        case ValidationError():
            return from_validation(error)
        case ConcurrencyError():
            return Refusal("CONTENTION", "others changed it at the same time: try again", kind=Kind.ABORTED)
        case Unavailable():
            return Refusal("UNAVAILABLE", "a part of the service does not answer now: try again", kind=Kind.UNAVAILABLE)
        case TimeoutError():
            return deadline_exceeded()
        case _ if is_starved(error):
            return Refusal("UNAVAILABLE", "this replica has no more memory or threads now: try again", kind=Kind.UNAVAILABLE)
        case _:
            return Refusal("INTERNAL", "something failed that is not the caller's fault", kind=Kind.INTERNAL)


def deadline_exceeded() -> Refusal:
    return Refusal("DEADLINE_EXCEEDED", "the deadline passed before there was an answer", kind=Kind.DEADLINE_EXCEEDED)


def from_validation(error: ValidationError, within: str = "") -> Refusal:
    """INVALID_ARGUMENT with every violation; `field` is the first's path in lowerCamelCase, inside `within` where given."""
    violations = [
        {"field": _path(within, e["loc"]), "message": e["msg"]}
        for e in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    first = violations[0]
    said = f"{first['field'] or 'the request'}: {first['message']}"
    more = f" (and {len(violations) - 1} more)" if len(violations) > 1 else ""
    return Refusal(
        "INVALID_FIELD",
        said + more,
        kind=Kind.INVALID_ARGUMENT,
        field=first["field"] or None,
        violations=violations[:MOST_VIOLATIONS],
    )


def camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(word[:1].upper() + word[1:] for word in rest)


def api_path(field: str) -> str:
    """A field's path in the names of the API: `terms.usage_rights` → `terms.usageRights`."""
    return ".".join(map(camel, field.split(".")))


def _path(within: str, location: tuple[int | str, ...]) -> str:
    path = within
    for step in location:
        path += f"[{step}]" if isinstance(step, int) else f"{'.' if path else ''}{camel(step)}"
    return path


def _refusal(code: str, message: str, kind: Kind, field: str | None, details: dict[str, Any]) -> Refusal:
    refusal = Refusal(code, message, kind=kind, field=field)
    refusal.details = details
    return refusal


def _text(value: Any) -> str:
    """Strings stay as they are unless they would read as JSON; all else is JSON."""
    if isinstance(value, str) and not _is_json(value):
        return value
    return orjson.dumps(value, default=_plain).decode()


def _plain(value: Any) -> Any:
    return sorted(map(str, value)) if isinstance(value, (set, frozenset)) else str(value)


def _is_json(text: str) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def _value(text: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
