"""load → decide → append. The only place where commands become commits."""

from __future__ import annotations

import asyncio
import zlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from weakref import WeakValueDictionary

import orjson
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type

from libs.events.decider import Actor, Command, Decider, Decision, Kind, Refusal, not_found
from libs.events.envelope import GENESIS, Commit, Meta, NewCommit, StoredEvent, store_events
from libs.events.ports import Clock, CommitLog, ConcurrencyError, Unavailable
from libs.events.registry import Registry, registry

S = TypeVar("S")

MOST_CACHED = 10_000
"""Folded states kept per process, the least recently used leave first."""
CONFLICTS = 12
"""Further attempts at a stream that other processes keep writing to, before `Unavailable`."""
OUTAGES = 2
"""Further attempts at a log that does not answer, before `Unavailable`."""
BASE_WAIT, MOST_WAIT = 0.005, 0.5
"""Seconds before the second attempt, and at most; doubled in between."""


LARGEST_EVENT, LARGEST_COMMIT = 768 * 1024, 15 * 2**20
"""Bytes of an event's data as JSON, and of all events of a commit. A broker takes a megabyte by default: what is larger would
be stored and never published, and nothing behind it either. MongoDB takes sixteen (ADR 24)."""


@dataclass(frozen=True, slots=True)
class Folded(Generic[S]):
    """A stream folded up to `version` (0: there is none). `head` is the hash of the last commit, `position` its position."""

    version: int
    state: S
    head: str = GENESIS
    position: int = 0


@dataclass(frozen=True, slots=True)
class Outcome(Generic[S]):
    """What a command did. `commit` is None where nothing changed; `duplicate`: it had been done before, under the same commit
    id, and this is how it left the stream then."""

    stream: str
    version: int
    position: int
    state: S
    commit: Commit | None
    duplicate: bool


@dataclass(frozen=True, slots=True)
class _Task(Generic[S]):
    """A stamped command on its way to a commit."""

    decider: Decider[Any, S, Any]
    command: Command
    stream: str
    commit_id: str
    expected: int | None
    meta: Meta


class CommandHandler:
    """Handles commands of one service. States are cached per process; a cached state may be stale: an append on it is refused
    by the log, and neither a refusal nor a no-op is believed before the stream's tail was read."""

    def __init__(self, log: CommitLog, clock: Clock, *, known: Registry = registry, most_cached: int = MOST_CACHED) -> None:
        self._log, self._clock, self._known, self._most = log, clock, known, most_cached
        self._cache: OrderedDict[str, Folded[Any]] = OrderedDict()
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def handle(
        self,
        decider: Decider[Any, S, Any],
        command: Command,
        *,
        actor: Actor,
        commit_id: str,
        expected: int | None = None,
        input_hash: str | None = None,
        correlation_id: str | None = None,
        causation_id: str | None = None,
        traceparent: str | None = None,
    ) -> Outcome[S]:
        """Decides and appends once per commit id. `expected`: the version that the caller saw. Raises `Refusal` (nothing was
        written) or `Unavailable` (the outcome is open: send it again under the same commit id)."""
        stamped = command.model_copy(update={"actor": actor, "at": self._clock.now()})
        meta = Meta(str(actor), correlation_id or commit_id, causation_id, traceparent, input_hash)
        task = _Task(decider, stamped, _stream_of(decider, decider.stream(command)), commit_id, expected, meta)
        async with self._turn(task.stream):
            try:
                return await self._attempt(task)
            except (ConcurrencyError, Unavailable):
                return await self._attempt_again(task)

    async def load(self, decider: Decider[Any, S, Any], stream: str, as_of: int | datetime | None = None) -> Folded[S]:
        """The stream as it stands now (strongly consistent), or as it stood at a version or time. Version 0: there was none.
        Raises `Refusal` (a version that has not been yet; an id that is none of this aggregate), `Unavailable`."""
        _stream_of(decider, stream)
        if as_of is None:
            return await self._catch_up(decider, stream, self._cached(decider, stream))
        commits = await self._log.stream(stream)
        if isinstance(as_of, int):
            reached = commits[-1].last if commits else 0
            if not 0 <= as_of <= reached:
                raise Refusal(
                    "VERSION_NOT_REACHED",
                    f"version {as_of} of {stream} does not exist; the newest is {reached}",
                    kind=Kind.INVALID_ARGUMENT,
                    field="as_of",
                    newest=reached,
                )
            return self._fold(decider, Folded(0, decider.initial), commits, until=as_of)
        return self._fold(decider, Folded(0, decider.initial), [c for c in commits if c.at <= as_of])

    async def warm(self, decider: Decider[Any, S, Any], streams: Sequence[str]) -> None:
        """Folds what many commands are about to be decided on, in one look-up. Without it each stream that is not cached would
        be taken for new, and found out by a refused append."""
        unknown = [stream for stream in streams if stream not in self._cache]
        if not unknown:
            return
        empty = Folded(0, decider.initial)
        for stream, commits in (await self._log.streams(unknown)).items():
            self._keep(stream, self._fold(decider, empty, commits))

    # --- one attempt ---------------------------------------------------------------------------------------------

    async def _attempt(self, task: _Task[S]) -> Outcome[S]:
        folded, fresh = await self._begin(task)
        decided = self._judge(task, folded)
        if not fresh and (isinstance(decided, Refusal) or not decided):
            folded = await self._catch_up(task.decider, task.stream, folded)
            decided = self._judge(task, folded)
        if isinstance(decided, Refusal) or not decided:
            if (stored := await self._log.find(task.commit_id)) is not None:
                return await self._repeated(task, stored)
            if isinstance(decided, Refusal):
                raise decided
            return Outcome(task.stream, folded.version, folded.position, folded.state, None, False)
        return await self._append(task, folded, decided)

    async def _begin(self, task: _Task[S]) -> tuple[Folded[S], bool]:
        """The state to decide on, and whether it was read just now. What is not cached is taken for new if the command may
        begin a stream: if it is not, the log refuses."""
        if task.stream in self._cache or isinstance(task.command, task.decider.legal.get(type(task.decider.initial), ())):
            return self._cached(task.decider, task.stream), False
        empty = Folded(0, task.decider.initial)
        return await self._catch_up(task.decider, task.stream, empty), True

    def _judge(self, task: _Task[S], folded: Folded[S]) -> Decision | Refusal:
        decided: Decision | Refusal
        try:
            decided = task.decider.judge(task.command, folded.state)
        except Refusal as refusal:
            decided = refusal
        if task.expected in (None, folded.version) or (isinstance(decided, Refusal) and decided.kind is Kind.NOT_FOUND):
            return decided
        return Refusal(
            "VERSION_MISMATCH",
            f"{task.stream} is at version {folded.version}, not {task.expected}: read it again",
            kind=Kind.ABORTED,
            expected=task.expected,
            version=folded.version,
        )

    async def _append(self, task: _Task[S], folded: Folded[S], decided: Decision) -> Outcome[S]:
        new = NewCommit(
            task.stream,
            folded.version,
            folded.head,
            task.commit_id,
            task.command.at,
            task.meta,
            _fitting(store_events(task.commit_id, decided)),
        )
        try:
            appended = await self._log.append(new)
        except ConcurrencyError:
            await self._catch_up_after_conflict(task.decider, task.stream, folded)
            raise
        if appended.duplicate:
            return await self._repeated(task, appended.commit)
        commit = appended.commit
        state = task.decider.fold(decided, folded.state)
        self._keep(task.stream, Folded(commit.last, state, commit.hash, commit.position))
        return Outcome(task.stream, commit.last, commit.position, state, commit, False)

    async def _repeated(self, task: _Task[S], stored: Commit) -> Outcome[S]:
        """The outcome of the commit that is stored under this commit id. Raises `Refusal` if it was another request."""
        if stored.stream != task.stream or stored.meta.input_hash != task.meta.input_hash:
            raise reused_key()
        then = await self.load(task.decider, task.stream, as_of=stored.last)
        return Outcome(task.stream, then.version, stored.position, then.state, stored, True)

    # --- again ---------------------------------------------------------------------------------------------------

    async def _attempt_again(self, task: _Task[S]) -> Outcome[S]:
        """Under the same commit id: what was stored after all is found again as this command's outcome."""
        await self._clock.sleep(_jittered(task.commit_id, 0))
        again = AsyncRetrying(
            retry=retry_if_exception_type((ConcurrencyError, Unavailable)),
            stop=_given_up,
            wait=lambda call: _jittered(task.commit_id, call.attempt_number),
            sleep=self._clock.sleep,
            reraise=True,
        )
        try:
            return await again(self._attempt, task)
        except ConcurrencyError as contended:
            raise Unavailable(f"stream {task.stream} is contended") from contended

    async def _catch_up_after_conflict(self, decider: Decider[Any, S, Any], stream: str, folded: Folded[S]) -> None:
        if (await self._catch_up(decider, stream, folded)).version == folded.version:
            self._cache.pop(stream, None)

    # --- states --------------------------------------------------------------------------------------------------

    async def _catch_up(self, decider: Decider[Any, S, Any], stream: str, folded: Folded[S]) -> Folded[S]:
        """Folds what was appended since; keeps it."""
        commits = await self._log.stream(stream, folded.version)
        if not commits:
            return folded
        if commits[0].prev != folded.head:
            folded, commits = Folded(0, decider.initial), await self._log.stream(stream)
        newest = self._fold(decider, folded, commits)
        self._keep(stream, newest)
        return newest

    def _fold(
        self, decider: Decider[Any, S, Any], folded: Folded[S], commits: Sequence[Commit], until: int | None = None
    ) -> Folded[S]:
        """Every event counts: one that cannot be read here fails the fold, for no rule may decide on half a history."""
        version, state, head, position = folded.version, folded.state, folded.head, folded.position
        decode, evolve = self._known.decode, decider.evolve
        for commit in commits:
            if until is not None and commit.first > until:
                break
            taken = commit.events if until is None else commit.events[: until - commit.first + 1]
            for stored in taken:
                state = evolve(state, decode(stored.type, stored.v, stored.data))
            version, head, position = commit.first + len(taken) - 1, commit.hash, commit.position
        return Folded(version, state, head, position)

    def _cached(self, decider: Decider[Any, S, Any], stream: str) -> Folded[S]:
        kept = self._cache.get(stream)
        if kept is None:
            return Folded(0, decider.initial)
        self._cache.move_to_end(stream)
        return kept

    def _keep(self, stream: str, folded: Folded[Any]) -> None:
        kept = self._cache.get(stream)
        if kept is not None and kept.position > folded.position:
            return
        self._cache[stream] = folded
        self._cache.move_to_end(stream)
        if len(self._cache) > self._most:
            self._cache.popitem(last=False)

    def _turn(self, stream: str) -> asyncio.Lock:
        """Commands of this process on one stream take turns: they would only conflict with each other."""
        lock = self._turns.get(stream)
        if lock is None:
            lock = self._turns[stream] = asyncio.Lock()
        return lock


def reused_key() -> Refusal:
    """One idempotency key, two requests."""
    said = "this idempotency key was used for another request: use a new key"
    return Refusal("IDEMPOTENCY_KEY_REUSED", said, kind=Kind.ALREADY_EXISTS)


def _fitting(events: tuple[StoredEvent, ...]) -> tuple[StoredEvent, ...]:
    """The last resort: what a command may say is bounded by the command."""
    sizes = [len(orjson.dumps(event.data)) for event in events]
    for size, most in ((max(sizes, default=0), LARGEST_EVENT), (sum(sizes), LARGEST_COMMIT)):
        if size > most:
            said = f"this would take {size} bytes, and at most {most} can be stored: say it in fewer words or in parts"
            raise Refusal("EVENT_TOO_LARGE", said, kind=Kind.INVALID_ARGUMENT, most=most, size=size)
    return events


def _stream_of(decider: Decider[Any, Any, Any], stream: str) -> str:
    """Raises `Refusal` for an id of something else: its events are not this aggregate's."""
    if not stream.startswith(f"{decider.prefix}_"):
        raise not_found(decider.name)
    return stream


def _given_up(call: RetryCallState) -> bool:
    failed = call.outcome.exception() if call.outcome else None
    return call.attempt_number >= (OUTAGES if isinstance(failed, Unavailable) else CONFLICTS)


def _jittered(seed: str, attempt: int) -> float:
    """Exponential with full jitter; the chance in it follows from the commit id, so that a simulation repeats."""
    share = zlib.crc32(f"{seed}/{attempt}".encode()) / 2**32
    return min(MOST_WAIT, BASE_WAIT * 2.0**attempt) * share
