"""Who a row is about, where it does not say."""

from __future__ import annotations

from datetime import UTC, datetime

from libs.events.ids import compose, derive

OUTSIDE = compose("imp", datetime(2026, 1, 1, tzinfo=UTC), 0)
"""Stands for wherever creators are imported from; ids that follow from it are as old as it."""


def creator_id_of(platform: str, handle: str) -> str:
    """The id of the creator with this account: the same from every file, however the handle is written."""
    return derive("crt", OUTSIDE, platform, handle.lower())
