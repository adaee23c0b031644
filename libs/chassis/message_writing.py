"""Messages → plain data. See `messages` for the two flavours."""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from libs.chassis.message_reading import enum_names

Writer = Callable[[Any], Any]

_EPOCH = date(1970, 1, 1)


def writer(descriptor: Descriptor, *, json: bool) -> Callable[[Any], dict[str, Any]]:
    """Compiles a message type."""
    return _message(descriptor, json, {})


def _message(descriptor: Descriptor, json: bool, compiled: dict[str, Writer]) -> Writer:
    if found := compiled.get(descriptor.full_name):
        return found
    unset: dict[str, Any] = {}
    collections: list[tuple[str, type]] = []
    table: dict[FieldDescriptor, tuple[str, Writer | None]] = {}

    def write(message: Any) -> dict[str, Any]:
        result = unset.copy()
        for field, value in message.ListFields():
            name, convert = table[field]
            result[name] = value if convert is None else convert(value)
        for name, empty in collections:
            if result[name] is None:
                result[name] = empty()
        return result

    compiled[descriptor.full_name] = write
    for field in descriptor.fields:
        name = field.json_name if json else field.name
        table[field] = (name, _field(field, json, compiled))
        if field.is_repeated:
            collections.append((name, dict if _is_map(field) else list))
            unset[name] = None
        elif not field.has_presence and field.enum_type is None:
            unset[name] = field.default_value if field.type != FieldDescriptor.TYPE_BYTES else ""
        elif json:
            unset[name] = None
    return write


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def _field(field: FieldDescriptor, json: bool, compiled: dict[str, Writer]) -> Writer | None:
    if _is_map(field):
        entry: Any = field.message_type
        one = _one(entry.fields_by_name["value"], json, compiled)
        # A map has no order of its own: the same answer is the same text.
        return lambda entries: {str(key): one(value) if one else value for key, value in sorted(entries.items())}
    one = _one(field, json, compiled)
    if not field.is_repeated:
        return one
    return list if one is None else lambda items: [one(item) for item in items]


def _one(field: FieldDescriptor, json: bool, compiled: dict[str, Writer]) -> Writer | None:
    """How one value is written; None: as it is."""
    if field.enum_type is not None:
        return _enum(field.enum_type)
    if field.message_type is not None:
        if field.message_type.full_name == "google.protobuf.Timestamp":
            return rfc3339
        return _message(field.message_type, json, compiled)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return lambda value: base64.b64encode(value).decode()
    return _shortest if field.type == FieldDescriptor.TYPE_FLOAT else None


def _enum(descriptor: EnumDescriptor) -> Writer:
    names = enum_names(descriptor)
    return lambda number: names.get(number) or str(number)  # a number that a newer peer knows


def rfc3339(timestamp: Any) -> str:
    """A Timestamp as text: milliseconds, or as many digits more as it has."""
    day, second = divmod(timestamp.seconds, 86_400)
    minute, second = divmod(second, 60)
    nanos = timestamp.nanos
    if nanos % 1_000_000 == 0:
        fraction = f"{nanos // 1_000_000:03d}"
    else:
        fraction = f"{nanos // 1000:06d}" if nanos % 1000 == 0 else f"{nanos:09d}"
    return f"{_date(day)}T{minute // 60:02d}:{minute % 60:02d}:{second:02d}.{fraction}Z"


@lru_cache(maxsize=4096)
def _date(day: int) -> str:
    return (_EPOCH + timedelta(days=day)).isoformat()


def _shortest(value: float) -> float:
    """The shortest number that is the same 32-bit float."""
    for digits in range(6, 9):
        short = float(f"{value:.{digits}g}")
        if struct.pack("f", short) == struct.pack("f", value):
            return short
    return float(f"{value:.9g}")
