"""Verification of a log: order without gaps, versions without gaps, and the hash chain of every stream."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from libs.events.envelope import GENESIS, Commit
from libs.events.ports import CommitLog

PAGE = 1_000
WIDEST_GAP = 100
"""Missing positions in a row behind which more commits are looked for."""


@dataclass(frozen=True, slots=True)
class Fault:
    """The first commit that is not as it was stored, and why."""

    position: int
    stream: str
    commit_id: str
    reason: str


@dataclass(slots=True)
class Chain:
    """The streams' ends so far: the last version and the hash that the next commit must follow."""

    ends: dict[str, tuple[int, str]] = field(default_factory=dict)

    def follow(self, commit: Commit) -> Fault | None:
        """Takes the next commit of its stream; says what is wrong with it, if something is."""
        version, digest = self.ends.get(commit.stream, (0, GENESIS))
        if commit.first != version + 1 or commit.last != version + len(commit.events):
            return _fault(commit, f"versions {commit.first}..{commit.last} do not follow version {version}")
        if commit.prev != digest:
            return _fault(commit, "it does not name the hash of the commit before it")
        if commit.recompute() != commit.hash:
            return _fault(commit, "its content does not give its hash")
        self.ends[commit.stream] = (commit.last, commit.hash)
        return None


def verify_stream(commits: Iterable[Commit]) -> Fault | None:
    """One stream's commits from the first on, in order. None: nothing is wrong."""
    chain = Chain()
    return next(filter(None, map(chain.follow, commits)), None)


async def verify_log(commits: CommitLog) -> Fault | None:
    """The whole log, in pages. None: nothing is wrong."""
    chain, position = Chain(), 0
    while page := await commits.read(position, PAGE):
        for commit in page:
            position += 1
            if commit.position != position:
                return _fault(commit, f"position {position} is missing before it")
            if (fault := chain.follow(commit)) is not None:
                return fault
    return await _beyond(commits, position)


async def _beyond(commits: CommitLog, end: int) -> Fault | None:
    """A log is read up to a gap: looks whether there is something behind one."""
    for position in range(end + 1, end + 1 + WIDEST_GAP):
        for commit in await commits.read(position, 1):
            return _fault(commit, f"position {end + 1} is missing before it")
    return None


def _fault(commit: Commit, reason: str) -> Fault:
    return Fault(commit.position, commit.stream, commit.commit_id, reason)
