"""The directory: what is in it, and what a search answers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from libs.chassis.rpcs import Reads
from libs.events.catalog.discovery import (
    AudienceSnapshotRecorded,
    BadgeAwarded,
    BadgeRevoked,
    CreatorErased,
    CreatorProfileUpdated,
    CreatorReinstated,
    CreatorSuspended,
    PerformanceSnapshotRecorded,
    PlatformAccountConnected,
    RateCardChanged,
)
from libs.events.catalog.values import Badge, EngagementRateMethod, FollowerKind, Platform, PlatformAccount, PortfolioEntry
from libs.events.cursors import bound_to, write_cursor
from libs.events.decider import Refusal
from libs.events.envelope import Fact, Recorded
from libs.events.memory import ManualClock, MemoryCommitLog, MemoryDocuments
from libs.events.registry import Event
from libs.events.testing import AT, Numbering
from libs.events.views import LiveViews
from services.discovery.directory import Directory
from services.discovery.domain.criteria import Criteria
from services.discovery.index.memory_index import MemoryCreatorIndex
from services.discovery.searching import SearchCreators, Searching
from tests.unit.discovery.examples import ANA, AS_BRAND, BEA, account, joined, measured, priced, watched

CLEO = "crt_cleo000000"
BY_FOLLOWERS = EngagementRateMethod.BY_FOLLOWERS

ana = joined()
bea = joined(creator_id=BEA, country="FR", languages=("fr",), niches=("fitness",), accounts=(account(900_000),))
cleo = joined(
    creator_id=CLEO,
    country="DE",
    niches=("beauty",),
    accounts=(account(20_000), account(15_000)),
    performance=measured(engagement_rate=0.09, engagement_rate_method=BY_FOLLOWERS, median_views=None),
)


def fact_of(event: Recorded[Any]) -> Fact:
    """As it is stored."""
    return Fact(type(event.data), event.data.model_dump(mode="json"), event.position)


async def directory_of(*events: Event) -> MemoryCreatorIndex:
    kept, numbered = Directory(MemoryCreatorIndex()), Numbering()
    await kept.take([fact_of(numbered(event)) for event in events], len(events))
    return kept.index  # type: ignore[return-value]


async def searched(index: MemoryCreatorIndex, **asked: Any) -> dict[str, Any]:
    clock = ManualClock(AT)
    reads = Reads(AS_BRAND, LiveViews(MemoryDocuments(), (), clock), MemoryCommitLog(), clock)
    return await Searching(index).search(SearchCreators(**asked), reads)


async def search(*events: Event, **asked: Any) -> dict[str, Any]:
    return await searched(await directory_of(*(events or (ana, bea, cleo))), **asked)


async def found(*events: Event, **asked: Any) -> list[str]:
    return [hit["creator_id"] for hit in (await search(*events, **asked))["creators"]]


# --- What is in it ---------------------------------------------------------------------------------------------------


async def entry_of(*events: Event, creator: str = ANA) -> dict[str, Any]:
    return (await (await directory_of(*events)).get([creator])).get(creator, {})


async def test_who_joins_is_in_the_directory_with_the_largest_account() -> None:
    entry = await entry_of(cleo, creator=CLEO)
    assert (entry["status"], entry["followers"], entry["country"]) == ("joined", 20_000, "DE")
    assert entry["performance"]["median_views"] is None


async def test_a_newer_measurement_replaces_the_last_and_its_followers_are_remembered() -> None:
    counted = measured(AT, views=5, followers=80_000, platform=Platform.TIKTOK)
    entry = await entry_of(ana, PerformanceSnapshotRecorded(creator_id=ANA, performance=counted))
    assert (entry["performance"]["views"], entry["followers"]) == (5, 80_000)
    assert [point["followers"] for point in entry["history"]] == [52_000, 80_000]


async def test_what_another_replica_has_folded_in_is_not_folded_in_again() -> None:
    numbered, index = Numbering(), MemoryCreatorIndex()
    counted = measured(AT, followers=80_000, platform=Platform.TIKTOK)
    log = [fact_of(numbered(event)) for event in (ana, PerformanceSnapshotRecorded(creator_id=ANA, performance=counted))]
    await Directory(index).take(log, 2)
    before = await index.get([ANA])
    await Directory(index).take(log[1:], 2)
    assert await index.get([ANA]) == before
    assert len(before[ANA]["history"]) == 2


async def test_a_jump_of_followers_is_told_and_costs_credibility() -> None:
    slow = [measured(AT - timedelta(days=30 - n), followers=52_000 + n, platform=Platform.TIKTOK) for n in range(3)]
    steady = [PerformanceSnapshotRecorded(creator_id=ANA, performance=one) for one in slow]
    before = (await entry_of(joined(performance=measured(AT - timedelta(days=40))), *steady))["credibility"]
    leap = measured(AT - timedelta(days=26), followers=90_000, platform=Platform.TIKTOK)
    events = (*steady, PerformanceSnapshotRecorded(creator_id=ANA, performance=leap))
    after = (await entry_of(joined(performance=measured(AT - timedelta(days=40))), *events))["credibility"]
    assert (before["anomalies"], after["anomalies"][0]["kind"]) == ([], "follower_spike")
    assert after["score"] < before["score"]


async def test_another_account_is_no_jump_and_a_jump_of_the_smaller_one_is() -> None:
    """Followers are compared within one account."""
    start = AT - timedelta(days=20)
    counted = [(0, Platform.TIKTOK, 52_000), (1, Platform.YOUTUBE, 400_000), (2, Platform.TIKTOK, 52_500)]
    taken = [
        measured(start + timedelta(days=n), followers=count, platform=of)
        for n, of, count in (*counted, (3, Platform.TIKTOK, 90_000))
    ]
    snapshots = [PerformanceSnapshotRecorded(creator_id=ANA, performance=one) for one in taken]
    larger = PlatformAccountConnected(
        creator_id=ANA, account=PlatformAccount(platform=Platform.YOUTUBE, handle="ana", followers=400_000)
    )
    events = (joined(performance=measured(start - timedelta(days=1))), larger)
    assert (await entry_of(*events, *snapshots[:3]))["credibility"]["anomalies"] == []
    [jump] = (await entry_of(*events, *snapshots))["credibility"]["anomalies"]
    assert (jump["kind"], jump["growth"]) == ("follower_spike", round(90_000 / 52_500 - 1, 4))


async def test_credibility_is_the_mean_of_its_signals_and_what_was_not_measured_is_none() -> None:
    kinds = {FollowerKind.REAL: 0.6, FollowerKind.SUSPICIOUS: 0.2, FollowerKind.UNKNOWN: 0.2}
    told = AudienceSnapshotRecorded(creator_id=ANA, audience=watched(followers=kinds))
    believed = (await entry_of(ana, told))["credibility"]
    signals = {signal["name"]: signal["value"] for signal in believed["signals"]}
    assert signals == {"real_followers": 0.75, "lively_followers": 1.0}
    assert believed["score"] == pytest.approx(0.875)
    unmeasured = joined(performance=measured(engagement_rate=None))
    assert (await entry_of(unmeasured))["credibility"] is None


async def test_a_suspension_and_its_end_are_seen_and_an_erasure_leaves_nothing() -> None:
    suspended = CreatorSuspended(creator_id=ANA, reason="spam")
    assert (await entry_of(ana, suspended))["status"] == "suspended"
    assert (await entry_of(ana, suspended, CreatorReinstated(creator_id=ANA)))["status"] == "joined"
    awarded = BadgeAwarded(creator_id=ANA, badge=Badge.RESPONSIVE, policy_version=1, evidence={"n": 3})
    assert await entry_of(ana, CreatorErased(creator_id=ANA), awarded) == {}


async def test_badges_come_and_go_and_a_whole_profile_is_complete() -> None:
    awarded = BadgeAwarded(creator_id=ANA, badge=Badge.RESPONSIVE, policy_version=1, evidence={"n": 3})
    assert (await entry_of(ana, awarded))["badges"] == {"responsive": {"n": 3}}
    revoked = BadgeRevoked(creator_id=ANA, badge=Badge.RESPONSIVE, policy_version=1, evidence={"n": 4})
    assert (await entry_of(ana, awarded, revoked))["badges"] == {}
    whole = CreatorProfileUpdated(
        creator_id=ANA,
        name="Ana",
        bio="Soap",
        country="DE",
        languages=("de",),
        niches=("beauty",),
        portfolio=(PortfolioEntry(url="https://ana.example", title="Soap"),),
    )
    rest = (
        RateCardChanged(creator_id=ANA, rate_card=(priced(),)),
        AudienceSnapshotRecorded(creator_id=ANA, audience=watched()),
    )
    assert (await entry_of(ana, whole, *rest))["badges"] == {"complete": {}}
    assert (await entry_of(ana, whole, *rest[:1]))["lacking"] == ["audience"]


# --- Search ----------------------------------------------------------------------------------------------------------


async def test_without_filters_all_are_found_the_largest_first() -> None:
    answer = await search()
    assert [hit["creator_id"] for hit in answer["creators"]] == [BEA, ANA, CLEO]
    assert (answer["total_size"], answer["next_cursor"]) == (3, "")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"niches": ("beauty", "fitness")}, [BEA, ANA, CLEO]),
        ({"niches": ("skincare",)}, [ANA]),
        ({"countries": ("FR",)}, [BEA]),
        ({"languages": ("en",)}, [ANA, CLEO]),
        ({"followers": {"least": 52_000}}, [BEA, ANA]),
        ({"followers": {"most": 52_000}}, [ANA, CLEO]),
        ({"followers": {"least": 30_000, "most": 60_000}}, [ANA]),
        ({"engagement_rate": {"least": 0.05, "method": "by_views"}}, [BEA, ANA]),
        ({"engagement_rate": {"least": 0.06, "method": "by_views"}}, []),
        ({"engagement_rate": {"method": "by_followers"}}, [CLEO]),
        ({"niches": ("beauty",), "countries": ("DE",), "followers": {"least": 50_000}}, [ANA]),
    ],
)
async def test_every_filter_must_hold(asked: dict[str, Any], expected: list[str]) -> None:
    assert await found(**asked) == expected


async def test_a_suspended_creator_is_never_found() -> None:
    assert await found(ana, bea, CreatorSuspended(creator_id=ANA, reason="spam")) == [BEA]


async def test_a_hit_says_which_filters_it_met_and_how() -> None:
    asked = {
        "niches": ("beauty", "skincare"),
        "countries": ("DE",),
        "languages": ("en",),
        "followers": {"least": 50_000},
        "engagement_rate": {"least": 0.02, "method": "by_views"},
    }
    (hit,) = (await search(**asked))["creators"]
    assert [(match["filter"], match["value"]) for match in hit["matched"]] == [
        ("niches", "beauty"),
        ("niches", "skincare"),
        ("countries", "DE"),
        ("languages", "en"),
        ("followers", "52,000"),
        ("engagementRate", "5.00% by views"),
    ]


async def test_a_missing_measurement_is_in_no_range() -> None:
    unmeasured = joined(performance=measured(engagement_rate=None))
    assert await found(unmeasured, engagement_rate={"method": "by_views"}) == []
    assert await found(joined(accounts=()), followers={"most": 10}) == []


async def test_sorting_by_engagement_rate_needs_its_method() -> None:
    with pytest.raises(Refusal, match="ENGAGEMENT_METHOD_REQUIRED") as refused:
        await search(order="engagement_rate")
    assert refused.value.field == "engagement_rate"
    better = joined(creator_id=BEA, performance=measured(engagement_rate=0.2))
    assert await found(ana, better, order="engagement_rate", engagement_rate={"method": "by_views"}) == [BEA, ANA]


async def test_a_cursor_goes_on_where_the_page_ended() -> None:
    many = [joined(creator_id=f"crt_many{i:06}", accounts=(account(10_000 + i),)) for i in range(5)]
    index, seen, cursor = await directory_of(*many), list[str](), ""
    for _ in range(3):
        answer = await searched(index, page_size=2, cursor=cursor)
        assert answer["total_size"] == 5
        seen += [hit["creator_id"] for hit in answer["creators"]]
        cursor = answer["next_cursor"]
    assert seen == [one.creator_id for one in reversed(many)]
    assert cursor == ""


async def test_a_malformed_or_foreign_cursor_is_refused() -> None:
    index = await directory_of(ana, bea, cleo)
    cursor = (await searched(index, page_size=1))["next_cursor"]
    forged = write_cursor(bound_to(Criteria().model_dump(mode="json"), "followers"), (9, -1))
    for asked in ({"cursor": "nonsense"}, {"cursor": cursor, "niches": ("food",)}, {"cursor": forged}):
        with pytest.raises(Refusal, match="CURSOR_INVALID"):
            await searched(index, **asked)


@pytest.mark.parametrize(
    ("asked", "code", "field"),
    [
        ({"niches": ("beauty", "quidditch")}, "UNKNOWN_NICHE", "niches"),
        ({"countries": ("ZZ",)}, "UNKNOWN_COUNTRY", "countries"),
        ({"price": {"currency": "ABC"}}, "UNKNOWN_CURRENCY", "price.currency"),
        ({"order": "price"}, "CURRENCY_REQUIRED", "price"),
        ({"order": "relevance", "text": "!?"}, "TEXT_REQUIRED", "text"),
    ],
)
async def test_what_cannot_be_looked_for_is_named(asked: dict[str, Any], code: str, field: str) -> None:
    with pytest.raises(Refusal, match=code) as refused:
        await search(**asked)
    assert refused.value.field == field


async def test_a_text_is_met_as_a_word_a_beginning_or_but_for_a_slip_the_closest_first() -> None:
    named = joined(creator_id=BEA, name="Soap Bea", accounts=(account(10_000),))
    begun = joined(creator_id=CLEO, handle="soapmaker", accounts=(account(900_000),))
    assert await found(ana, named, begun, text="soap") == [BEA, CLEO]
    assert await found(ana, named, begun, text="sopa") == [BEA]
    assert await found(ana, named, begun, text="soap nothing") == []


@pytest.mark.parametrize(
    ("asked", "compared"),
    [
        ({}, [("followers", 52_000)]),
        ({"text": "ana"}, [("closeness", 3), ("followers", 52_000)]),
        ({"text": "ana", "order": "followers"}, [("followers", 52_000)]),
        ({"order": "median_views"}, [("median_views", 30_000)]),
        ({"order": "engagement_rate", "engagement_rate": {"method": "by_views"}}, [("engagement_rate", 0.05)]),
        ({"order": "price", "price": {"currency": "EUR"}}, [("price", 50_000)]),
    ],
)
async def test_the_parts_of_a_score_are_what_its_order_compares(asked: dict[str, Any], compared: list[Any]) -> None:
    card = RateCardChanged(creator_id=ANA, rate_card=(priced(80_000), priced(50_000, format="story")))
    (hit,) = (await search(ana, card, **asked, explain=True))["creators"]
    assert [(part["name"], pytest.approx(part["value"])) for part in hit["explanation"]["score"]] == compared


async def test_what_was_not_measured_is_no_part_of_a_score() -> None:
    (hit,) = (await search(joined(performance=measured(median_views=None)), order="median_views", explain=True))["creators"]
    assert hit["explanation"]["score"] == []


async def test_an_explanation_has_terms_score_ages_and_what_is_missing() -> None:
    (hit,) = (await search(ana, text="ana", explain=True))["creators"]
    told = hit["explanation"]
    assert told["terms"] == [{"term": "ana", "closeness": "named"}]
    assert [part["name"] for part in told["score"]] == ["closeness", "followers"]
    assert (told["performance_age_days"], told["audience_age_days"]) == (1.0, None)
    assert {"audience", "performance.follower_growth"} <= set(told["missing"])


async def test_facets_count_the_hits_of_all_pages() -> None:
    facets = {one["name"]: one["buckets"] for one in (await search(facets=("niches", "country"), page_size=1))["facets"]}
    assert facets["country"] == [{"value": "DE", "creators": 2}, {"value": "FR", "creators": 1}]
    assert facets["niches"][0] == {"value": "beauty", "creators": 2}


@pytest.mark.parametrize(
    "asked",
    [
        {"page_size": 101},
        {"page_size": 0},
        {"niches": ("Not A Niche",)},
        {"countries": ("Germany",)},
        {"niches": ("beauty",) * 51},
        {"text": "a" * 501},
        {"engagement_rate": {"least": 0.1}},
        {"followers": {"least": 2, "most": 1}},
    ],
)
def test_a_search_is_bounded(asked: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SearchCreators(**asked)
