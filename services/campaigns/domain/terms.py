"""The terms of a deal: when they make sense, and the hash that both sides sign."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime

from libs.events.catalog.values import Brief, Terms
from libs.events.decider import Kind, Refusal
from libs.events.envelope import iso


def check_terms(terms: Terms, *, currency: str, at: datetime) -> None:
    """Raises a refusal for terms that nobody could fulfil, or in another currency than the campaign's."""
    if terms.fee.amount <= 0:
        raise _bad("FEE_NOT_POSITIVE", "a fee is more than nothing", "terms.fee.amount")
    if terms.fee.currency != currency:
        said = f"the campaign's budget is in {currency}: a fee in {terms.fee.currency} cannot be covered by it"
        raise _bad("CURRENCY_MISMATCH", said, "terms.fee.currency", currency=currency)
    window = terms.post_window
    if window.ends_at <= window.starts_at:
        raise _bad("POST_WINDOW_EMPTY", "the post window ends before it starts", "terms.post_window")
    if window.ends_at <= at:
        raise _bad("POST_WINDOW_OVER", f"the post window ended at {iso(window.ends_at)}", "terms.post_window.ends_at")


def _bad(code: str, message: str, field: str, **details: str) -> Refusal:
    return Refusal(code, message, kind=Kind.INVALID_ARGUMENT, field=field, **details)


def terms_hash(*, brand_id: str, creator_id: str, terms: Terms, brief: Brief, policy_version: int) -> str:
    """sha256, as lower-case hex, over the canonical JSON (sorted keys, no spaces, UTF-8, times in UTC milliseconds) of
    `{brand_id, creator_id, terms, brief, policy_version}`: anyone who holds the terms can compute what was signed."""
    signed = {
        "brand_id": brand_id,
        "creator_id": creator_id,
        "terms": terms.model_dump(mode="json"),
        "brief": brief.model_dump(mode="json"),
        "policy_version": policy_version,
    }
    canonical = json.dumps(signed, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
