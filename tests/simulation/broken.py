"""What is said where something does not hold."""

from __future__ import annotations


class Broken(AssertionError):
    """An invariant does not hold. `invariant` is its name."""

    def __init__(self, invariant: str, seen: str) -> None:
        super().__init__(f"{invariant}: {seen}")
        self.invariant = invariant


def hold(invariant: str, holds: object, seen: str) -> None:
    if not holds:
        raise Broken(invariant, seen)
