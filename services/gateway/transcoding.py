"""HTTP ↔ rpc, by the proto alone: path, query and body become the request message, the answer becomes JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import orjson
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from libs.chassis.descriptors import Http, Method, Protos
from libs.chassis.messages import Plain, converters
from libs.events.decider import Kind, Refusal
from services.gateway.routes import Tree, parse

MOST_PARAMETERS = 100
DEEPEST_PARAMETER = 3
"""Levels of a query parameter's name: `filter.followers.least`."""

AFTER = "after"
"""The field of a stream's request that `Last-Event-ID` goes to."""

WITHHELD = frozenset({b"authorization", b"cookie"})
"""Headers that do not go along with a body that is taken as it comes."""

TRUTHS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter: where its text goes."""

    path: tuple[str, ...]
    field: FieldDescriptor

    @property
    def name(self) -> str:
        return ".".join(self.path)


class Route:
    """One rpc under one HTTP binding."""

    def __init__(self, method: Method, http: Http) -> None:
        """Raises ValueError when the binding names fields that the request does not have."""
        self.method, self.http = method, http
        template = parse(http.template)
        self.fields = tuple(_json_path(method.input, field) for field in template.fields)
        self.body = http.body if http.body in ("", "*") else ".".join(_json_path(method.input, http.body))
        bound = {".".join(path) for path in self.fields} | {self.body}
        parameters = () if http.body == "*" else _parameters(method.input, ())
        self.parameters: Mapping[str, Parameter] = {p.name: p for p in parameters if not _covers(bound, p.path)}
        converted = converters(method.input)
        self._message: Callable[[Any], Message] = converted.from_json
        self.raw = _is_raw(method.input, http.body)
        self.answer: Callable[[Message], Plain] = converters(method.output).to_json
        self.resumable = method.streaming and AFTER in method.input.fields_by_name
        self.label = f"{http.verb} {http.template}"

    def request(
        self,
        values: list[str],
        query: bytes,
        body: bytes,
        last: str | None = None,
        headers: Iterable[tuple[bytes, bytes]] = (),
    ) -> Message:
        """The request message; `last`: the id of the last event that the client has seen; `headers`: what a body that is taken
        as it is may be signed in. Raises `Refusal` (INVALID_ARGUMENT) with the field at fault."""
        data = {} if self.raw else self._data(body)
        if query:
            self._read_query(query, data)
        if last is not None and self.resumable:
            data[AFTER] = last
        for path, value in zip(self.fields, values, strict=True):
            _put(data, path, value)
        message = self._message(data)
        if self.raw:
            _put_raw(message, self.http.body, body, headers)
        return message

    def _data(self, body: bytes) -> Plain:
        if not body:
            return {}
        parsed = _parsed(body)
        if self.body == "*":
            if type(parsed) is not dict:
                raise Refusal("WRONG_TYPE", "the body must be a JSON object", kind=Kind.INVALID_ARGUMENT)
            return parsed
        if self.body:
            return {self.body: parsed}
        if parsed:
            raise Refusal("BODY_NOT_EXPECTED", f"{self.label} takes no body", kind=Kind.INVALID_ARGUMENT)
        return {}

    def _read_query(self, query: bytes, data: Plain) -> None:
        for name, text in _pairs(query):
            parameter = self.parameters.get(name)
            if parameter is None:
                known = ", ".join(self.parameters) or "none"
                said = f"there is no such query parameter; there are: {known}"
                raise Refusal("UNKNOWN_PARAMETER", said, kind=Kind.INVALID_ARGUMENT, field=name)
            value = TRUTHS.get(text, text) if parameter.field.type == FieldDescriptor.TYPE_BOOL else text
            if parameter.field.is_repeated:
                _listed(data, parameter.path).append(value)
            else:
                _put(data, parameter.path, value)


def routes(protos: Protos) -> Tree[Route]:
    """All rpcs that have a binding."""
    return Tree((r.http.verb, r.http.template, r) for r in all_routes(protos))


def all_routes(protos: Protos) -> Iterator[Route]:
    """In the order of the protos."""
    for method in protos.methods():
        for http in method.http:
            yield Route(method, http)


def _is_raw(descriptor: Descriptor, body: str) -> bool:
    """Bytes are taken as they come, not as JSON has them: what is signed is signed so. Raises ValueError for a request that
    has no place for the headers, which hold the signature."""
    field = descriptor.fields_by_name.get(body)
    if field is None or field.type != FieldDescriptor.TYPE_BYTES:
        return False
    headers: Any = descriptor.fields_by_name.get("headers")
    if headers is None or headers.message_type is None or not headers.message_type.GetOptions().map_entry:
        raise ValueError(f"{descriptor.full_name} has a body of bytes, but no map of headers")
    return True


def _put_raw(message: Any, field: str, body: bytes, headers: Iterable[tuple[bytes, bytes]]) -> None:
    """With the headers, but for those that are the caller's secrets."""
    setattr(message, field, body)
    for name, value in headers:
        if name not in WITHHELD:
            message.headers[name.decode("latin-1")] = value.decode("latin-1")


def _parsed(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Refusal("MALFORMED_JSON", f"the body is not JSON: {error}", kind=Kind.INVALID_ARGUMENT) from None


def _pairs(query: bytes) -> list[tuple[str, str]]:
    try:
        text = query.decode("ascii")
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS)
    except ValueError:
        raise Refusal(
            "MALFORMED_URL", f"the query must be UTF-8 of at most {MOST_PARAMETERS} parameters", kind=Kind.INVALID_ARGUMENT
        ) from None


def _put(data: Plain, path: tuple[str, ...], value: Any) -> None:
    """Sets what is said once. Raises `Refusal` when it is said twice, and not the same."""
    inner = _inside(data, path)
    if inner.setdefault(path[-1], value) != value:
        name = ".".join(path)
        raise Refusal(
            "CONFLICTING_FIELDS", f"{name} is given twice, with different values", kind=Kind.INVALID_ARGUMENT, field=name
        )


def _listed(data: Plain, path: tuple[str, ...]) -> list[Any]:
    found: list[Any] = _inside(data, path).setdefault(path[-1], [])
    return found


def _inside(data: Plain, path: tuple[str, ...]) -> Plain:
    for name in path[:-1]:
        inner = data.setdefault(name, {})
        if type(inner) is not dict:
            raise Refusal("WRONG_TYPE", "must be an object", kind=Kind.INVALID_ARGUMENT, field=name)
        data = inner
    return data


def _json_path(descriptor: Descriptor, path: str) -> tuple[str, ...]:
    names: list[str] = []
    inner: Any = descriptor
    for name in path.split("."):
        field = inner.fields_by_name.get(name) if inner else None
        if field is None:
            raise ValueError(f"{descriptor.full_name} has no field {path}")
        names.append(field.json_name)
        inner = field.message_type
    return tuple(names)


def _parameters(descriptor: Descriptor, above: tuple[str, ...]) -> Iterator[Parameter]:
    for field in descriptor.fields:
        path, inner = (*above, field.json_name), field.message_type
        if inner is None or inner.full_name == "google.protobuf.Timestamp":
            yield Parameter(path, field)
        elif not field.is_repeated and len(path) < DEEPEST_PARAMETER:
            yield from _parameters(inner, path)


def _covers(bound: set[str], path: tuple[str, ...]) -> bool:
    """Whether path or body give it already, or the message that it is in."""
    return any(".".join(path[: length + 1]) in bound for length in range(len(path)))
