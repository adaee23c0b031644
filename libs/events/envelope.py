"""What surrounds an event: the commit that stored it, and the CloudEvent that carries it.

A commit is one command's events on one stream: the unit of atomicity, of idempotency and of the hash chain.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Generic, TypeVar

import orjson

from libs.events.registry import Event, JsonObject, Registry, UnknownEventType, registry

E_co = TypeVar("E_co", bound=Event, covariant=True)

GENESIS = "0" * 64
"""`prev` of a stream's first commit."""

UUID_LENGTH = 16

SCHEMA_NAMESPACE = "urn:limelight:schema"
"""`ce_dataschema` is `<namespace>:<type>:<version>`, the `$id` of `libs/events/schemas/<type>/v<version>.json`."""


@dataclass(frozen=True, slots=True)
class Meta:
    """Who and why. `input_hash` tells a retry from another request under the same idempotency key."""

    actor: str
    correlation_id: str
    causation_id: str | None = None
    traceparent: str | None = None
    input_hash: str | None = None


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as it is stored: plain JSON data under its type and version."""

    id: str
    type: str
    v: int
    data: JsonObject


@dataclass(frozen=True, slots=True)
class NewCommit:
    """Events to append. `expected` is the stream's last version that the decision was made on (0: no stream yet), always
    the `last` of a commit that was read; `prev` is that commit's hash."""

    stream: str
    expected: int
    prev: str
    commit_id: str
    at: datetime
    meta: Meta
    events: tuple[StoredEvent, ...]

    def at_position(self, position: int) -> Commit:
        """The commit at its place in the log, with its hash."""
        first, last = self.expected + 1, self.expected + len(self.events)
        digest = chain_hash(self.prev, position, self.stream, first, last, self.commit_id, self.at, self.meta, self.events)
        return Commit(position, self.stream, first, last, self.commit_id, self.at, self.meta, self.events, self.prev, digest)


@dataclass(frozen=True, slots=True)
class Commit:
    """A stored commit. `position` is its place in the service's gapless total order; `first..last` the versions it adds."""

    position: int
    stream: str
    first: int
    last: int
    commit_id: str
    at: datetime
    meta: Meta
    events: tuple[StoredEvent, ...]
    prev: str
    hash: str

    def recompute(self) -> str:
        """The hash that this commit must have; another one stored means that a byte was altered."""
        return chain_hash(
            self.prev,
            self.position,
            self.stream,
            self.first,
            self.last,
            self.commit_id,
            self.at,
            self.meta,
            self.events,
        )


@dataclass(frozen=True, slots=True)
class Recorded(Generic[E_co]):
    """A decoded event with its place: what projections and reactions are given."""

    data: E_co
    id: str
    stream: str
    version: int
    position: int
    at: datetime
    source: str
    """The service that owns the log it comes from."""
    meta: Meta


def chain_hash(
    prev: str,
    position: int,
    stream: str,
    first: int,
    last: int,
    commit_id: str,
    at: datetime,
    meta: Meta,
    events: Sequence[StoredEvent],
) -> str:
    """sha256(prev ‖ canonical JSON of the commit), as lower-case hex. Canonical: sorted keys, no spaces, UTF-8, time in ms."""
    body = {
        "position": position,
        "stream": stream,
        "first": first,
        "last": last,
        "commit_id": commit_id,
        "at": milliseconds(at),
        "meta": meta,
        "events": list(events),
    }
    canonical = orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(prev.encode() + canonical).hexdigest()


def milliseconds(at: datetime) -> int:
    """Milliseconds since 1970-01-01 UTC: the precision in which time is stored."""
    return round(at.timestamp() * 1000)


def from_milliseconds(value: int) -> datetime:
    return datetime.fromtimestamp(value / 1000, UTC)


def iso(at: datetime) -> str:
    """RFC 3339 in UTC with milliseconds: sorts as text."""
    text = at.isoformat(timespec="milliseconds")
    if not text.endswith("+00:00"):
        text = at.astimezone(UTC).isoformat(timespec="milliseconds")
    return f"{text[:-6]}Z"


def event_id(commit_id: str, index: int) -> str:
    """Ids of events follow from the commit's: a retried append writes the same ids. uuid5 of the commit id and the index,
    without the objects in between: this is in the way of every append."""
    digest = hashlib.sha1(_bytes_of(commit_id) + str(index).encode(), usedforsecurity=False).hexdigest()
    variant = "89ab"[int(digest[16], 16) & 3]
    return f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:32]}"


def _bytes_of(commit_id: str) -> bytes:
    """Raises `ValueError` if it is no UUID."""
    found = bytes.fromhex(commit_id.replace("-", ""))
    return found if len(found) == UUID_LENGTH else uuid.UUID(commit_id).bytes


def store_events(commit_id: str, events: Sequence[Event]) -> tuple[StoredEvent, ...]:
    """Events as a commit stores them."""
    return tuple(
        StoredEvent(event_id(commit_id, i), e.type, e.version, e.model_dump(mode="json")) for i, e in enumerate(events)
    )


@dataclass(frozen=True, slots=True)
class Fact:
    """An event as it is stored, in its newest version: plain JSON, checked when it was written. For folds over millions of
    them; whoever reads one changes nothing of it. Fields that were added since it was written may be missing."""

    kind: type[Event]
    data: JsonObject
    position: int


def facts(commit: Commit, known: Registry = registry) -> Iterator[Fact]:
    """The commit's events, in order; types unknown here are passed over."""
    for stored in commit.events:
        try:
            kind, data = known.upcast(stored.type, stored.v, stored.data)
        except UnknownEventType:
            continue
        yield Fact(kind, data, commit.position)


def recorded(commit: Commit, source: str, known: Registry = registry) -> Iterator[Recorded[Event]]:
    """The commit's events, decoded in order; types unknown here are passed over."""
    for offset, stored in enumerate(commit.events):
        try:
            data = known.decode(stored.type, stored.v, stored.data)
        except UnknownEventType:
            continue
        yield Recorded(data, stored.id, commit.stream, commit.first + offset, commit.position, commit.at, source, commit.meta)


# --- CloudEvents 1.0, binary mode ------------------------------------------------------------------------------------

Headers = tuple[tuple[str, bytes], ...]

SPECVERSION, CONTENT_TYPE = ("ce_specversion", b"1.0"), ("content-type", b"application/json")


def topic(service: str) -> str:
    """The topic of a service's events, keyed by stream."""
    return f"limelight.{service}.events.v1"


def schema_address(type_: str, version: int) -> str:
    return f"{SCHEMA_NAMESPACE}:{type_}:{version}"


Mark = tuple[int, int]
"""A message's place in the order of its partition: the commit's position, the event's version in its stream."""
NO_MARK: Mark = (0, 0)


def to_cloudevent(commit: Commit, index: int, source: str, follows: Mark) -> tuple[Headers, bytes]:
    """Kafka headers and value of one event of a commit. `follows`: the message before it in its partition, `NO_MARK` if it is
    the first. `ce_streamversion`, `ce_position`, `ce_follows`, `ce_followsversion`, `ce_actor`, `ce_correlationid`,
    `ce_causationid` and `traceparent` are extensions; a stock CloudEvents SDK reads them all."""
    stored, meta = commit.events[index], commit.meta
    type_, schema, origin = _constant_headers(stored.type, stored.v, source)
    stream = commit.stream.encode()
    headers: Headers = (
        SPECVERSION,
        ("ce_id", stored.id.encode()),
        type_,
        origin,
        ("ce_subject", stream),
        ("ce_time", iso(commit.at).encode()),
        schema,
        ("ce_partitionkey", stream),
        ("ce_streamversion", b"%d" % (commit.first + index)),
        ("ce_position", b"%d" % commit.position),
        ("ce_follows", b"%d" % follows[0]),
        ("ce_followsversion", b"%d" % follows[1]),
        ("ce_actor", meta.actor.encode()),
        ("ce_correlationid", meta.correlation_id.encode()),
        CONTENT_TYPE,
    )
    if meta.causation_id:
        headers += (("ce_causationid", meta.causation_id.encode()),)
    if meta.traceparent:
        traceparent = meta.traceparent.encode()
        headers += (("ce_traceparent", traceparent), ("traceparent", traceparent))
    return headers, orjson.dumps(stored.data)


@lru_cache(maxsize=1_000)
def _constant_headers(type_: str, version: int, source: str) -> Headers:
    """What all events of one type from one service carry: type, schema, source."""
    return (
        ("ce_type", f"{type_}.v{version}".encode()),
        ("ce_dataschema", schema_address(type_, version).encode()),
        ("ce_source", f"/limelight/{source}".encode()),
    )


def from_cloudevent(headers: Mapping[str, bytes], value: bytes, known: Registry = registry) -> Recorded[Event]:
    """The event of a Kafka message. Raises `UnknownEventType`, `UnknownEventVersion`, `ValueError` (also of a bad schema)."""
    try:
        type_, _, version = headers["ce_type"].decode().rpartition(".v")
        data: Any = orjson.loads(value)
        return Recorded(
            data=known.decode(type_, int(version), data),
            id=headers["ce_id"].decode(),
            stream=headers["ce_subject"].decode(),
            version=int(headers["ce_streamversion"]),
            position=int(headers["ce_position"]),
            at=datetime.fromisoformat(headers["ce_time"].decode()),
            source=headers["ce_source"].decode().removeprefix("/limelight/"),
            meta=Meta(
                actor=_text(headers, "ce_actor") or "",
                correlation_id=_text(headers, "ce_correlationid") or "",
                causation_id=_text(headers, "ce_causationid"),
                traceparent=_text(headers, "traceparent"),
            ),
        )
    except KeyError as missing:
        raise ValueError(f"not a CloudEvent of ours: header {missing} is missing") from missing


def _text(headers: Mapping[str, bytes], name: str) -> str | None:
    value = headers.get(name)
    return value.decode() if value else None
