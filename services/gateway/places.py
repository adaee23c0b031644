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
LATE, NEVER_LATE = 4, 1.0
"""An answer is late after this part of the deadline, so that who asks has time to try again. Within so many seconds none is: a
query waits as long for a position that it is to show."""


class Places:
    """`most`: however fast the answers are. `deadline`: seconds that a request has; `now`: steady seconds."""

    def __init__(self, most: int, deadline: float, now: Callable[[], float]) -> None:
        self._most, self._late, self._now = most, max(deadline / LATE, NEVER_LATE), now
        self._number = float(min(most, FIRST))
        self._fewest = min(most, FEWEST)
        self._taken = 0
        self._halved = float("-inf")

    @property
    def number(self) -> int:
        return int(self._number)

    def take(self) -> float:
        """A place, to be left again with what is returned: the time. Raises `OVERLOADED`."""
        if self._taken >= self.number:
            raise problems.overloaded()
        self._taken += 1
        return self._now()

    def leave(self, taken: float, able: bool = True) -> None:
        """One place more per round of answers in time, while places are short and the service was `able` to answer; half of
        them after a late one. What was asked before they were halved is late for the same reason, and says nothing new."""
        now, crowded = self._now(), self._taken * 2 >= self._number
        self._taken -= 1
        if now - taken > self._late:
            if taken >= self._halved:
                self._number, self._halved = max(self._fewest, self._number / 2), now
        elif crowded and able:
            self._number = min(self._most, self._number + 1 / self._number)
