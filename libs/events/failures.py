"""Which failures pass by themselves, and which never will."""

from __future__ import annotations

from libs.events.decider import Kind, Refusal
from libs.events.ports import ConcurrencyError, Unavailable

PASSING = frozenset({Kind.UNAVAILABLE, Kind.DEADLINE_EXCEEDED, Kind.RESOURCE_EXHAUSTED})


class Halted(Exception):
    """So much is parked in a row that not the events but this deployment must be wrong: an operator has to look."""


class OfAnotherLog(RuntimeError):
    """What was made from a log holds what the log does not: it was set back, or is another one. To go on would mix the two, so
    nothing is done until what was made is removed or the log is the right one."""


def is_transient(error: BaseException) -> bool:
    """An outage: wait and try again, never dead-letter. All else (a schema, a rule, a bug) would fail again for ever."""
    if isinstance(error, Refusal):
        return error.kind in PASSING
    return is_starved(error) or isinstance(error, Unavailable | ConcurrencyError | ConnectionError | TimeoutError)


def is_starved(error: BaseException) -> bool:
    """This process has no more memory or threads, whatever it was asked to do."""
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and str(error) == "can't start new thread")
