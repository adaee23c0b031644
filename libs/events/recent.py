"""The latest commits that this process appended itself, so that a relay that keeps up reads nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import islice

from libs.events.envelope import Commit

MOST = 2_000
"""Commits that are remembered; a relay that is further behind reads them."""


class Recent:
    """One unbroken run of positions: when another process appends in between, a new run begins."""

    def __init__(self, most: int = MOST) -> None:
        self._run: deque[Commit] = deque(maxlen=most)

    def add(self, commits: Iterable[Commit]) -> None:
        """Takes commits that are stored for good, in order."""
        for commit in commits:
            if self._run and commit.position != self._run[-1].position + 1:
                self._run.clear()
            self._run.append(commit)

    def after(self, position: int, limit: int) -> list[Commit]:
        """What follows the position without a gap, at most `limit`; empty if the next one is not remembered."""
        if not self._run:
            return []
        start = position + 1 - self._run[0].position
        return list(islice(self._run, start, start + limit)) if start >= 0 else []
