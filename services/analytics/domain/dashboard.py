"""A campaign's dashboard from its facts: totals, figures, a line per post and per creator, spend against budget. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from libs.events.catalog.values import Metrics
from services.analytics.domain.formulas import Measures, divide, figures, measures, total
from services.analytics.domain.snapshots import Snapshot

Facts = Mapping[str, Any]
"""The projection's document."""

COUNTS = (*Metrics.model_fields, "engagements")
SPLIT = "organic + paid"


def dashboard(campaign_id: str, facts: Facts) -> dict[str, Any]:
    """The whole answer. Money is in the budget's currency (or the only one there is); others are listed, not converted."""
    campaign = facts["campaign"] or {}
    currency = _currency(facts)
    posts = {post_id: _measures(post) for post_id, post in facts["posts"].items()}
    measured, spend = list(posts.values()), _spend(facts["paid"].values(), currency)
    shown: dict[str, Any] = {
        "campaign_id": campaign_id,
        "brand_id": facts["brand_id"],
        "name": campaign.get("name"),
        "objective": campaign.get("objective"),
        "schedule": campaign.get("schedule"),
        "currency": currency,
        "budget": _budget(campaign.get("budget"), spend),
        "totals": {name: total(measured, name) for name in COUNTS},
        "revenue": _money(_revenue(facts["posts"].values())),
        "conversions": total(measured, "conversions"),
        "posts": [_post_row(post_id, post, posts[post_id]) for post_id, post in sorted(facts["posts"].items())],
        "creators": _creator_rows(facts, posts, currency),
        "updated_at": facts["updated_at"],
    }
    return {**shown, "figures": _figures(facts, measured, spend, currency)}


def _figures(
    facts: Facts, measured: Sequence[Measures], spend: Mapping[str, int], currency: str | None
) -> list[dict[str, Any]]:
    posts = list(facts["posts"].values())
    about = {"window": _window(posts), "split": SPLIT, "sources": _sources(facts)}
    of_campaign = _campaign_measures(facts["posts"].values(), measured, spend["total"], currency)
    return [{**figure.fields(), **about} for figure in figures(measured, of_campaign)]


def _campaign_measures(posts: Iterable[Facts], measured: Sequence[Measures], cost: int, currency: str | None) -> Measures:
    """Revenue is missing, not zero, where no sale in the cost's currency was ever recorded. No event books paid media."""
    conversions = total(measured, "conversions")
    revenue = None if conversions is None else _revenue(posts).get(currency or "")
    return {
        "cost": cost,
        "conversions": conversions,
        "revenue": revenue,
        "profit": None if revenue is None else revenue - cost,
        "paid_media": None,
    }


def _measures(post: Facts) -> Measures:
    snapshot = post["snapshot"]
    counts = measures(Snapshot.model_validate(snapshot).totals()) if snapshot else {}
    return {**counts, "conversions": post["conversions"]}


def _post_row(post_id: str, post: Facts, counts: Measures) -> dict[str, Any]:
    snapshot = post["snapshot"] or {}
    return {
        "post_id": post_id,
        "creator_id": post["creator_id"],
        "platform": post["platform"],
        "url": post["url"],
        "posted_at": post["posted_at"],
        "captured_at": snapshot.get("captured_at"),
        "source": snapshot.get("source"),
        "snapshots": post["snapshots"],
        "counts": {name: counts.get(name) for name in COUNTS},
        "engagement_rate": divide(counts.get("engagements"), counts.get("views")),
        "conversions": post["conversions"],
        "revenue": _money(post["revenue"]),
    }


def _creator_rows(facts: Facts, posts: Mapping[str, Measures], currency: str | None) -> list[dict[str, Any]]:
    of: dict[str, list[str]] = {creator: [] for creator in facts["paid"]}
    for post_id, post in facts["posts"].items():
        of.setdefault(post["creator_id"], []).append(post_id)
    rows = []
    for creator, post_ids in sorted(of.items()):
        counted = [posts[post_id] for post_id in post_ids]
        spend = _spend([facts["paid"].get(creator, {})], currency)
        rated = [post for post in counted if post.get("engagements") is not None and post.get("views") is not None]
        rows.append(
            {
                "creator_id": creator,
                "posts": len(post_ids),
                "counts": {name: total(counted, name) for name in COUNTS},
                "engagement_rate": divide(total(rated, "engagements"), total(rated, "views")),
                "conversions": total(counted, "conversions"),
                "revenue": _money(_revenue(facts["posts"][post_id] for post_id in post_ids)),
                "spend": _spend_row(spend, currency),
            }
        )
    return rows


# --- Money -----------------------------------------------------------------------------------------------------------


def _currency(facts: Facts) -> str | None:
    """The budget's; without a budget, that of what was paid or earned, if there is only one."""
    budget = (facts["campaign"] or {}).get("budget")
    if budget:
        return str(budget["currency"])
    seen = {c for paid in facts["paid"].values() for c in paid} | {
        c for post in facts["posts"].values() for c in post["revenue"]
    }
    return str(seen.pop()) if len(seen) == 1 else None


def _spend(paid: Iterable[Facts], currency: str | None) -> Mapping[str, int]:
    """What creators were paid, kill fees and platform fees; all of it is the campaign's cost."""
    sums = Counter[str](creator_amount=0, platform_fee=0, kill_fee=0)
    for of_creator in paid:
        sums.update(of_creator.get(currency or "", {}))
    return {**sums, "total": sums.total()}


def _spend_row(spend: Mapping[str, int], currency: str | None) -> dict[str, Any] | None:
    if currency is None:
        return None
    return {name: {"amount": amount, "currency": currency} for name, amount in spend.items()}


def _budget(budget: Facts | None, spend: Mapping[str, int]) -> dict[str, Any] | None:
    if budget is None:
        return None
    currency, planned = budget["currency"], budget["amount"]
    remaining = {"amount": planned - spend["total"], "currency": currency}
    return {
        "planned": budget,
        "spend": _spend_row(spend, currency),
        "remaining": remaining,
        "used": divide(spend["total"], planned),
    }


def _revenue(posts: Iterable[Facts]) -> Counter[str]:
    sums = Counter[str]()
    for post in posts:
        for currency, amount in post["revenue"].items():
            sums[currency] += amount
    return sums


def _money(by_currency: Mapping[str, int]) -> list[dict[str, Any]]:
    return [{"amount": amount, "currency": currency} for currency, amount in sorted(by_currency.items())]


# --- Provenance ------------------------------------------------------------------------------------------------------


def _window(posts: Sequence[Facts]) -> dict[str, Any]:
    """From the first post to the newest capture."""
    captured = [post["snapshot"]["captured_at"] for post in posts if post["snapshot"]]
    return {
        "starts_at": min((post["posted_at"] for post in posts), default=None),
        "ends_at": max(captured, default=None),
    }


def _sources(facts: Facts) -> list[str]:
    """Where the measurements come from, and `payments` or `conversions` where those are in it."""
    posts = facts["posts"].values()
    sources = {post["snapshot"]["source"] for post in posts if post["snapshot"]}
    if any(post["conversions"] is not None for post in posts):
        sources.add("conversions")
    if facts["paid"]:
        sources.add("payments")
    return sorted(sources)
