"""Creators to specify with."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from libs.events.catalog.discovery import CreatorApplied, CreatorJoined, CreatorRejected
from libs.events.catalog.values import EngagementRateMethod, Performance, Platform, PlatformAccount, Reason
from libs.events.decider import Actor, Role
from libs.events.testing import AT
from services.discovery.domain.creator import ApplyToJoin, creator
from services.discovery.domain.eligibility import Policy

POLICY = Policy()
RULES = creator(POLICY)
ANA, BEA = "crt_ana0000000", "crt_bea0000000"
AS_ANA, AS_BEA = Actor("ana", Role.CREATOR, ANA), Actor("bea", Role.CREATOR, BEA)
AS_BRAND = Actor("glow", Role.BRAND, "brd_glow000000")


def measured(at: datetime = AT - timedelta(days=1), **others: Any) -> Performance:
    figures: dict[str, Any] = {
        "posts": 12,
        "views": 400_000,
        "median_views": 30_000,
        "engagement_rate": 0.05,
        "engagement_rate_method": EngagementRateMethod.BY_VIEWS,
    }
    return Performance(captured_at=at, **{**figures, **others})


def account(followers: int = 52_000) -> PlatformAccount:
    return PlatformAccount(platform=Platform.TIKTOK, handle="ana.makes", followers=followers)


def profile(**others: Any) -> dict[str, Any]:
    said = {
        "creator_id": ANA,
        "handle": "ana.makes",
        "name": "Ana",
        "country": "DE",
        "languages": ("de", "en"),
        "niches": ("beauty", "skincare"),
        "accounts": (account(),),
        "performance": measured(),
    }
    return {**said, **others}


def apply(**others: Any) -> ApplyToJoin:
    return ApplyToJoin(**profile(**{"age": 27, **others}))


def applied(**others: Any) -> CreatorApplied:
    return CreatorApplied(**profile(**{"age": 27, **others}))


def joined(**others: Any) -> CreatorJoined:
    return CreatorJoined(**profile(**others), policy_version=1)


TOO_YOUNG = Reason(code="AGE_TOO_LOW", message="age is 17: at least 18 is needed")


def rejected(until: datetime = AT + timedelta(days=30)) -> CreatorRejected:
    return CreatorRejected(creator_id=ANA, policy_version=1, reasons=(TOO_YOUNG,), reapply_after=until)
