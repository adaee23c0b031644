"""The dashboard's read model: the same whatever comes first, and only for whom it is."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.chassis.rpcs import Reads
from libs.events.catalog.campaigns import ContentPosted
from libs.events.catalog.values import Metrics, MetricsSource, Platform
from libs.events.decider import Actor, Refusal, Role
from libs.events.memory import ManualClock, MemoryCommitLog
from libs.events.ports import Document, Page, Where
from libs.events.testing import AT, OPERATOR, projected, reacts
from services.analytics.domain.dashboard import dashboard
from services.analytics.domain.post import TrackPost, Untracked, post
from services.analytics.domain.snapshots import Snapshot
from services.analytics.projections import campaign_dashboards
from services.analytics.queries import (
    SHOWN,
    GetCampaignDashboard,
    WatchCampaignDashboard,
    get_campaign_dashboard,
    show_post,
    watch_campaign_dashboard,
)
from services.analytics.reactions import track_post
from tests.unit.analytics.examples import (
    ACME,
    ANA,
    CAMPAIGN,
    CONTRACT,
    OF_POST,
    POST,
    POSTED,
    RIVAL,
    eur,
    hours,
    launched,
    released,
    reported,
    sold,
    taken_back,
    tracked,
)

counts = st.one_of(st.none(), st.integers(0, 1_000))
snapshots = st.builds(
    lambda hour, source, views, likes, paid: reported(
        hours(hour), source=source, views=views, likes=likes, paid=None if paid is None else Metrics(views=paid)
    ),
    st.integers(0, 3),
    st.sampled_from(MetricsSource),
    counts,
    counts,
    counts,
)


@settings(max_examples=100, deadline=None)
@given(st.lists(snapshots, min_size=1, max_size=8).flatmap(lambda s: st.tuples(st.just(s), st.permutations(s))))
def test_no_order_of_arrival_makes_a_difference(two_orders: tuple[list[Any], list[Any]]):
    one, other = (projected(campaign_dashboards, launched, tracked(), *order) for order in two_orders)
    assert dashboard(CAMPAIGN, one[CAMPAIGN]) == dashboard(CAMPAIGN, other[CAMPAIGN])
    newest = post.fold([tracked(), *two_orders[1]]).newest
    assert newest is not None
    assert one[CAMPAIGN]["posts"][POST]["snapshot"] == newest.model_dump(mode="json")


def test_of_two_captures_of_a_moment_the_more_trusted_counts():
    creator = Snapshot.of(reported(hours(1), source=MetricsSource.CREATOR_REPORT, views=99))
    platform = Snapshot.of(reported(hours(1), views=10))
    assert max(platform, creator, key=Snapshot.rank) == platform


def test_facts_of_different_services_may_come_in_any_order():
    first, second = [launched, tracked(), released(100, 10)], [released(100, 10), tracked(), launched]
    one, other = (projected(campaign_dashboards, *order)[CAMPAIGN] for order in (first, second))
    assert one == other


def test_content_that_is_posted_anew_keeps_its_numbers():
    again = tracked(url="https://tiktok.example/2", posted_at=hours(9))
    [document] = projected(campaign_dashboards, tracked(), reported(hours(1), views=7), again).values()
    kept = document["posts"][POST]
    assert (kept["url"], kept["posted_at"], kept["snapshots"]) == (again.url, "2026-11-20T14:00:00.000Z", 1)


def test_posted_content_is_tracked():
    posted = ContentPosted(
        **OF_POST,
        contract_id=CONTRACT,
        deliverable_id="dlv_0000000001one",
        platform=Platform.TIKTOK,
        url="https://tiktok.example/1",
        caption="#ad",
        posted_at=POSTED,
    )
    assert reacts(track_post, posted) == [TrackPost(**tracked().model_dump())]


# --- Answers -------------------------------------------------------------------------------------------------------------


class FakeViews:
    def __init__(self) -> None:
        self.documents = projected(campaign_dashboards, launched, tracked())

    async def one(self, projection: str, id: str) -> Document | None:
        assert projection == "campaign_dashboards"
        return self.documents.get(id)

    async def page(self, projection: str, where: Where, page: Page, cursor: str = "") -> tuple[list[Document], str]:
        raise NotImplementedError

    async def count(self, projection: str, where: Where) -> int:
        raise NotImplementedError


def reads(actor: Actor) -> Reads:
    return Reads(actor, FakeViews(), MemoryCommitLog(), ManualClock(AT))


@pytest.mark.parametrize("actor", [ACME, OPERATOR, Actor("books", Role.DATA)])
async def test_the_brand_and_the_house_see_the_dashboard(actor: Actor):
    assert (await get_campaign_dashboard(GetCampaignDashboard(campaign_id=CAMPAIGN), reads(actor)))["name"] == "Spring"


@pytest.mark.parametrize("actor", [RIVAL, ANA, Actor("nobody", Role.BRAND)])
async def test_to_others_the_campaign_does_not_exist(actor: Actor):
    with pytest.raises(Refusal, match="NOT_FOUND"):
        await get_campaign_dashboard(GetCampaignDashboard(campaign_id=CAMPAIGN), reads(actor))
    with pytest.raises(Refusal, match="NOT_FOUND"):
        await anext(watch_campaign_dashboard(WatchCampaignDashboard(campaign_id=CAMPAIGN), reads(actor)))


async def test_a_campaign_that_nobody_knows_does_not_exist():
    with pytest.raises(Refusal, match="NOT_FOUND"):
        await get_campaign_dashboard(GetCampaignDashboard(campaign_id="cmp_0000000009none"), reads(OPERATOR))


async def test_a_live_dashboard_is_sent_again_once_it_has_changed():
    source = reads(ACME)
    stream = watch_campaign_dashboard(WatchCampaignDashboard(campaign_id=CAMPAIGN), source)
    assert (await anext(stream))["id"] == "2"
    coming = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0)
    source.views.documents = projected(campaign_dashboards, launched, tracked(), reported(hours(1), views=7))  # type: ignore[attr-defined]
    source.clock.advance(1)  # type: ignore[attr-defined]
    change = await coming
    assert (change["id"], change["dashboard"]["totals"]["views"]) == ("3", 7)


async def test_a_dashboard_that_was_seen_is_not_sent_again():
    source = reads(ACME)
    stream = watch_campaign_dashboard(WatchCampaignDashboard(campaign_id=CAMPAIGN, after="2"), source)
    coming = asyncio.ensure_future(anext(stream))
    for _ in range(5):
        source.clock.advance(1)  # type: ignore[attr-defined]
        await asyncio.sleep(0)
    assert not coming.done()
    coming.cancel()


def test_a_post_shows_what_counts_and_its_latest_sales():
    sales = [sold(str(n), eur(n)) for n in range(SHOWN + 1)]
    state = post.fold([tracked(), reported(hours(1), views=7), *sales, taken_back("1", eur(1))])
    shown = show_post(POST, state)
    assert shown["newest"]["organic"]["views"] == 7
    assert (len(shown["conversions"]), shown["conversions"][0]["order_id"], shown["conversions"][0]["reversed"]) == (
        SHOWN,
        "1",
        True,
    )
    with pytest.raises(Refusal, match="NOT_FOUND"):
        show_post(POST, Untracked())
