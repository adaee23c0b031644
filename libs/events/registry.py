"""The published language: event classes by type and version, and how old ones are read.

An event is a fact that anyone entitled may read. Within a version only additive changes are made; a new meaning is a
new version with an upcaster, a pure `dict -> dict` from the version before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field

JsonObject = dict[str, Any]
Upcaster = Callable[[JsonObject], JsonObject]
T = TypeVar("T")
E = TypeVar("E", bound="Event")

Personal = Annotated[T, Field(json_schema_extra={"x-personal": True})]
"""Marks a field that holds personal data: data teams see the mark in the schema, logs never hold the field."""


class Event(BaseModel):
    """A fact. Frozen; unknown fields of later, compatible writers are ignored when it is read."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    type: ClassVar[str]
    """Full name, `limelight.<service>.<Fact>`."""
    version: ClassVar[int]
    """Version of the meaning, from 1."""

    @classmethod
    def owner(cls) -> str:
        """The service that owns the fact and its topic."""
        return cls.type.split(".")[1]


class UnknownEventType(LookupError):
    """No such type is registered here: a producer was deployed first. Consumers skip and count it."""


class UnknownEventVersion(LookupError):
    """A newer version than this process can read: consumers park it until they are deployed too."""


@dataclass(slots=True)
class Registry:
    """type + version ↔ class, with the upcasters between versions."""

    _classes: dict[str, type[Event]] = field(default_factory=dict)
    _upcasters: dict[tuple[str, int], Upcaster] = field(default_factory=dict)

    def add(self, cls: type[E]) -> type[E]:
        if cls.type in self._classes:
            raise ValueError(f"event type registered twice: {cls.type}")
        self._classes[cls.type] = cls
        return cls

    def add_upcaster(self, type_: str, from_version: int, upcast: Upcaster) -> None:
        if (type_, from_version) in self._upcasters:
            raise ValueError(f"upcaster registered twice: {type_} from version {from_version}")
        self._upcasters[(type_, from_version)] = upcast

    def classes(self) -> Mapping[str, type[Event]]:
        return self._classes

    def decode(self, type_: str, version: int, data: JsonObject) -> Event:
        """The event in its newest version. Raises `UnknownEventType`, `UnknownEventVersion`, `pydantic.ValidationError`."""
        cls, newest = self.upcast(type_, version, data)
        return cls.model_validate(newest)

    def upcast(self, type_: str, version: int, data: JsonObject) -> tuple[type[Event], JsonObject]:
        """Its class, and its data in the newest version, as plain JSON. Raises `UnknownEventType`, `UnknownEventVersion`."""
        cls = self._classes.get(type_)
        if cls is None:
            raise UnknownEventType(type_)
        if version > cls.version:
            raise UnknownEventVersion(f"{type_} version {version}, newest known here is {cls.version}")
        for step in range(version, cls.version):
            data = self._upcasters[(type_, step)](data)
        return cls, data


registry = Registry()
"""The registry of this process: importing a catalog module fills it."""


def event(type_: str, *, version: int, into: Registry = registry) -> Callable[[type[E]], type[E]]:
    """Publishes an event class under a type and version."""

    def publish(cls: type[E]) -> type[E]:
        cls.type, cls.version = type_, version
        return into.add(cls)

    return publish


def upcaster(type_: str, *, from_version: int, into: Registry = registry) -> Callable[[Upcaster], Upcaster]:
    """Registers the pure step from one version of an event's data to the next."""

    def register(upcast: Upcaster) -> Upcaster:
        into.add_upcaster(type_, from_version, upcast)
        return upcast

    return register
