"""The directory: what is in it, and what a search answers."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from libs.chassis.rpcs import Reads
from libs.events.catalog.discovery import CreatorJoined, CreatorReinstated, CreatorSuspended, PerformanceSnapshotRecorded
from libs.events.catalog.values import EngagementRateMethod
from libs.events.decider import Refusal
from libs.events.memory import ManualClock, MemoryCommitLog
from libs.events.registry import Event
from libs.events.testing import AT, projected
from services.discovery.projections import creators
from services.discovery.queries import SearchCreators, search_creators
from tests.unit.discovery.examples import ANA, AS_BRAND, BEA, account, joined, measured
from tests.unit.read_models import views_of

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


async def search(*events: Event, **asked: Any) -> dict[str, Any]:
    clock = ManualClock(AT)
    views = await views_of(clock, {creators: events or (ana, bea, cleo)})
    return await search_creators(SearchCreators(**asked), Reads(AS_BRAND, views, MemoryCommitLog(), clock))


async def found(*events: Event, **asked: Any) -> list[str]:
    return [hit["creator_id"] for hit in (await search(*events, **asked))["creators"]]


# --- The projection --------------------------------------------------------------------------------------------------


def test_who_joins_is_in_the_directory_with_the_largest_account() -> None:
    doc = projected(creators, cleo)[CLEO]
    assert (doc["status"], doc["followers"], doc["country"]) == ("joined", 20_000, "DE")
    assert doc["performance"]["median_views"] is None


def test_a_newer_measurement_replaces_the_last() -> None:
    snapshot = PerformanceSnapshotRecorded(creator_id=ANA, performance=measured(AT, views=5))
    assert projected(creators, ana, snapshot)[ANA]["performance"]["views"] == 5


def test_a_suspension_and_its_end_are_seen() -> None:
    suspended = CreatorSuspended(creator_id=ANA, reason="spam")
    assert projected(creators, ana, suspended)[ANA]["status"] == "suspended"
    assert projected(creators, ana, suspended, CreatorReinstated(creator_id=ANA))[ANA]["status"] == "joined"


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
    clock = ManualClock(AT)
    many: list[CreatorJoined] = [joined(creator_id=f"crt_many{i:06}", accounts=(account(10_000 + i),)) for i in range(5)]
    reads = Reads(AS_BRAND, await views_of(clock, {creators: many}), MemoryCommitLog(), clock)
    seen, cursor = list[str](), ""
    for _ in range(3):
        answer = await search_creators(SearchCreators(page_size=2, cursor=cursor), reads)
        assert answer["total_size"] == 5
        seen += [hit["creator_id"] for hit in answer["creators"]]
        cursor = answer["next_cursor"]
    assert seen == [one.creator_id for one in reversed(many)]
    assert cursor == ""


@pytest.mark.parametrize(
    "asked",
    [
        {"page_size": 101},
        {"page_size": 0},
        {"niches": ("Not A Niche",)},
        {"countries": ("Germany",)},
        {"niches": ("beauty",) * 21},
        {"engagement_rate": {"least": 0.1}},
        {"followers": {"least": 2, "most": 1}},
    ],
)
def test_a_search_is_bounded(asked: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SearchCreators(**asked)
