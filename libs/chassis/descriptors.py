"""The synchronous contract at run time: build/limelight.binpb in the descriptor pool, and what it says about each rpc.

There is no generated code: servers, clients, routes, OpenAPI and converters are all made from these descriptors.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from google.api import annotations_pb2, field_behavior_pb2, http_pb2
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import (
    Descriptor,
    EnumDescriptor,
    FieldDescriptor,
    FileDescriptor,
    MethodDescriptor,
    ServiceDescriptor,
)
from google.protobuf.message import Message

from libs.events.decider import Role

FILE = "build/limelight.binpb"
VARIABLE = "LIMELIGHT_PROTOS"
ACCESS = "limelight.access.v1.access"
WELL_KNOWN = (annotations_pb2, http_pb2, field_behavior_pb2, descriptor_pb2)
"""Imported so that the pool holds google's files in their own packages' words; ours are added beside them."""
NAMED = frozenset(
    {"service", "method", "message_type", "nested_type", "enum_type", "field", "value", "extension", "oneof_decl"}
)
"""The parts of a file that have names, as FileDescriptorProto calls them."""


@dataclass(frozen=True, slots=True)
class Http:
    """One `google.api.http` binding. `body` is `*` (the whole message), a field's name, or empty."""

    verb: str
    template: str
    body: str


@dataclass(frozen=True)
class Method:
    """An rpc. `roles` may call it (none: nobody); `public`: anyone, also without a token."""

    name: str
    service: str
    package: str
    input: Descriptor
    output: Descriptor
    streaming: bool
    http: tuple[Http, ...]
    roles: frozenset[Role]
    public: bool
    comment: str

    @cached_property
    def path(self) -> str:
        """As gRPC names it: `/limelight.campaigns.v1.CampaignsService/LaunchCampaign`."""
        return f"/{self.service}/{self.name}"

    @property
    def owner(self) -> str:
        """The service of ours that answers it: `limelight.campaigns.v1` → `campaigns`."""
        return owner_of(self.package)

    @cached_property
    def request_class(self) -> type[Message]:
        return message_class(self.input)

    @cached_property
    def reply_class(self) -> type[Message]:
        return message_class(self.output)


@dataclass(frozen=True)
class Service:
    """A gRPC service and its methods by name, in the order of the proto."""

    name: str
    package: str
    methods: Mapping[str, Method]
    comment: str

    @property
    def owner(self) -> str:
        return owner_of(self.package)


@dataclass(frozen=True)
class Protos:
    """All services of a descriptor set, by full name; comments by the full name of what they are about."""

    services: Mapping[str, Service]
    comments: Mapping[str, str]

    def methods(self) -> Iterator[Method]:
        for service in self.services.values():
            yield from service.methods.values()

    def of(self, owner: str) -> tuple[Service, ...]:
        """What one of our services (`campaigns`) answers. Raises LookupError when there is none."""
        found = tuple(service for service in self.services.values() if service.owner == owner)
        if not found:
            raise LookupError(f"the protos have no service of limelight.{owner}")
        return found

    def comment(self, what: Descriptor | EnumDescriptor | FieldDescriptor | MethodDescriptor | ServiceDescriptor) -> str:
        return self.comments.get(what.full_name, "")


def owner_of(package: str) -> str:
    return package.split(".")[1] if package.count(".") else package


def message_class(descriptor: Descriptor) -> type[Message]:
    found: type[Message] = message_factory.GetMessageClass(descriptor)
    return found


def locate() -> Path:
    """The descriptor set's file: `LIMELIGHT_PROTOS`, or `build/limelight.binpb` in a directory above this package."""
    if given := os.environ.get(VARIABLE):
        return Path(given)
    for directory in Path(__file__).resolve().parents:
        if (found := directory / FILE).is_file():
            return found
    raise FileNotFoundError(f"no {FILE}: build it with `make protos`, or name it in {VARIABLE}")


@lru_cache(maxsize=8)
def load(path: Path | None = None) -> Protos:
    """Loads a descriptor set (default: `locate()`) into the default pool. Raises FileNotFoundError."""
    files = descriptor_pb2.FileDescriptorSet.FromString((path or locate()).read_bytes()).file
    pool = descriptor_pool.Default()
    for file in files:  # protoc lists imports first
        if not _known(pool, file.name):
            pool.AddSerializedFile(file.SerializeToString())
    comments = {name: text for file in files for name, text in _comments(file)}
    ours = [pool.FindFileByName(file.name) for file in files if file.service]
    services = [_service(service, comments) for file in ours for service in file.services_by_name.values()]
    return Protos({service.name: service for service in services}, comments)


def _known(pool: Any, name: str) -> FileDescriptor | None:
    try:
        found: FileDescriptor = pool.FindFileByName(name)
    except KeyError:
        return None
    return found


def _service(descriptor: ServiceDescriptor, comments: Mapping[str, str]) -> Service:
    methods = {method.name: _method(method, comments) for method in descriptor.methods}
    return Service(descriptor.full_name, descriptor.file.package, methods, comments.get(descriptor.full_name, ""))


def _method(descriptor: MethodDescriptor, comments: Mapping[str, str]) -> Method:
    if descriptor.client_streaming:
        raise ValueError(f"{descriptor.full_name}: client streaming has no form in HTTP")
    service, options = descriptor.containing_service, descriptor.GetOptions()
    rule = options.Extensions[annotations_pb2.http] if options.HasExtension(annotations_pb2.http) else None
    roles, public = _access(descriptor)
    return Method(
        name=descriptor.name,
        service=service.full_name,
        package=service.file.package,
        input=descriptor.input_type,
        output=descriptor.output_type,
        streaming=descriptor.server_streaming,
        http=tuple(_bindings(rule)) if rule else (),
        roles=roles,
        public=public,
        comment=comments.get(descriptor.full_name, ""),
    )


def _access(descriptor: MethodDescriptor) -> tuple[frozenset[Role], bool]:
    try:
        extension = descriptor_pool.Default().FindExtensionByName(ACCESS)
    except KeyError:
        return frozenset(), False
    options: Any = descriptor.GetOptions()
    access = options.Extensions[extension]
    roles: Any = access.DESCRIPTOR.fields_by_name["roles"]
    names = roles.enum_type.values_by_number
    return frozenset(Role(names[role].name.removeprefix("ROLE_").lower()) for role in access.roles), access.public


def _bindings(rule: Any) -> Iterator[Http]:
    verb = rule.WhichOneof("pattern")
    if verb == "custom":
        yield Http(rule.custom.kind.upper(), rule.custom.path, rule.body)
    elif verb:
        yield Http(verb.upper(), getattr(rule, verb), rule.body)
    for further in rule.additional_bindings:
        yield from _bindings(further)


def _comments(file: descriptor_pb2.FileDescriptorProto) -> Iterator[tuple[str, str]]:
    """(full name, leading comment) of everything in a file that has one. A location's path is the way through the
    FileDescriptorProto: field number, index, field number, index, …"""
    for location in file.source_code_info.location:
        text, path = location.leading_comments or location.trailing_comments, location.path
        if not text or not path or len(path) % 2:
            continue
        node: Any = file
        names = [file.package]
        for number, index in zip(path[::2], path[1::2], strict=True):
            part = node.DESCRIPTOR.fields_by_number[number].name
            if part not in NAMED:
                break
            node = getattr(node, part)[index]
            names.append(node.name)
        else:
            yield ".".join(names), "\n".join(line.strip() for line in text.strip().splitlines())
