"""Named points at which an in-memory twin can be made to fail."""

from __future__ import annotations


class Faults:
    """Awaited by the twins before and after each effect; the default does nothing. Override `at` to raise (`Unavailable`: at
    a `.before` point nothing happened, at an `.after` point the reply is lost), to delay, or to crash the process.

    Points: `append.before`, `append.after`, `log.read`, `put.before`, `put.after`, `documents.read`, `publish.before`,
    `publish.after`, `deliver`, `commit`; and `append.within`, `put.within`, `publish.within` between two of a batch.
    """

    async def at(self, point: str) -> None:
        """Called at each point, by its name."""


NO_FAULTS = Faults()
