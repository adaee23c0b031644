"""OpenAPI 3.1 from the descriptors: paths from the bindings, words from the comments, guards from the access options."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from google.protobuf.descriptor import Descriptor

from libs.chassis.descriptors import Protos
from services.gateway.schemas import Schemas
from services.gateway.transcoding import Route, all_routes

Json = dict[str, Any]

INTRODUCTION = """Limelight's HTTP API. Brands find creators, agree on a deal, money is held, content is posted, money is
released, results are measured.

- **Money** is an integer of minor units and its ISO 4217 currency. Times are RFC 3339 in UTC. A missing measurement is `null`,
  never zero.
- Every POST takes an `Idempotency-Key`: the same key again gives the same answer, and nothing happens twice. (A webhook has an
  id of its own.)
- Every resource has a `version`, which is also its `ETag`. `If-Match: "7"` makes a change conditional on it; `asOf` reads the
  past.
- A change answers with `Limelight-Position`; given as `minPosition`, a list or a search is at least as new.
- Errors are `application/problem+json` (RFC 9457) with a stable `code`; unknown fields are refused by name.
"""

PROBLEM: Json = {
    "type": "object",
    "description": "What went wrong (RFC 9457).",
    "required": ["type", "title", "status", "detail", "instance", "code", "errors", "traceId"],
    "properties": {
        "type": {"type": "string", "format": "uri", "examples": ["urn:limelight:problem:VERSION_MISMATCH"]},
        "title": {"type": "string", "description": "The same for all problems of this status."},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What was wrong here, and what would be right."},
        "instance": {"type": "string", "description": "The path that was asked for."},
        "code": {"type": "string", "description": "Stable; what a program should look at.", "examples": ["VERSION_MISMATCH"]},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/FieldError"}},
        "legal": {"type": "array", "items": {"type": "string"}, "description": "The commands that would be accepted now."},
        "details": {"type": "object", "description": "The variables of the problem.", "additionalProperties": True},
        "traceId": {"type": "string", "description": "For whoever is asked about it."},
    },
}
FIELD_ERROR: Json = {
    "type": "object",
    "description": "What is wrong with one field of the request.",
    "required": ["field", "code", "message"],
    "properties": {
        "field": {"type": "string", "examples": ["items[3].fee.amount"]},
        "code": {"type": "string"},
        "message": {"type": "string"},
    },
}
PROBLEMS = {
    400: ("Invalid", "The input is not valid; `errors` says where."),
    401: ("Unauthenticated", "There is no token (of a webhook: no signature), or not one that is accepted."),
    403: ("Forbidden", "The token's role may not call this."),
    404: ("NotFound", "There is no such thing, or none that the caller may see."),
    409: (
        "Conflict",
        "Not possible now (`legal` says what would be), or the key was used for another request.",
    ),
    412: ("Stale", "The resource has changed since the version of `If-Match`."),
    413: ("TooLarge", "The body is too large."),
    415: ("NotJson", "The body is not application/json."),
    429: ("TooMany", "Too many requests; `Retry-After` says when to come back."),
    500: ("Failed", "Something failed here."),
    503: ("Unavailable", "A part is not available now; `Retry-After` says when to come back."),
    504: ("Late", "There was no answer in time; with the same `Idempotency-Key` it is safe to ask again."),
}
HEADERS: Json = {
    "ETag": {"description": "The resource's version, in quotes.", "schema": {"type": "string", "examples": ['"7"']}},
    "Limelight-Position": {"description": "For `minPosition` of later queries.", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}},
}
PARAMETERS: Json = {
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "The same for every retry of one intent, e.g. a UUID.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    },
    "IfMatch": {
        "name": "If-Match",
        "in": "header",
        "description": "The `ETag` that the change is based on; 412 if it is no longer the current one.",
        "schema": {"type": "string", "pattern": '^"[0-9]{1,15}"$', "examples": ['"7"']},
    },
    "IfNoneMatch": {
        "name": "If-None-Match",
        "in": "header",
        "description": "An `ETag` that the caller has; 304 if it is still the current one.",
        "schema": {"type": "string"},
    },
    "LastEventId": {
        "name": "Last-Event-ID",
        "in": "header",
        "description": "The id of the last event that was seen: the stream goes on after it.",
        "schema": {"type": "string"},
    },
}


def document(protos: Protos) -> Json:
    """The whole description. Raises ValueError when two rpcs share a name."""
    schemas = Schemas(protos)
    paths: dict[str, Json] = {}
    named: set[str] = set()
    for route in all_routes(protos):
        operation = _operation(route, schemas)
        if operation["operationId"] in named:
            raise ValueError(f"two rpcs would be the operation {operation['operationId']}")
        named.add(operation["operationId"])
        paths.setdefault(_path(route), {})[route.http.verb.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {"title": "Limelight", "version": _version(), "description": INTRODUCTION},
        "tags": [{"name": s.owner, "description": s.comment} for s in protos.services.values()],
        "paths": paths,
        "components": {
            "schemas": {"Problem": PROBLEM, "FieldError": FIELD_ERROR, **schemas.components()},
            "responses": {name: _problem_response(status, text) for status, (name, text) in PROBLEMS.items()},
            "headers": HEADERS,
            "parameters": PARAMETERS,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _version() -> str:
    try:
        return version("limelight")
    except PackageNotFoundError:
        return "0"


def _operation(route: Route, schemas: Schemas) -> Json:
    method = route.method
    summary, description = _words(method.comment)
    roles = sorted(role.value for role in method.roles)
    who = f"For: {', '.join(roles) or 'nobody'}."
    if method.public:
        who = "For whoever can sign it." if route.raw else "Anyone."
    operation: Json = {
        "operationId": method.name[:1].lower() + method.name[1:],
        "tags": [method.owner],
        "summary": summary,
        "description": f"{description}\n\n{who}".strip(),
        "parameters": [*_path_parameters(route, schemas), *_query_parameters(route, schemas), *_header_parameters(route)],
        "responses": {**_success(route, schemas), **{str(status): _problem(status) for status in _statuses(route)}},
        "security": [] if route.raw else [{}, {"bearer": []}] if method.public else [{"bearer": []}],
        "x-roles": roles,
    }
    if route.body and len(route.method.input.fields) > len(route.fields):
        operation["requestBody"] = _body(route, schemas)
    return operation


def _body(route: Route, schemas: Schemas) -> Json:
    if route.raw:
        schema = {"description": "Whatever the sender's signature is over."}
    elif route.body == "*":
        schema = schemas.request(route.method.input, without={".".join(path) for path in route.fields})
    else:
        schema = schemas.field(_field(route.method.input, route.http.body), written=True)
    return {"required": True, "content": {"*/*" if route.raw else "application/json": {"schema": schema}}}


def _success(route: Route, schemas: Schemas) -> Json:
    output, reply = route.method.output, schemas.message(route.method.output, written=False)
    if route.method.streaming:
        told = "Server-sent events; each `data` is JSON of this form, a failure is an `event: error` with a problem."
        return {"200": {"description": told, "content": {"text/event-stream": {"schema": reply}}}}
    headers = {"Limelight-Position": {"$ref": "#/components/headers/Limelight-Position"}}
    if _versioned(output):
        headers["ETag"] = {"$ref": "#/components/headers/ETag"}
    shown = _words(schemas.comment(output))[0] or output.name
    answers: Json = {"200": {"description": shown, "headers": headers, "content": {"application/json": {"schema": reply}}}}
    if route.http.verb == "GET" and _versioned(output):
        answers["304"] = {"description": "It is still what `If-None-Match` names."}
    return answers


def _statuses(route: Route) -> Iterable[int]:
    yield 400
    if route.raw or not route.method.public:
        yield 401
    if not route.method.public:
        yield 403
    if route.fields:
        yield 404
    if route.http.verb != "GET":
        yield 409
        if _conditional(route):
            yield 412
    if route.body:
        yield from (413, 415)
    yield from (429, 500, 503, 504)


def _path_parameters(route: Route, schemas: Schemas) -> Iterable[Json]:
    for path in route.fields:
        field = _field_at(route.method.input, path)
        schema = schemas.field(field, written=True)
        if schema.get("type") == "string" and "format" not in schema:
            schema = {**schema, "minLength": 1}
        yield {"name": ".".join(path), "in": "path", "required": True, "description": schemas.comment(field), "schema": schema}


def _query_parameters(route: Route, schemas: Schemas) -> Iterable[Json]:
    for parameter in route.parameters.values():
        schema = schemas.field(parameter.field, written=True, nullable=False)
        yield {"name": parameter.name, "in": "query", "description": schemas.comment(parameter.field), "schema": schema}


def _header_parameters(route: Route) -> Iterable[Json]:
    if route.raw:
        return []
    names = []
    if route.http.verb != "GET":
        names.append("IdempotencyKey")
        if _conditional(route):
            names.append("IfMatch")
    elif route.resumable:
        names.append("LastEventId")
    elif _versioned(route.method.output):
        names.append("IfNoneMatch")
    return [{"$ref": f"#/components/parameters/{name}"} for name in names]


def _conditional(route: Route) -> bool:
    """A change of something that is there already, and that has versions."""
    return bool(route.fields) and _versioned(route.method.output)


def _versioned(descriptor: Descriptor) -> bool:
    return "version" in descriptor.fields_by_name


def _problem(status: int) -> Json:
    return {"$ref": f"#/components/responses/{PROBLEMS[status][0]}"}


def _problem_response(status: int, text: str) -> Json:
    response: Json = {
        "description": text,
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    if status in (429, 503):
        response["headers"] = {"Retry-After": {"$ref": "#/components/headers/Retry-After"}}
    return response


def _path(route: Route) -> str:
    names = iter(route.fields)
    return re.sub(r"\{[^}]*\}", lambda _: "{" + ".".join(next(names)) + "}", route.http.template)


def _field_at(descriptor: Descriptor, path: tuple[str, ...]) -> Any:
    field: Any = None
    inner: Any = descriptor
    for name in path:
        field = next(f for f in inner.fields if f.json_name == name)
        inner = field.message_type
    return field


def _field(descriptor: Descriptor, name: str) -> Any:
    return descriptor.fields_by_name[name]


def _words(comment: str) -> tuple[str, str]:
    """(its first sentence without the full stop, the rest)."""
    text = " ".join(comment.split())
    first, stop, rest = text.partition(". ")
    return (first.rstrip("."), rest) if stop or first else ("", "")
