"""Plain data → the keyword arguments of a message's constructor, strictly checked. See `messages` for what is accepted."""

from __future__ import annotations

import base64
import binascii
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor, OneofDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from pydantic import BaseModel

SAFE_INTEGER = 2**53 - 1
INT32, UINT32 = 2**31 - 1, 2**32 - 1
LARGEST_FLOAT = 3.4028235e38
"""The largest 32-bit float, as its shortest decimal."""
DEEPEST = 32
"""How deep messages that hold themselves may nest."""

Reader = Callable[[Any], Any]

_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,18})")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,308})(\.[0-9]{1,400})?([eE][+-]?[0-9]{1,3})?")
_TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})")
_EPOCH = datetime.fromtimestamp(0, UTC)
_SECOND = timedelta(seconds=1)
_FAR = 2_000
"""How much of an unknown name is told back."""


class Fault(Exception):
    """What is wrong with an input, and where (`path`, in JSON names)."""

    def __init__(self, code: str, message: str, path: str = "", **details: Any) -> None:
        super().__init__(code)
        self.code, self.message, self.path, self.details = code, message, path, details

    def under(self, name: str) -> Fault:
        """The same, seen from one level up."""
        self.path = f"{name}{self.path}" if self.path[:1] in ("", "[") else f"{name}.{self.path}"
        return self


class Once(dict[str, Any]):
    """A message within an answer, of whose fields all but `varies` are the same whenever `key` is: a message is made of those
    once, and kept for as long as it is asked for often. Otherwise a dict like any other."""

    def __init__(self, fields: Mapping[str, Any], key: tuple[Any, ...], varies: frozenset[str]) -> None:
        super().__init__(fields)
        self.key, self.varies = key, varies


MOST_KEPT = 10_000
"""Messages of a type that are made once."""


def reader(descriptor: Descriptor, *, json: bool) -> Callable[[Any], dict[str, Any]]:
    """Compiles a message type. `json`: names in lowerCamelCase from outside; else our own fields in snake_case."""
    compiled: dict[str, Reader] = {}
    read = _message(descriptor, json, compiled)
    if not _holds_itself(descriptor, ()):
        return read

    def read_bounded(data: Any) -> dict[str, Any]:
        _check_depth(data, 0)
        result: dict[str, Any] = read(data)
        return result

    return read_bounded


def _message(descriptor: Descriptor, json: bool, compiled: dict[str, Reader]) -> Reader:
    if found := compiled.get(descriptor.full_name):
        return found
    table: dict[str, tuple[str, str, Reader]] = {}
    choices = {
        field.json_name if json else field.name: oneof.name
        for oneof in descriptor.oneofs
        if not _is_optional(oneof)
        for field in oneof.fields
    }

    kept: OrderedDict[tuple[Any, ...], Message] = OrderedDict()
    make = GetMessageClass(descriptor)

    def once(data: Once) -> Message:
        base = kept.pop(data.key, None)
        if base is None:
            base = make(**read({name: value for name, value in data.items() if name not in data.varies}))
        kept[data.key] = base
        if len(kept) > MOST_KEPT:
            kept.popitem(last=False)
        message = make(**read({name: data[name] for name in data.varies if name in data}))
        message.MergeFrom(base)
        return message

    def read(data: Any) -> Any:
        if type(data) is not dict:
            if type(data) is Once and not json:
                return once(data)
            data = _as_dict(data, json)
        result = {}
        for key, value in data.items():
            entry = table.get(key)
            if entry is None:
                if not json and key[:1] == "_":
                    continue
                raise Fault("UNKNOWN_FIELD", f"there is no such field; there are: {_some(table)}", str(key)[:_FAR])
            if value is None:
                continue
            name, path, convert = entry
            try:
                result[name] = convert(value)
            except Fault as fault:
                raise fault.under(path) from None
        if choices:
            _check_choices(choices, data)
        return result

    compiled[descriptor.full_name] = read
    for field in descriptor.fields:
        convert = _field(field, json, compiled)
        table[field.json_name if json else field.name] = (field.name, field.json_name, convert)
    return read


def _field(field: FieldDescriptor, json: bool, compiled: dict[str, Reader]) -> Reader:
    kind = field.message_type
    if kind is not None and kind.GetOptions().map_entry:
        entry = kind.fields_by_name
        return _map(_key(entry["key"]), _one(entry["value"], json, compiled))
    one = _one(field, json, compiled)
    return _list(one) if field.is_repeated else one


def _one(field: FieldDescriptor, json: bool, compiled: dict[str, Reader]) -> Reader:
    if field.enum_type is not None:
        return _enum(field.enum_type)
    if field.message_type is None:
        return _SCALARS[field.type]
    if field.message_type.full_name == "google.protobuf.Timestamp":
        return _timestamp
    if field.message_type.full_name.startswith("google.protobuf.") and field.message_type.fields:
        raise TypeError(f"{field.full_name}: {field.message_type.full_name} has no form here")
    return _message(field.message_type, json, compiled)


def _list(one: Reader) -> Reader:
    def read(value: Any) -> list[Any]:
        if type(value) is not list and not isinstance(value, tuple | set | frozenset):
            raise _wrong("a list", value)
        result = []
        for item in value:
            try:
                if item is None:
                    raise _wrong("a value", item)
                result.append(one(item))
            except Fault as fault:
                raise fault.under(f"[{len(result)}]") from None
        return result

    return read


def _map(key: Reader, one: Reader) -> Reader:
    def read(value: Any) -> dict[Any, Any]:
        if not isinstance(value, Mapping):
            raise _wrong("an object", value)
        result = {}
        for name, item in value.items():
            try:
                if item is None:
                    raise _wrong("a value", item)
                result[key(name)] = one(item)
            except Fault as fault:
                raise fault.under(f"[{name}]") from None
        return result

    return read


def _enum(descriptor: EnumDescriptor) -> Reader:
    numbers = {name: number for number, name in enum_names(descriptor).items() if number}

    def read(value: Any) -> int:
        try:
            return numbers[value]
        except (KeyError, TypeError):
            allowed = list(numbers)
            raise Fault("UNKNOWN_VALUE", f"must be one of: {', '.join(allowed)}", allowed=allowed) from None

    return read


def enum_names(descriptor: EnumDescriptor) -> dict[int, str]:
    """Number → name on the wire: without the enum's prefix, in lower case."""
    prefix = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", descriptor.name).upper() + "_"
    return {value.number: value.name.removeprefix(prefix).lower() for value in reversed(descriptor.values)}


def _integer(least: int, most: int) -> Reader:
    def read(value: Any) -> int:
        if type(value) is not int:
            value = _as_integer(value)
        if least <= value <= most:
            return value  # type: ignore[no-any-return]
        raise Fault("OUT_OF_RANGE", f"must be between {least} and {most}", least=least, most=most)

    return read


def _as_integer(value: Any) -> int:
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    raise _wrong("an integer", value)


def _real(most: float) -> Reader:
    def read(value: Any) -> float:
        if type(value) is not float:
            if isinstance(value, str) and _NUMBER.fullmatch(value):
                value = float(value)
            elif isinstance(value, bool) or not isinstance(value, int | float):
                raise _wrong("a number", value)
            value = float(min(max(value, -(10**309)), 10**309)) if abs(value) < 10**308 else float("inf")
        if -most <= value <= most:
            return value  # type: ignore[no-any-return]
        raise Fault("OUT_OF_RANGE", f"must be a number between {-most} and {most}", least=-most, most=most)

    return read


def _boolean(value: Any) -> bool:
    if value is True or value is False:
        return value
    raise _wrong("true or false", value)


def _string(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise _wrong("a string", value)


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    text = _string(value)
    try:
        padded = text.translate(_URL_SAFE) + "=" * (-len(text) % 4)
        return base64.b64decode(padded, validate=True)
    except (binascii.Error, ValueError):
        raise Fault("MALFORMED_BYTES", "must be base64") from None


_URL_SAFE = str.maketrans("-_", "+/")


def _timestamp(value: Any) -> dict[str, int]:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise _malformed_time()
        since, nanos = value - _EPOCH, value.microsecond * 1000
        return {"seconds": since // _SECOND, "nanos": nanos}
    match = _TIME.fullmatch(_string(value))
    if match is None:
        raise _malformed_time()
    seconds, fraction, offset = match.groups()
    try:
        at = datetime.fromisoformat(seconds.upper() + offset.upper())
        since = at - _EPOCH
        at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise _malformed_time() from None
    return {"seconds": since // _SECOND, "nanos": int(fraction[1:].ljust(9, "0")) if fraction else 0}


def _malformed_time() -> Fault:
    return Fault("MALFORMED_TIME", "must be an RFC 3339 time with its offset, e.g. 2026-11-22T14:00:00Z")


def _key(field: FieldDescriptor) -> Reader:
    if field.type == FieldDescriptor.TYPE_BOOL:
        raise TypeError(f"{field.full_name}: maps by truth have no form here")
    return _SCALARS[field.type]


_INT32, _UINT32 = _integer(-INT32 - 1, INT32), _integer(0, UINT32)
_INT64, _UINT64 = _integer(-SAFE_INTEGER, SAFE_INTEGER), _integer(0, SAFE_INTEGER)
_SCALARS: dict[int, Reader] = {
    FieldDescriptor.TYPE_INT32: _INT32,
    FieldDescriptor.TYPE_SINT32: _INT32,
    FieldDescriptor.TYPE_SFIXED32: _INT32,
    FieldDescriptor.TYPE_UINT32: _UINT32,
    FieldDescriptor.TYPE_FIXED32: _UINT32,
    FieldDescriptor.TYPE_INT64: _INT64,
    FieldDescriptor.TYPE_SINT64: _INT64,
    FieldDescriptor.TYPE_SFIXED64: _INT64,
    FieldDescriptor.TYPE_UINT64: _UINT64,
    FieldDescriptor.TYPE_FIXED64: _UINT64,
    FieldDescriptor.TYPE_DOUBLE: _real(1.7976931348623157e308),
    FieldDescriptor.TYPE_FLOAT: _real(LARGEST_FLOAT),
    FieldDescriptor.TYPE_BOOL: _boolean,
    FieldDescriptor.TYPE_STRING: _string,
    FieldDescriptor.TYPE_BYTES: _bytes,
}


def _as_dict(data: Any, json: bool) -> dict[str, Any]:
    if isinstance(data, Mapping) or (not json and isinstance(data, BaseModel)):
        return dict(data)
    raise _wrong("an object", data)


def _is_optional(oneof: OneofDescriptor) -> bool:
    """`optional` makes a oneof of its own behind the scenes."""
    return len(oneof.fields) == 1 and oneof.name.startswith("_")


def _check_choices(choices: Mapping[str, str], data: Mapping[str, Any]) -> None:
    chosen: dict[str, str] = {}
    for name, choice in choices.items():
        if data.get(name) is not None and (other := chosen.setdefault(choice, name)) != name:
            raise Fault("CONFLICTING_FIELDS", f"{other} and {name} exclude each other", name)


def _holds_itself(descriptor: Descriptor, above: tuple[str, ...]) -> bool:
    if descriptor.full_name in above:
        return True
    path = (*above, descriptor.full_name)
    return any(_holds_itself(field.message_type, path) for field in descriptor.fields if field.message_type)


def _check_depth(data: Any, depth: int) -> None:
    if depth > DEEPEST:
        raise Fault("TOO_DEEP", f"is nested more than {DEEPEST} levels deep", deepest=DEEPEST)
    if isinstance(data, Mapping):
        for name, value in data.items():
            _check_item(value, str(name), depth)
    elif isinstance(data, list):
        for index, value in enumerate(data):
            _check_item(value, f"[{index}]", depth)


def _check_item(value: Any, name: str, depth: int) -> None:
    if isinstance(value, Mapping | list):
        try:
            _check_depth(value, depth + 1)
        except Fault as fault:
            raise fault.under(name) from None


def _wrong(wanted: str, value: Any) -> Fault:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", int: "a number", float: "a number"}
    return Fault("WRONG_TYPE", f"must be {wanted}, not {names.get(type(value), 'null' if value is None else 'something else')}")


def _some(table: Mapping[str, Any]) -> str:
    return ", ".join(list(table)[:20]) + (", …" if len(table) > 20 else "") if table else "none"
