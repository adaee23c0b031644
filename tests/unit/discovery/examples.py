"""Creators to specify with."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from libs.events.catalog.discovery import CreatorApplied, CreatorJoined, CreatorRejected
from libs.events.catalog.values import (
    Absence,
    Audience,
    EngagementRateMethod,
    Money,
    Performance,
    Platform,
    PlatformAccount,
    RateCardEntry,
    Reason,
)
from libs.events.decider import Actor, Role
from libs.events.envelope import GENESIS, Commit, Meta, NewCommit, store_events
from libs.events.ids import commit_id_of
from libs.events.memory import MemoryCommitLog
from libs.events.registry import Event
from libs.events.testing import AT
from services.discovery.domain.creator import creator
from services.discovery.domain.creator_commands import (
    ApplyToJoin,
    ConnectAccount,
    CreatorCommand,
    EraseCreator,
    ImportCreator,
    RecordAudienceSnapshot,
    RecordPerformanceSnapshot,
    ReinstateCreator,
    SetAvailability,
    SetContacts,
    SetRateCard,
    SuspendCreator,
    UpdateProfile,
)
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


# --- Commands on a creator who has joined ----------------------------------------------------------------------------


def priced(amount: int = 45_000, currency: str = "EUR", format: str = "video") -> RateCardEntry:
    money = Money(amount=amount, currency=currency)
    return RateCardEntry(platform=Platform.TIKTOK, format=format, amount=money)


def watched(at: datetime = AT - timedelta(days=1), **others: Any) -> Audience:
    shares: dict[str, Any] = {
        "countries": {"DE": 0.6, "AT": 0.3, "unknown": 0.1},
        "genders": {"female": 0.7, "male": 0.3},
        "ages": {"18-24": 0.55, "25-34": 0.45},
    }
    return Audience(captured_at=at, **{**shares, **others})


def imported(**others: Any) -> ImportCreator:
    return ImportCreator(**profile(**{"age": 27, **others}))


newer = RecordPerformanceSnapshot(creator_id=ANA, performance=measured(AT))
away = SetAvailability(creator_id=ANA, absence=Absence(starts_at=AT, ends_at=AT + timedelta(days=14)))
COMMANDS: tuple[CreatorCommand, ...] = (
    apply(),
    imported(performance=measured(AT)),
    UpdateProfile(creator_id=ANA, bio="Makes soap"),
    ConnectAccount(creator_id=ANA, account=PlatformAccount(platform=Platform.YOUTUBE, handle="ana", followers=900)),
    SetRateCard(creator_id=ANA, rate_card=(priced(),)),
    away,
    SetContacts(creator_id=ANA, legal_name="Ana Ana", email="ana@example.com"),
    RecordAudienceSnapshot(creator_id=ANA, audience=watched()),
    newer,
    SuspendCreator(creator_id=ANA, reason="spam"),
    ReinstateCreator(creator_id=ANA),
    EraseCreator(creator_id=ANA),
)
"""One of each."""


async def stored(log: MemoryCommitLog, stream: str, *events: Event) -> Commit:
    """The events in one commit, at the end of their stream."""
    before = await log.stream(stream)
    expected, prev = (before[-1].last, before[-1].hash) if before else (0, GENESIS)
    key = commit_id_of(stream, str(expected))
    meta = Meta(actor="service:discovery", correlation_id=key)
    return (await log.append(NewCommit(stream, expected, prev, key, AT, meta, store_events(key, events)))).commit
