"""The relay: what the commit log holds is published, in its order, at least once. One per service is active, by a lease.

Lease and checkpoint are one document, moved by compare-and-set only: whoever takes the lease over moves the document, and the
relay that it was taken from can publish what it has in hand once more, but never moves the checkpoint again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from libs.events.ahead import Ahead
from libs.events.backoff import patiently
from libs.events.envelope import NO_MARK, Commit, Mark, milliseconds, to_cloudevent, topic
from libs.events.failures import OfAnotherLog
from libs.events.ids import Ids
from libs.events.ports import Bus, Clock, CommitLog, Delivery, Document, Documents, Message, Unavailable, Write
from libs.events.progress import mark_of

log = logging.getLogger(__name__)

RELAYS = "relays"
"""The collection of the lease."""
LOOKS = 20
"""For a commit that must be there, before it counts as missing."""


class _Superseded(Exception):
    """Another relay holds the lease."""


class _Stopped(Exception):
    """Raised out of a pause."""


@dataclass(frozen=True, slots=True)
class Lease:
    """`position`: all commits up to it are published. `ends`, `tails`: partition -> offset and mark of the last message known
    to be there. `expires`: milliseconds since 1970, as its owner's clock had it. Relays of older code, which know of positions
    only or of no tails at all, can take over what is stored of it, and give it back."""

    owner: str = ""
    epoch: int = 0
    expires: int = 0
    position: int = 0
    ends: dict[int, int] = field(default_factory=dict)
    tails: dict[int, Mark] = field(default_factory=dict)
    revision: int = 0

    @classmethod
    def of(cls, revision: int, body: Document) -> Lease:
        ends, positions, versions = (_by_number(body.get(name, {})) for name in ("ends", "tails", "versions"))
        tails = {number: (position, versions.get(number, 0)) for number, position in positions.items()}
        return cls(body["owner"], body["epoch"], body["expires"], body["position"], ends, tails, revision)

    def body(self) -> Document:
        fields = {"owner": self.owner, "epoch": self.epoch, "expires": self.expires, "position": self.position}
        positions, versions = ({number: tail[part] for number, tail in self.tails.items()} for part in (0, 1))
        return {**fields, "ends": _by_name(self.ends), "tails": _by_name(positions), "versions": _by_name(versions)}


def _by_number(named: Mapping[str, int]) -> dict[int, int]:
    return {int(number): value for number, value in named.items()}


def _by_name(numbered: Mapping[int, int]) -> dict[str, int]:
    return {str(number): value for number, value in numbered.items()}


class Relay:
    """`owner`: a name that no other running relay has. `page`: commits read and published at a time. Seconds: `lease` until a
    silent owner is succeeded; `poll` between looks at an idle log (appends of this process are seen at once); `check` between
    looks whether the broker still has what it was given."""

    def __init__(
        self,
        service: str,
        commits: CommitLog,
        documents: Documents,
        bus: Bus,
        clock: Clock,
        ids: Ids,
        owner: str,
        *,
        page: int = 1_000,
        lease: float = 15.0,
        poll: float = 0.1,
        check: float = 30.0,
    ) -> None:
        self._service, self._topic = service, topic(service)
        self._commits, self._documents, self._bus, self._clock, self._ids = commits, documents, bus, clock, ids
        self._owner, self._page, self._span, self._poll, self._check = owner, page, lease, poll, check
        self._stopping = False
        self._resting: asyncio.Task[None] | None = None
        self._lease = Lease()
        self._renewed = float("-inf")
        self._looked_at = (0, float("-inf"))
        """The revision of another's lease, and when it was first seen: monotonic, as all times in here."""
        self._checked = float("-inf")
        self._pages = Ahead(self._read)

    def stop(self) -> None:
        """`run` returns when the page in hand is published and its checkpoint moved."""
        self._stopping = True
        if self._resting is not None:
            self._resting.cancel()

    @property
    def position(self) -> int:
        """All commits up to this one are published, as far as this process knows."""
        return self._lease.position

    async def run(self) -> None:
        """Until stopped: lead while the lease is ours, stand by while it is not; outlast whatever is unavailable. Raises
        `OfAnotherLog`."""
        try:
            while not self._stopping:
                await patiently(self._turn, self._rest, self._ids, attempts=None, first=0.1, most=5.0)
        except _Stopped:
            pass
        finally:
            self._pages.forget()
            await self._release()

    async def _turn(self) -> None:
        try:
            if self._lease.owner != self._owner:
                await self._take()
            else:
                await self._publish_next()
        except _Superseded:
            log.info("relay of %s is led by another process", self._service)
            self._lease = Lease()
            self._pages.forget()
        except Unavailable:
            self._checked = float("-inf")  # a broker that was away may come back empty
            self._pages.forget()
            raise

    async def _take(self) -> None:
        """Takes the lease if it is free, or rests until it may be."""
        found = (await self._documents.get(RELAYS, [self._service])).get(self._service)
        held = Lease.of(found.revision, found.body) if found else Lease()
        left = self._left(held)
        if held.owner and held.owner != self._owner and left > 0:
            await self._rest(min(left, self._span / 3))
            return
        await self._bus.ensure(self._topic)
        await self._check_log()
        self._lease = await self._moved(replace(held, owner=self._owner, epoch=held.epoch + 1))
        self._checked = float("-inf")

    async def _publish_next(self) -> None:
        """One page: read after the checkpoint, publish, move the checkpoint. With nothing to do: keep the lease, wait. Behind a
        full page the next one is read meanwhile."""
        if self._clock.monotonic() - self._checked >= self._check:
            await self._check_broker()
        commits = await self._pages.next(self._lease.position)
        if self._remaining() < self._span / 2:
            self._lease = await self._moved(self._lease)
        if not commits:
            await self._commits.wait(self._lease.position, self._poll)  # too short to be woken from by `stop`
            return
        if len(commits) == self._page:
            self._pages.begin(commits[-1].position)
        tails = dict(self._lease.tails)
        messages = messages_of(commits, self._service, self._bus.partition, tails)
        last = await self._bus.publish(self._topic, messages)
        given = Counter(self._bus.partition(message.key) for message in messages)
        if any(offset < self._lease.ends.get(number, -1) + given[number] for number, offset in last.items()):
            await self._start_over()  # they stand where others stood, or reach back there
        else:
            ends = {**self._lease.ends, **last}
            self._lease = await self._moved(replace(self._lease, position=commits[-1].position, ends=ends, tails=tails))

    async def _read(self, after: int) -> list[Commit]:
        return self._commits.recent(after, self._page) or await self._commits.read(after, self._page)

    async def _check_broker(self) -> None:
        """Whether the last message of each partition is where it was put. That something is there is not enough: a page may
        have been sent again into a new topic, and then refused."""
        found = await self._bus.read(self._topic, self._lease.ends)
        if any(not self._is_last(number, found.get(number)) for number in self._lease.ends):
            await self._start_over()
        self._checked = self._clock.monotonic()

    async def _check_log(self) -> None:
        """What was published last must be in the log. Consumers pass over positions that they have handled: a log that was set
        back, and goes on with other commits at the same positions, would not be heard. Raises `OfAnotherLog`."""
        ends = await self._bus.ends(self._topic)
        last = await self._bus.read(self._topic, {number: end - 1 for number, end in ends.items() if end})
        for message in last.values():
            if not await self._holds(message):
                raise OfAnotherLog(
                    f"{self._topic} holds at position {mark_of(message)[0]} what the log of {self._service} does not. "
                    "Databases are set back together while nothing runs, and their topics deleted then (deploy/k8s/README.md)"
                )

    async def _holds(self, message: Delivery) -> bool:
        """What is no message of ours counts as held. A database that has just elected another primary may not know for a moment
        what it has acknowledged."""
        position, _ = mark_of(message)
        commits: list[Commit] = []
        for _ in range(LOOKS if position else 0):
            commits = await self._commits.read(position - 1, 1)
            if commits:
                break
            await self._rest(self._poll)
        ids = {event.id.encode() for commit in commits for event in commit.events}
        return not position or message.headers.get("ce_id") in ids

    def _is_last(self, number: int, found: Delivery | None) -> bool:
        tail = self._lease.tails.get(number)
        if found is None or tail is None:
            return found is not None
        position, version = mark_of(found)
        return position == tail[0] and tail[1] in (0, version)

    async def _start_over(self) -> None:
        """The broker lost what it had: Kafka is distribution, not truth."""
        log.warning("the broker lost %s: publishing it again from the store", self._topic)
        await self._bus.ensure(self._topic)
        self._lease = await self._moved(replace(self._lease, position=0, ends={}, tails={}))

    async def _moved(self, lease: Lease) -> Lease:
        """The lease as stored now, renewed. Raises `_Superseded`."""
        lease = replace(lease, expires=milliseconds(self._clock.now()) + round(self._span * 1000))
        began = self._clock.monotonic()
        if await self._documents.put(RELAYS, [Write(self._service, lease.revision, lease.body())]):
            raise _Superseded
        self._renewed = began
        return replace(lease, revision=lease.revision + 1)

    async def _release(self) -> None:
        if self._lease.owner != self._owner:
            return
        free = replace(self._lease, owner="", expires=0)
        try:
            await self._documents.put(RELAYS, [Write(self._service, free.revision, free.body())])
        except Unavailable:
            log.info("the lease of %s was not given back; it expires by itself", self._service)
        self._lease = Lease()

    def _remaining(self) -> float:
        return self._renewed + self._span - self._clock.monotonic()

    def _left(self, held: Lease) -> float:
        """Seconds until another's lease may be taken: when it says so itself, and at the latest when it was not renewed for its
        span while we looked on. Its owner may have died with a clock that was a day ahead."""
        now = self._clock.monotonic()
        if self._looked_at[0] != held.revision:
            self._looked_at = held.revision, now
        by_itself = (held.expires - milliseconds(self._clock.now())) / 1000
        return min(by_itself, self._looked_at[1] + self._span - now)

    async def _rest(self, seconds: float) -> None:
        """No longer than until the relay is stopped: then raises `_Stopped`."""
        self._resting = asyncio.ensure_future(self._clock.sleep(seconds))
        try:
            await asyncio.wait({self._resting})
        finally:
            rested, self._resting = self._resting, None
            rested.cancel()
        if self._stopping:
            raise _Stopped
        rested.result()


def messages_of(
    commits: Sequence[Commit], source: str, partition: Callable[[str], int], tails: dict[int, Mark]
) -> list[Message]:
    """The commits' events as the bus carries them, in order, keyed by stream. `tails` moves on: partition -> mark of the last
    message before them."""
    messages = []
    for commit in commits:
        number = partition(commit.stream)
        for index in range(len(commit.events)):
            headers, value = to_cloudevent(commit, index, source, tails.get(number, NO_MARK))
            messages.append(Message(commit.stream, value, headers))
            tails[number] = commit.position, commit.first + index
    return messages
