"""Verification of a log: order without gaps, versions without gaps, and the hash chain of every stream."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field

from libs.events.envelope import GENESIS, Commit
from libs.events.ports import CommitLog

PAGE = 1_000


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
    async for commit in _all(commits):
        position += 1
        if commit.position != position:
            return _fault(commit, f"position {position} is missing before it")
        if (fault := chain.follow(commit)) is not None:
            return fault
    return None


async def _all(commits: CommitLog) -> AsyncIterator[Commit]:
    after = 0
    while page := await commits.read(after, PAGE):
        for commit in page:
            yield commit
        after = page[-1].position


def _fault(commit: Commit, reason: str) -> Fault:
    return Fault(commit.position, commit.stream, commit.commit_id, reason)
