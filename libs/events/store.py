"""The commit log on MongoDB: one document per commit, `_id` = position, gapless by construction.

Concurrent appends of a process leave as one ordered insert, which stops at the first refusal, so that no hole can exist.
Why one was refused is found by reading, never from error texts.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from libs.events.backoff import patiently, pause
from libs.events.commit_documents import PAGE, page_of
from libs.events.commit_documents import commit_of as commit_of
from libs.events.commit_documents import document_of as document_of
from libs.events.database import Database, Filter
from libs.events.envelope import Commit, NewCommit
from libs.events.ids import Ids
from libs.events.ports import Appended, Clock, ConcurrencyError, Unavailable
from libs.events.recent import Recent

COMMITS = "commits"
ATTEMPTS = 5
"""Of a batch whose outcome the network hides, before its callers are told `Unavailable`."""
TURN, SHARED_TURN, GAP = 1.0, 0.2, 0.02
"""Seconds that a busy process appends before it leaves the others a gap (`SHARED_TURN`: after it lost a race), and how long the
gap is: whoever has just appended knows the next position first, and would win every race."""
SHARED = 60.0
"""Seconds after a lost race in which others are expected to append as well."""
LOOKUPS = 25
"""Positions asked for at once; the embedded database takes quadratic time."""
PAGES = 10
"""Pages asked for at once."""
LONGEST_BACKOFF = 0.01
"""Seconds; no longer than a gap, so that a waiting process finds one."""


@dataclass(slots=True)
class _Waiting:
    """An append and who waits for it. A caller that was cancelled no longer waits; its commit may be stored all the same."""

    new: NewCommit
    outcome: asyncio.Future[Appended]

    def settle(self, outcome: Appended | Exception) -> None:
        if self.outcome.done():
            return
        if isinstance(outcome, Exception):
            self.outcome.set_exception(outcome)
        else:
            self.outcome.set_result(outcome)


class MongoCommitLog:
    """`CommitLog`. Any number of processes may append to one database. `largest_batch`: commits in one insert."""

    def __init__(self, database: Database, clock: Clock, ids: Ids, *, largest_batch: int = 500) -> None:
        self._database, self._clock, self._ids, self._largest = database, clock, ids, largest_batch
        self._queue: deque[_Waiting] = deque()
        self._appender: asyncio.Task[None] | None = None
        self._indexed = False
        self._next: int | None = None  # the position to try; None: read it
        self._known = 0  # a position that is taken for good
        self._stored = 0  # a late position that this process knows to be taken
        self._lost_races = 0
        # When this process began to append without a gap, when it last appended, when it last lost a race.
        self._turn = self._busy = self._lost = float("-inf")
        self._heads = _Heads()
        self._recent = Recent()
        self._bell = asyncio.Event()

    async def append(self, new: NewCommit) -> Appended:
        if not new.events:
            raise ValueError("a commit holds at least one event")
        loop = asyncio.get_running_loop()
        waiting = _Waiting(new, loop.create_future())
        self._queue.append(waiting)
        if self._appender is None or self._appender.done():
            self._appender = loop.create_task(self._drain(), name="commit log appender")
        return await waiting.outcome

    async def stream(self, stream: str, after: int = 0) -> list[Commit]:
        where = {"stream": stream, "last": {"$gt": after}} if after else {"stream": stream}
        commits = [commit_of(found) for found in await self._database.find(COMMITS, where, sort=[("first", 1)])]
        if commits:
            self._heads.saw(stream, commits[-1].last)
        return commits

    async def streams(self, streams: Sequence[str]) -> dict[str, list[Commit]]:
        found: dict[str, list[Commit]] = {}
        for document in await self._database.find(COMMITS, {"stream": {"$in": list(streams)}}, sort=[("first", 1)]):
            commit = commit_of(document)
            found.setdefault(commit.stream, []).append(commit)
        for stream, commits in found.items():
            self._heads.saw(stream, commits[-1].last)
        return found

    async def read(self, after: int, limit: int) -> list[Commit]:
        """By look-ups, first few, then whole pages: the embedded database scans the whole collection for a range of `_id`.
        Only what has no gap before it is taken, since a look at several documents is not one moment."""
        await self._declare_indexes()
        commits: list[Commit] = []
        size = 1  # an idle relay asks for the next position only
        while len(commits) < limit:
            wanted = range(after + 1, after + 1 + min(size, limit - len(commits)))
            where = _on_pages(wanted) if size > LOOKUPS else {"_id": {"$in": list(wanted)}}
            at = {found["_id"]: found for found in await self._database.find(COMMITS, where, majority=True)}
            taken = [commit_of(at[position]) for position in takewhile(at.__contains__, wanted)]
            commits += taken
            after += len(taken)
            if len(taken) == len(wanted):
                size = LOOKUPS if size < LOOKUPS else PAGES * PAGE
            elif size > LOOKUPS:
                size = LOOKUPS  # the end of the log is near, or its documents were written before there were pages
            else:
                break
        if commits:
            self._known = max(self._known, commits[-1].position)
        return commits

    def recent(self, after: int, limit: int) -> list[Commit]:
        return self._recent.after(after, limit)

    async def find(self, commit_id: str) -> Commit | None:
        found = await self._database.find(COMMITS, {"commit_id": commit_id}, limit=1)
        return commit_of(found[0]) if found else None

    async def find_all(self, commit_ids: Sequence[str]) -> dict[str, Commit]:
        found = await self._database.find(COMMITS, {"commit_id": {"$in": list(commit_ids)}})
        return {commit.commit_id: commit for commit in map(commit_of, found)}

    async def head(self) -> int:
        return await self._last(majority=True)

    async def wait(self, after: int, timeout: float) -> None:
        if self._recent.after(after, 1):
            return  # a later one is no news while another process's, before it, cannot be read yet
        try:
            async with asyncio.timeout(timeout):
                await self._bell.wait()
        except TimeoutError:
            return

    # --- the appender: one task while there is something to append ----------------------------------------------------

    async def _drain(self) -> None:
        batch: list[_Waiting] = []
        try:
            while self._queue:
                await self._leave_a_gap()
                batch = self._take()
                await self._place_or_fail(batch)
                self._busy = self._clock.monotonic()
        except asyncio.CancelledError:
            for waiting in (*batch, *self._queue):
                waiting.settle(Unavailable("the commit log is closing"))
            self._queue.clear()
            raise

    async def _leave_a_gap(self) -> None:
        now = self._clock.monotonic()
        if now - self._busy > GAP:
            self._turn = now
        elif now - self._turn > (SHARED_TURN if now - self._lost < SHARED else TURN):
            await self._clock.sleep(GAP)
            self._turn = self._clock.monotonic()

    def _take(self) -> list[_Waiting]:
        """The next batch, in the order of arrival: a stream's second append waits for the outcome of its first."""
        batch: list[_Waiting] = []
        later: list[_Waiting] = []
        streams: set[str] = set()
        while self._queue and len(batch) < self._largest:
            waiting = self._queue.popleft()
            if waiting.outcome.done():
                continue
            if waiting.new.stream in streams:
                later.append(waiting)
            else:
                streams.add(waiting.new.stream)
                batch.append(waiting)
        self._queue.extendleft(reversed(later))
        return batch

    async def _place_or_fail(self, batch: list[_Waiting]) -> None:
        """Places the batch; what lost a race for its position goes back to the head of the queue."""
        left, doubtful = batch, False

        async def place() -> None:
            nonlocal left, doubtful
            everyone, doubtful = doubtful, True
            left = await self._settle_known(left, everyone=everyone)
            left = await self._insert(left)

        try:
            await patiently(place, self._clock.sleep, self._ids, attempts=ATTEMPTS)
        except Unavailable as failure:
            for waiting in left:
                waiting.settle(failure)
            return
        except Exception as failure:  # a document that cannot be stored: it alone must fail, not its neighbours
            self._next = None
            if len(left) == 1:
                left[0].settle(failure)
                return
            for waiting in left:
                await self._place_or_fail([waiting])
            return
        if not left:
            self._lost_races = 0
            return
        self._queue.extendleft(reversed(left))
        if self._next is not None:  # not the position was refused, but what was to be placed there
            return
        self._lost_races += 1
        self._lost = self._clock.monotonic()
        if self._lost_races > 1:
            await self._clock.sleep(pause(self._ids, self._lost_races, 0.002, LONGEST_BACKOFF))

    async def _insert(self, batch: Sequence[_Waiting]) -> list[_Waiting]:
        """Returns those that are still to be placed."""
        if not batch:
            return []
        position, self._next = await self._position(), None
        commits = [waiting.new.at_position(position + i) for i, waiting in enumerate(batch)]
        inserted = await self._database.insert_in_order(COMMITS, [document_of(commit) for commit in commits])
        self._recent.add(commits[:inserted])
        for waiting, commit in zip(batch[:inserted], commits, strict=False):
            self._heads.saw(commit.stream, commit.last)
            waiting.settle(Appended(commit, duplicate=False))
        if inserted:
            self._stored = position + inserted - 1
            self._bell.set()
            self._bell = asyncio.Event()
        if inserted == len(batch):
            self._next = position + inserted
            return []
        refused = await self._settle_known(batch[inserted : inserted + 1], everyone=True)
        if refused:
            self._stored = position + inserted
        else:
            self._next = position + inserted  # the position was free: the stream or the commit id was not
        return [*refused, *batch[inserted + 1 :]]

    async def _settle_known(self, batch: Sequence[_Waiting], *, everyone: bool) -> list[_Waiting]:
        """Settles those whose outcome can be read: stored already, or their stream has moved on. Unless `everyone` is asked
        for, only those are read whose `expected` is not known to be a commit's end: the indexes would not see an overlap."""
        doubted = [w for w in batch if everyone or not self._heads.at(w.new.stream, w.new.expected)]
        if not doubted:
            return list(batch)
        stored = await self._database.find(COMMITS, {"commit_id": {"$in": [w.new.commit_id for w in doubted]}})
        commits = {commit.commit_id: commit for commit in map(commit_of, stored)}
        for waiting in doubted:
            if (commit := commits.get(waiting.new.commit_id)) is not None:
                waiting.settle(Appended(commit, duplicate=True))
            elif await self._head_of(waiting.new.stream) != waiting.new.expected:
                waiting.settle(ConcurrencyError(waiting.new.stream, waiting.new.expected))
        return [waiting for waiting in batch if not waiting.outcome.done()]

    async def _head_of(self, stream: str) -> int:
        found = await self._database.find(COMMITS, {"stream": stream}, sort=[("first", -1)], limit=1, fields=["last"])
        head = int(found[0]["last"]) if found else 0
        self._heads.saw(stream, head)
        return head

    async def _declare_indexes(self) -> None:
        if not self._indexed:
            await self._database.index(COMMITS, [("stream", 1), ("first", 1)], unique=True)
            await self._database.index(COMMITS, [("commit_id", 1)], unique=True)
            await self._database.index(COMMITS, [("page", 1)])
            self._indexed = True

    async def _position(self) -> int:
        await self._declare_indexes()
        return self._next if self._next is not None else await self._last(majority=False) + 1

    async def _last(self, *, majority: bool) -> int:
        """The last position, by look-ups from one that is taken for good: there are no gaps, so one that is free has none after
        it. Near ones are asked for at once, far ones by doubling the distance and halving it again."""
        last, step = self._known, LOOKUPS
        while await self._taken([last + step], majority=majority):
            last, step = last + step, step * 2
        while step > LOOKUPS:
            step //= 2
            if await self._taken([last + step], majority=majority):
                last += step
        near = range(last + 1, last + LOOKUPS)
        taken = await self._taken(near, majority=majority)
        last += len(list(takewhile(taken.__contains__, near)))
        if majority or await self._taken([last], majority=True):
            self._known = max(self._known, last)
        return last

    async def _taken(self, positions: Sequence[int], *, majority: bool = False) -> set[int]:
        where = {"_id": {"$in": list(positions)}}
        return {found["_id"] for found in await self._database.find(COMMITS, where, fields=["_id"], majority=majority)}


def _on_pages(wanted: range) -> Filter:
    pages = range(page_of(wanted[0]), page_of(wanted[-1]) + 1)
    return {"page": {"$in": list(pages)}} if len(pages) > 1 else {"page": pages[0]}


class _Heads:
    """Ends of commits that this process has seen, the latest per stream; the oldest entries are forgotten."""

    def __init__(self, most: int = 100_000) -> None:
        self._last: dict[str, int] = {}
        self._most = most

    def at(self, stream: str, version: int) -> bool:
        """A new stream needs no look: its first commit is at version 1, and the index is on that."""
        return self._last.get(stream, 0) == version

    def saw(self, stream: str, version: int) -> None:
        self._last.pop(stream, None)
        self._last[stream] = version
        if len(self._last) > self._most:
            del self._last[next(iter(self._last))]
