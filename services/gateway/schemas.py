"""JSON Schemas of messages, as the converters read and write them."""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from libs.chassis.descriptors import Protos
from libs.chassis.message_reading import INT32, SAFE_INTEGER, UINT32, enum_names

Json = dict[str, Any]

_INT32: Json = {"type": "integer", "format": "int32", "minimum": -INT32 - 1, "maximum": INT32}
_UINT32: Json = {"type": "integer", "minimum": 0, "maximum": UINT32}
_INT64: Json = {"type": "integer", "format": "int64", "minimum": -SAFE_INTEGER, "maximum": SAFE_INTEGER}
_UINT64: Json = {"type": "integer", "minimum": 0, "maximum": SAFE_INTEGER}
_SCALARS: dict[int, Json] = {
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
    FieldDescriptor.TYPE_DOUBLE: {"type": "number", "format": "double"},
    FieldDescriptor.TYPE_FLOAT: {"type": "number", "format": "float"},
    FieldDescriptor.TYPE_BOOL: {"type": "boolean"},
    FieldDescriptor.TYPE_STRING: {"type": "string"},
    FieldDescriptor.TYPE_BYTES: {"type": "string", "contentEncoding": "base64"},
}
_TIME: Json = {"type": "string", "format": "date-time", "examples": ["2026-11-22T14:00:00.000Z"]}
INPUT = "Input"
"""Ends the name of a value's form in requests, where fields may be left out and no others may be given."""


class Schemas:
    """Collects the schemas that are referred to."""

    def __init__(self, protos: Protos) -> None:
        self._protos = protos
        self._components: dict[str, Json] = {}
        self._owners: dict[str, str] = {}

    def components(self) -> dict[str, Json]:
        return dict(sorted(self._components.items()))

    def comment(self, what: Any) -> str:
        return self._protos.comment(what)

    def message(self, descriptor: Descriptor, *, written: bool) -> Json:
        """A reference to the message's schema. `written`: by the client, so that fields may be left out and unknown ones are
        refused; else as we answer, where every field is shown."""
        name = self._name(descriptor) + (INPUT if written else "")
        if name not in self._components:
            self._components[name] = {}  # a message may hold itself
            self._components[name] = self._object(descriptor, written, frozenset())
        return _reference(name)

    def request(self, descriptor: Descriptor, without: set[str]) -> Json:
        """A reference to a request's body: its fields but those that the path gives."""
        name = self._name(descriptor)
        self._components[name] = self._object(descriptor, True, frozenset(without))
        return _reference(name)

    def field(self, field: FieldDescriptor, *, written: bool, nullable: bool = True) -> Json:
        """The schema of a field's value."""
        entry: Any = field.message_type
        if entry is not None and entry.GetOptions().map_entry:
            values = self.field(entry.fields_by_name["value"], written=written, nullable=False)
            return {"type": "object", "additionalProperties": values}
        one = self._one(field, written)
        if field.is_repeated:
            return {"type": "array", "items": one}
        shown_as_null = field.has_presence or field.enum_type is not None
        return _or_null(one) if nullable and shown_as_null else one

    def _object(self, descriptor: Descriptor, written: bool, without: frozenset[str]) -> Json:
        fields = [field for field in descriptor.fields if field.json_name not in without]
        properties = {field.json_name: self._described(field, self.field(field, written=written)) for field in fields}
        schema: Json = {"type": "object", "description": self.comment(descriptor), "properties": properties}
        if written:
            return schema | {"additionalProperties": False}
        return schema | {"required": list(properties)} if properties else schema

    def _described(self, field: FieldDescriptor, schema: Json) -> Json:
        """OpenAPI 3.1 allows a description beside a reference."""
        comment = self.comment(field)
        return {**schema, "description": comment} if comment else schema

    def _one(self, field: FieldDescriptor, written: bool) -> Json:
        if field.enum_type is not None:
            return self._enum(field.enum_type)
        if field.message_type is None:
            return dict(_SCALARS[field.type])
        if field.message_type.full_name == "google.protobuf.Timestamp":
            return dict(_TIME)
        return self.message(field.message_type, written=written)

    def _enum(self, descriptor: EnumDescriptor) -> Json:
        name = self._name(descriptor)
        if name not in self._components:
            values = [text for number, text in sorted(enum_names(descriptor).items()) if number]
            self._components[name] = {"type": "string", "description": self.comment(descriptor), "enum": values}
        return _reference(name)

    def _name(self, descriptor: Descriptor | EnumDescriptor) -> str:
        """The last part of its name; with its package's service before it where another has taken that."""
        name = descriptor.name
        if self._owners.setdefault(name, descriptor.full_name) == descriptor.full_name:
            return name
        owner = descriptor.file.package.split(".")[1]
        return owner[:1].upper() + owner[1:] + name


def _reference(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _or_null(schema: Json) -> Json:
    if "$ref" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    return {**schema, "type": [schema["type"], "null"]}
