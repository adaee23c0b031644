"""How many requests a service is asked at once: as many as it answers in time.

A queue that only ends at the deadline turns a crowd into nothing but late answers. So the number of places follows the answers:
additive increase, multiplicative decrease (Chiu and Jain 1989; RFC 5681 for TCP; the limits of Netflix's concurrency-limits).
Each service has its own, so that one which hangs takes no place from the others.
"""

from __future__ import annotations

from collections.abc import Callable

from services.gateway import problems

FIRST, FEWEST = 64, 8
"""Places before anything is known, and however late the answers are."""
LATE = 4
"""An answer is late after this part of the deadline: who asks has time to try again."""


class Places:
    """`most`: however fast the answers are. `deadline`: seconds that a request has; `now`: steady seconds."""

    def __init__(self, most: int, deadline: float, now: Callable[[], float]) -> None:
        self._most, self._late, self._now = most, deadline / LATE, now
        self._number = float(min(most, FIRST))
        self._fewest = min(most, FEWEST)
        self._taken = 0
        self._halved = float("-inf")

    @property
    def number(self) -> int:
        return int(self._number)

    def take(self) -> None:
        """A place, to be left again. Raises `OVERLOADED`."""
        if self._taken >= self.number:
            raise problems.overloaded()
        self._taken += 1

    def leave(self, asked: float | None) -> None:
        """`asked`: when the service was; None: it was not. One place more per round of answers in time, while places are short;
        half of them after a late one. What was asked before they were halved is late for the same reason: nothing new."""
        crowded = self._taken * 2 >= self._number
        self._taken -= 1
        if asked is None:
            return
        now = self._now()
        if now - asked <= self._late:
            if crowded:
                self._number = min(self._most, self._number + 1 / self._number)
        elif asked >= self._halved:
            self._number, self._halved = max(self._fewest, self._number / 2), now
