"""The four things the kernel needs from outside. Each has a real implementation and an in-memory twin (`memory.py`);
one behaviour suite, `tests/kernel/behaviour`, runs on both."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from libs.events.envelope import Commit, Headers, NewCommit
from libs.events.ids import Ids

Document = dict[str, Any]
"""A read model's document: plain JSON values."""


class ConcurrencyError(Exception):
    """The stream moved on since it was read: load it again and decide again."""

    def __init__(self, stream: str, expected: int) -> None:
        super().__init__(f"stream {stream} is no longer at version {expected}")
        self.stream, self.expected = stream, expected


class Unavailable(Exception):
    """A database, broker or peer does not answer now. Transient: wait and try again, never dead-letter."""


@dataclass(frozen=True, slots=True)
class Appended:
    """`duplicate`: the commit id was stored before; `commit` is what was stored then, and nothing was written now."""

    commit: Commit
    duplicate: bool


class CommitLog(Protocol):
    """One service's commits: append-only, gapless total order, optimistic per stream, idempotent by commit id."""

    async def append(self, new: NewCommit) -> Appended:
        """Stores the commit durably. Raises `ConcurrencyError`, `Unavailable` (the outcome may then be either: retry with the
        same commit id)."""
        ...

    async def stream(self, stream: str, after: int = 0) -> list[Commit]:
        """The stream's commits with `last > after`, in order."""
        ...

    async def streams(self, streams: Sequence[str]) -> dict[str, list[Commit]]:
        """Whole streams, those that there are, in one look-up."""
        ...

    async def read(self, after: int, limit: int) -> list[Commit]:
        """Commits of all streams with `position > after`, in order, at most `limit`; only what no fail-over can take back."""
        ...

    def recent(self, after: int, limit: int) -> list[Commit]:
        """What `read` would give, without reading: the commits from `after + 1` on that this process appended last. Empty
        if it does not remember them."""
        ...

    async def find(self, commit_id: str) -> Commit | None: ...

    async def find_all(self, commit_ids: Sequence[str]) -> dict[str, Commit]:
        """Those of them that are stored, by commit id, in one look-up."""
        ...

    async def head(self) -> int:
        """The last position; 0 when empty."""
        ...

    async def wait(self, after: int, timeout: float) -> None:
        """Returns when this process has appended what follows `after`, or appends anything, or after `timeout` seconds. A
        doorbell: others' appends do not ring it."""
        ...


@dataclass(frozen=True, slots=True)
class Stored:
    """A document as read. `revision` counts its writes from 1."""

    id: str
    revision: int
    body: Document


@dataclass(frozen=True, slots=True)
class Write:
    """Put `body` (None: delete; what is gone already counts as deleted) if the document is still at `revision` (0: if it
    does not exist)."""

    id: str
    revision: int
    body: Document | None


@dataclass(frozen=True, slots=True)
class Range:
    """A filter's bounds, inclusive; None is open. A missing or null field is in no range. Of a list, some element has to
    reach each bound."""

    least: Any = None
    most: Any = None


@dataclass(frozen=True, slots=True)
class AnyOf:
    """The field (or, of a list, an element) is one of these."""

    values: tuple[Any, ...]


Where = Mapping[str, Any]
"""Dotted field -> a value (equal, or an element of a list), a `Range` or an `AnyOf`; all must hold."""


@dataclass(frozen=True, slots=True)
class Page:
    """Order and cut of a find. `sort`: (dotted field, ascending?) pairs, of fields whose values are null or all of
    one type; ties are broken by id, ascending. `after`: the sort values and the id of the last document seen."""

    sort: tuple[tuple[str, bool], ...] = ()
    after: tuple[Any, ...] | None = None
    limit: int = 100


class Documents(Protocol):
    """Read models, checkpoints, leases, deadlines, dead letters: documents by id, changed by compare-and-set only."""

    async def get(self, collection: str, ids: Sequence[str]) -> dict[str, Stored]: ...

    async def put(self, collection: str, writes: Sequence[Write]) -> frozenset[str]:
        """Each write is atomic by itself, at most one per id. Returns the ids that had moved on: nothing of theirs was written,
        or it was overwritten before the losers could be told apart; read them again. Raises `Unavailable` (any of the writes
        may then have taken effect)."""
        ...

    async def find(self, collection: str, where: Where, page: Page = Page()) -> list[Stored]: ...

    async def count(self, collection: str, where: Where) -> int: ...

    async def index(self, collection: str, fields: Sequence[str]) -> None:
        """Declares that finds filter or sort by these dotted fields."""
        ...

    async def drop(self, collection: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Message:
    key: str
    value: bytes
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class Delivery:
    topic: str
    partition: int
    offset: int
    key: str
    value: bytes
    headers: Mapping[str, bytes] = field(default_factory=dict)


Deliver = Callable[[Sequence[Delivery]], Awaitable[None]]
"""Handles a batch (in order within a partition). An exception means: nothing of it is acknowledged, deliver it again."""


class Subscription(Protocol):
    async def start(self) -> None: ...

    async def stop(self) -> None:
        """Finishes the batch in hand, commits, leaves the group."""
        ...

    def polled(self) -> float:
        """Monotonic time of the last sign of life: a consumer that is alive but deaf turns not-ready."""
        ...


class Bus(Protocol):
    """Distribution: topics of keyed messages, groups that share the work; at least once, in order per key."""

    async def ensure(self, topic: str) -> None:
        """Creates the topic if it is not there (12 partitions)."""
        ...

    async def publish(self, topic: str, messages: Sequence[Message]) -> dict[int, int]:
        """Returns when all are acknowledged by all in-sync replicas: partition -> last offset. Raises `Unavailable`."""
        ...

    async def ends(self, topic: str) -> dict[int, int]:
        """Partition -> the next offset to be written. Raises `Unavailable`."""
        ...

    async def read(self, topic: str, offsets: Mapping[int, int]) -> dict[int, Delivery]:
        """What stands at these offsets (partition -> offset), where something does. Raises `Unavailable`."""
        ...

    def partition(self, key: str) -> int:
        """Where a key's messages go."""
        ...

    def subscribe(self, group: str, topics: Sequence[str], deliver: Deliver) -> Subscription:
        """From the beginning for a new group."""
        ...


class Clock(Protocol):
    """Time comes in from outside, so that a simulation owns it."""

    def now(self) -> datetime:
        """UTC, in milliseconds."""
        ...

    def monotonic(self) -> float: ...

    async def sleep(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class Ports:
    """What one service is given: real in production, twins in a simulation."""

    log: CommitLog
    documents: Documents
    bus: Bus
    clock: Clock
    ids: Ids
