"""Cursors of lists: where a page ended, bound to what was asked for. Opaque to whoever sends them back."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from typing import Any

import orjson

from libs.events.decider import Kind, Refusal


def bound_to(*asked: Any) -> str:
    """A name of what was asked for: a cursor of something else is foreign."""
    return hashlib.sha256(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


def write_cursor(bound: str, values: Sequence[Any]) -> str:
    """`values`: scalars that say where the page ended."""
    return base64.urlsafe_b64encode(orjson.dumps([bound, *values])).decode().rstrip("=")


def read_cursor(cursor: str, bound: str, count: int) -> tuple[Any, ...]:
    """Its `count` values. A malformed or foreign one is refused (INVALID_ARGUMENT, `CURSOR_INVALID`)."""
    try:
        read = orjson.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except ValueError:
        read = None
    fits = isinstance(read, list) and len(read) == count + 1 and read[0] == bound
    if not fits or any(isinstance(value, list | dict) for value in read):
        raise Refusal(
            "CURSOR_INVALID",
            "not a cursor of this list with these filters and this order: begin without one",
            kind=Kind.INVALID_ARGUMENT,
            field="cursor",
        )
    return tuple(read[1:])
