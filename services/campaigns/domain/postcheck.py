"""Does a post keep what was agreed? Inside the window, with every hashtag, every mention and the disclosure label."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from libs.events.catalog.values import Brief, Reason, Schedule
from libs.events.envelope import iso

_BEFORE, _AFTER = r"(?<![\w#@.])", r"(?!\w|\.\w)"
"""`#ad` is not in `#adventure`, nor `@glow` in `@glow.official`; both are at the end of a sentence."""


def what_is_missing(brief: Brief, window: Schedule, *, caption: str, posted_at: datetime) -> tuple[Reason, ...]:
    """Every reason why the post fails; empty: it passes."""
    return tuple(_reasons(brief, window, caption, posted_at))


def _reasons(brief: Brief, window: Schedule, caption: str, posted_at: datetime) -> Iterator[Reason]:
    if not window.starts_at <= posted_at <= window.ends_at:
        said = f"posted at {iso(posted_at)}, outside {iso(window.starts_at)} to {iso(window.ends_at)}"
        yield Reason(code="OUTSIDE_WINDOW", message=said)
    for hashtag in brief.hashtags:
        if not _stands_in(caption, hashtag):
            yield Reason(code="HASHTAG_MISSING", message=f"the caption lacks {hashtag}")
    for mention in brief.mentions:
        if not _stands_in(caption, mention):
            yield Reason(code="MENTION_MISSING", message=f"the caption lacks {mention}")
    if brief.disclosure_label and not _stands_in(caption, brief.disclosure_label):
        yield Reason(code="DISCLOSURE_MISSING", message=f"the caption does not say {brief.disclosure_label}")


def _stands_in(caption: str, words: str) -> bool:
    return re.search(_BEFORE + re.escape(words) + _AFTER, caption, re.IGNORECASE) is not None
