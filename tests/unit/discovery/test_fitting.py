"""Creators like others, creators for a campaign, benchmarks: each score is the sum of its parts."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from libs.chassis.rpcs import Reads
from libs.events.catalog.campaigns import CampaignDrafted
from libs.events.catalog.discovery import AudienceSnapshotRecorded, AvailabilityChanged, BadgeAwarded
from libs.events.catalog.values import (
    Absence,
    Badge,
    Brief,
    CampaignMode,
    DeliverableTemplate,
    Money,
    Objective,
    Party,
    Platform,
)
from libs.events.decider import Actor, Kind, Refusal, Role
from libs.events.memory import ManualClock, MemoryCommitLog
from libs.events.registry import Event
from libs.events.testing import AT, OPERATOR
from services.discovery.domain.criteria import AudienceShare, Criteria
from services.discovery.domain.fit import Weights, averaged, scored, similarity
from services.discovery.domain.tiers import quantile
from services.discovery.fitting import (
    CANDIDATES,
    BatchGetCreators,
    FindSimilarCreators,
    Fitting,
    GetBenchmarks,
    RecommendCreators,
    bands_of,
)
from services.discovery.projections import campaigns
from tests.unit.campaigns.examples import opened
from tests.unit.discovery.entries import directory, entries
from tests.unit.discovery.examples import ANA, AS_BRAND, BEA, account, joined, measured, priced, watched
from tests.unit.discovery.test_directory import directory_of
from tests.unit.read_models import views_of

CMP, BRD = "cmp_glow000000", "brd_glow000000"
TWIN = "crt_twin000000"
drafted = CampaignDrafted(
    campaign_id=CMP,
    brand_id=BRD,
    name="Skincare at breakfast",
    objective=Objective.AWARENESS,
    mode=CampaignMode.OPEN,
    brief=Brief(hashtags=("#soap",)),
    budget=Money(amount=100_000, currency="EUR"),
    deliverables=(DeliverableTemplate(platform=Platform.TIKTOK, format="video"),),
)


async def answered(what: str, request: Any, *events: Event, actor: Actor = AS_BRAND, facts: tuple[Event, ...] = ()) -> Any:
    clock = ManualClock(AT)
    reads = Reads(actor, await views_of(clock, {campaigns: facts or (drafted,)}), MemoryCommitLog(), clock)
    return await getattr(Fitting(await directory_of(*events), Weights()), what)(request, reads)


def names(answer: Any) -> list[str]:
    return [one["creator"]["creator_id"] for one in answer["creators"]]


# --- Parts and their sum -----------------------------------------------------------------------------------------------


@for_all(drawn=st.lists(entries, min_size=3, max_size=3))
def test_a_score_is_the_sum_of_its_parts_between_0_and_1(drawn: list[dict[str, Any]]) -> None:
    one, *seeds = directory(drawn).values()
    score, parts = scored(averaged([similarity(one, seed) for seed in seeds]), Weights().similar)
    assert score == pytest.approx(sum(part.weight * part.value for part in parts))
    assert sum(part.weight for part in parts) == pytest.approx(1)
    assert -1e-9 <= score <= 1 + 1e-9


@for_all(entries)
def test_nobody_is_more_similar_than_itself(drawn: dict[str, Any]) -> None:
    assert all(value in (None, pytest.approx(1)) or name == "audience" for name, value in similarity(drawn, drawn))


@pytest.mark.parametrize(
    ("values", "quartiles"), [([1, 2, 3, 4, 5], (2, 3, 4)), ([1, 2, 3, 4], (1.75, 2.5, 3.25)), ([7], (7, 7, 7))]
)
def test_quartiles_lie_between_the_nearest_values(values: list[float], quartiles: tuple[float, ...]) -> None:
    assert tuple(quantile(values, fraction) for fraction in (0.25, 0.5, 0.75)) == quartiles


# --- Similar creators --------------------------------------------------------------------------------------------------


async def test_the_most_similar_come_first_and_say_in_what() -> None:
    twin = joined(creator_id=TWIN, accounts=(account(50_000),))
    far = joined(creator_id=BEA, niches=("beauty",), languages=("fr",), accounts=(account(400_000),))
    answer = await answered("similar", FindSimilarCreators(creator_ids=(ANA,)), joined(), twin, far)
    assert names(answer) == [TWIN, BEA]
    parts = {part["name"]: part["value"] for part in answer["creators"][0]["fit"]["parts"]}
    assert (parts["niches"], parts["languages"], parts["engagement"]) == (1, 1, 1)
    assert answer["creators"][0]["fit"]["missing"] == ["audience"]


async def test_the_most_similar_is_found_behind_any_number_of_larger_ones() -> None:
    """Of a large directory not all are looked at closely; those with most followers are the least similar."""
    crowd = [joined(creator_id=f"crt_crowd{n:05}", accounts=(account(500_000),)) for n in range(CANDIDATES + 50)]
    twin = joined(creator_id=TWIN)
    answer = await answered("similar", FindSimilarCreators(creator_ids=(ANA,), page_size=1), joined(), *crowd, twin)
    assert names(answer) == [TWIN]


@pytest.mark.parametrize(("least", "most"), [(1, 1), (3, 3), (52_000, 52_000), (10_000, 4_000_000)])
def test_bands_of_sizes_leave_nobody_out(least: int, most: int) -> None:
    bands = list(bands_of(least, most))
    assert (bands[0].least, bands[-1].most) == (max(1, least // 10), most * 10)
    assert all(band.most is not None and following.least == band.most + 1 for band, following in pairwise(bands))


async def test_similarity_to_whom_nobody_knows_is_refused() -> None:
    with pytest.raises(Refusal) as refused:
        await answered("similar", FindSimilarCreators(creator_ids=(ANA, BEA)), joined())
    assert (refused.value.kind, refused.value.field) == (Kind.NOT_FOUND, "creator_ids")


# --- Recommendations ---------------------------------------------------------------------------------------------------


async def recommended(*events: Event, facts: tuple[Event, ...] = (), actor: Actor = AS_BRAND, **asked: Any) -> Any:
    return await answered("recommend", RecommendCreators(campaign_id=CMP, **asked), *events, facts=facts, actor=actor)


async def test_brief_budget_audience_engagement_and_reliability_make_the_score() -> None:
    told = AudienceSnapshotRecorded(creator_id=ANA, audience=watched())
    reliable = BadgeAwarded(creator_id=ANA, badge=Badge.RELIABLE, policy_version=1, evidence={})
    asked = Criteria(audience=(AudienceShare(kind="country", value="DE", least=0.8),))
    answer = await recommended(joined(rate_card=(priced(60_000),)), told, reliable, filters=asked)
    fit = answer["creators"][0]["fit"]
    values = {part["name"]: part["value"] for part in fit["parts"]}
    assert values == {
        "brief": 0.25,  # one of two niches
        "audience": pytest.approx(0.75),  # 60 % of the 80 % that are wanted
        "budget": pytest.approx(0.5),
        "engagement": pytest.approx(0.5),
        "reliability": pytest.approx(0.4),
    }
    assert fit["score"] == pytest.approx(sum(part["adds"] for part in fit["parts"]))


async def test_a_creator_without_a_price_is_recommended_last_and_says_why() -> None:
    cheap = joined(creator_id=BEA, rate_card=(priced(10_000),))
    answer = await recommended(joined(), cheap)
    assert names(answer) == [BEA, ANA]
    assert answer["creators"][1]["fit"]["missing"] == ["budget"]


async def test_who_can_be_paid_is_found_behind_any_number_of_larger_ones() -> None:
    crowd = [
        joined(creator_id=f"crt_crowd{n:05}", accounts=(account(900_000),), rate_card=(priced(900_000),))
        for n in range(CANDIDATES + 50)
    ]
    answer = await recommended(*crowd, joined(rate_card=(priced(10_000),)), page_size=1)
    assert names(answer) == [ANA]


async def test_who_is_away_or_engaged_already_is_not_recommended() -> None:
    away = AvailabilityChanged(creator_id=BEA, absence=Absence(starts_at=AT))
    engaged = opened(Party.BRAND).model_copy(update={"campaign_id": CMP, "creator_id": TWIN})
    answer = await recommended(joined(), joined(creator_id=BEA), joined(creator_id=TWIN), away, facts=(drafted, engaged))
    assert names(answer) == [ANA]


async def test_another_brands_campaign_is_not_there() -> None:
    other = Actor("other", Role.BRAND, "brd_other00000")
    with pytest.raises(Refusal, match="NOT_FOUND"):
        await recommended(joined(), actor=other)
    assert names(await recommended(joined(), actor=OPERATOR)) == [ANA]


# --- Benchmarks --------------------------------------------------------------------------------------------------------


def cohort(size: int) -> list[Event]:
    return [
        joined(
            creator_id=f"crt_peer{n:06}",
            accounts=(account(20_000 + n),),
            performance=measured(median_views=1_000 * n, engagement_rate=0.01 * n),
        )
        for n in range(1, size + 1)
    ]


async def test_a_benchmark_is_of_one_size_and_niche_and_says_of_how_many() -> None:
    outside = joined(accounts=(account(500_000),))
    told = await answered("benchmarks", GetBenchmarks(niche="beauty", tier="micro"), *cohort(5), outside)
    assert told["n"] == 5
    measures = {one["name"]: (one["n"], one["p25"], one["p50"], one["p75"]) for one in told["measures"]}
    assert measures["median_views"] == (5, 2_000, 3_000, 4_000)
    assert "growth" not in measures  # measured of nobody


async def test_rates_by_another_method_are_not_in_a_benchmark() -> None:
    told = await answered("benchmarks", GetBenchmarks(niche="beauty", tier="micro", method="by_reach"), *cohort(6))
    assert "engagement_rate" not in {one["name"] for one in told["measures"]}


async def test_a_cohort_of_four_tells_too_much() -> None:
    with pytest.raises(Refusal, match="COHORT_TOO_SMALL") as refused:
        await answered("benchmarks", GetBenchmarks(niche="beauty", tier="micro"), *cohort(4))
    assert refused.value.details == {"n": 4, "least": 5}


async def test_several_are_read_at_once_without_those_who_are_not_there() -> None:
    told = await answered("batch_get", BatchGetCreators(creator_ids=(BEA, ANA, TWIN)), joined(), joined(creator_id=BEA))
    assert [one["creator_id"] for one in told["creators"]] == [BEA, ANA]
