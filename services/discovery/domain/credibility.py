"""How far a creator's figures can be believed: a score between 0 and 1, with the signals that it is the mean of.

Signals, each between 0 (not at all) and 1:
- `real_followers`: the share of its followers that is not taken for suspicious or mass followers, of what could be told
  (Modash: credibility = 1 − fake share; HypeAuditor and infludata split followers in this way).
- `steady_growth`: no jumps in the history of its follower counts. A jump is a snapshot with at least `SPIKE` more followers
  than the one before of the same account, in at most `WITHIN`; each halves the signal.
- `lively_followers`: its engagement is not far below what its followers would make one expect (an audience that was bought is
  silent): the rate by its method over `LIVELY`, at most 1.
What was not measured is no signal, and without any signal there is no score.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

SPIKE = 0.3
"""Relative growth between two snapshots."""
WITHIN = timedelta(days=7)
LIVELY = {"by_views": 0.02, "by_followers": 0.005, "by_reach": 0.01}
"""Engagement rate from which followers count as fully alive."""
KEPT = 24
"""Snapshots of the history that are looked at."""

Point = Mapping[str, Any]
"""A snapshot of the history: `captured_at` (RFC 3339), `followers`, and the `platform` of the account whose they are."""


def credibility(
    performance: Mapping[str, Any], audience: Mapping[str, Any] | None, history: Sequence[Point]
) -> dict[str, Any] | None:
    """`{score, signals: [{name, value}], anomalies: [{kind, captured_at, growth}]}`; None: nothing is known."""
    jumps = list(spikes(history))
    signals = dict(_signals(performance, audience, history, len(jumps)))
    if not signals:
        return None
    score = round(sum(signals.values()) / len(signals), 4)
    shown = [{"name": name, "value": round(value, 4)} for name, value in signals.items()]
    return {"score": score, "signals": shown, "anomalies": jumps}


def spikes(history: Sequence[Point]) -> Iterator[dict[str, Any]]:
    """Jumps of an account's follower count, oldest first."""
    for before, after in _of_one_account(history):
        gone = datetime.fromisoformat(after["captured_at"]) - datetime.fromisoformat(before["captured_at"])
        if not before["followers"] or gone > WITHIN:
            continue
        growth = after["followers"] / before["followers"] - 1
        if growth >= SPIKE:
            yield {"kind": "follower_spike", "captured_at": after["captured_at"], "growth": round(growth, 4)}


def _of_one_account(history: Sequence[Point]) -> Iterator[tuple[Point, Point]]:
    """Each snapshot with the one before it of the same account: two accounts are no growth."""
    last: dict[str, Point] = {}
    for point in history:
        before = last.get(point["platform"])
        if before is not None:
            yield before, point
        last[point["platform"]] = point


def _signals(
    performance: Mapping[str, Any], audience: Mapping[str, Any] | None, history: Sequence[Point], jumps: int
) -> Iterator[tuple[str, float]]:
    kinds = (audience or {}).get("followers", {})
    if (told := 1 - kinds.get("unknown", 0.0)) > 0 and kinds:
        doubtful = kinds.get("suspicious", 0.0) + kinds.get("mass", 0.0)
        yield "real_followers", min(1.0, max(0.0, 1 - doubtful / told))
    if any(True for _ in _of_one_account(history)):
        yield "steady_growth", 0.5**jumps
    rate, method = performance.get("engagement_rate"), performance.get("engagement_rate_method")
    if rate is not None and method is not None:
        yield "lively_followers", min(1.0, rate / LIVELY[method])
