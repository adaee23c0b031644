"""Every figure: what it is made of, and what it is when something is missing."""

from typing import Any

import pytest

from libs.events.catalog.values import Metrics, Money
from libs.events.testing import projected
from services.analytics.domain.dashboard import dashboard
from services.analytics.domain.formulas import FORMULAS, REACH, VERSION, Figure, Measures, divide, figures, measures, total
from services.analytics.projections import campaign_dashboards
from tests.unit.analytics.examples import (
    CAMPAIGN,
    CREATOR,
    OTHER_POST,
    eur,
    hours,
    launched,
    refunded,
    released,
    reported,
    sold,
    taken_back,
    tracked,
)

NO_MONEY: Measures = {"cost": 0, "conversions": None, "revenue": None, "profit": None, "paid_media": None}


def of(posts: list[Measures], **campaign: int | None) -> dict[str, Figure]:
    return {figure.id: figure for figure in figures(posts, {**NO_MONEY, **campaign})}


def counts(**known: int) -> Measures:
    return measures(Metrics(**known))


WHOLE = counts(views=1_000, likes=80, comments=15, shares=5, reach=800, clicks=40)


@pytest.mark.parametrize(
    ("id", "numerator", "denominator", "value"),
    [
        ("engagement_rate.by_views", 100, 1_000, 0.1),
        ("engagement_rate.by_reach", 100, 800, 0.125),
        ("cpm", 12_000, 1_000, 12_000.0),
        ("cpv", 12_000, 1_000, 12.0),
        ("cpe", 12_000, 100, 120.0),
        ("cpc", 12_000, 40, 300.0),
        ("cpa", 12_000, 3, 4_000.0),
        ("roi", 18_000, 12_000, 1.5),
        ("roas", 30_000, None, None),
    ],
)
def test_a_figure_is_its_formula(id: str, numerator: int, denominator: int | None, value: float | None):
    figure = of([WHOLE], cost=12_000, conversions=3, revenue=30_000, profit=18_000)[id]
    assert (figure.numerator, figure.denominator, figure.value, figure.n) == (numerator, denominator, value, 1)
    assert figure.version == VERSION


def test_every_figure_that_the_marketplace_promises_is_there():
    assert set(of([])) == {formula.id for formula in FORMULAS} | {REACH.id}


def test_a_rate_counts_only_posts_that_have_all_of_it():
    without_shares = counts(views=9_000, likes=1, comments=1)
    rate = of([WHOLE, without_shares])["engagement_rate.by_views"]
    assert (rate.numerator, rate.denominator, rate.n) == (100, 1_000, 1)


def test_what_nobody_measured_is_missing_and_not_zero():
    for figure in of([counts(saves=3)], cost=100).values():
        assert figure.value is None, figure


def test_zero_is_a_measurement():
    assert of([counts(views=10, likes=0, comments=0, shares=0)])["engagement_rate.by_views"].value == 0.0


def test_reach_is_summed_under_a_label_that_says_what_it_is_not():
    reach = of([WHOLE, counts(reach=200), counts(views=5)])["reach.sum"]
    assert (reach.value, reach.n, reach.unit) == (1_000.0, 2, "not additive")


@pytest.mark.parametrize(("numerator", "denominator"), [(1, 0), (1, None), (None, 1), (None, None)])
def test_what_cannot_be_divided_is_null(numerator: int | None, denominator: int | None):
    assert divide(numerator, denominator) is None


def test_a_total_of_nothing_known_is_missing():
    assert total([counts(views=1), counts(likes=1)], "views") == 1
    assert total([counts(likes=1)], "views") is None


# --- The whole dashboard -------------------------------------------------------------------------------------------------


def shown(*events: Any) -> dict[str, Any]:
    return dashboard(CAMPAIGN, projected(campaign_dashboards, *events)[CAMPAIGN])


def figure(board: dict[str, Any], id: str) -> dict[str, Any]:
    return next(figure for figure in board["figures"] if figure["id"] == id)


DEAL = (
    launched,
    tracked(),
    reported(hours(1), views=1_000, likes=80, comments=15, shares=5, reach=800),
    sold("a", eur(30_000)),
    sold("b", eur(9_000)),
    taken_back("b", eur(9_000)),
    released(10_800, 1_200),
)


def test_a_campaign_from_launch_to_return():
    board = shown(*DEAL)
    assert (board["name"], board["currency"], board["conversions"]) == ("Spring", "EUR", 1)
    assert board["totals"]["views"] == 1_000
    assert board["revenue"] == [{"amount": 30_000, "currency": "EUR"}]
    assert board["budget"]["spend"]["total"] == {"amount": 12_000, "currency": "EUR"}
    assert board["budget"]["remaining"] == {"amount": 488_000, "currency": "EUR"}
    assert board["budget"]["used"] == 0.024
    assert figure(board, "roi")["value"] == 1.5
    assert figure(board, "engagement_rate.by_views")["value"] == 0.1


def test_a_figure_says_where_it_comes_from():
    roi = figure(shown(*DEAL), "roi")
    assert roi["sources"] == ["conversions", "payments", "platform_api"]
    assert roi["window"] == {"starts_at": "2026-11-20T14:00:00.000Z", "ends_at": "2026-11-20T15:00:00.000Z"}
    assert (roi["formula"], roi["split"]) == ("(revenue − cost) / cost", "organic + paid")


def test_kill_fees_are_spend():
    board = shown(launched, refunded(500))
    assert board["budget"]["spend"]["kill_fee"] == {"amount": 500, "currency": "EUR"}
    [row] = board["creators"]
    assert (row["creator_id"], row["posts"], row["spend"]["total"]["amount"]) == (CREATOR, 0, 500)


def test_a_refund_without_a_kill_fee_costs_nothing():
    assert shown(launched, refunded(0))["creators"] == []


def test_without_recorded_sales_the_return_is_unknown():
    board = shown(launched, tracked(), released(100, 10))
    assert (figure(board, "roi")["value"], board["conversions"], board["revenue"]) == (None, None, [])


def test_sales_in_another_currency_are_listed_and_not_converted():
    dollars = Money(amount=70_000, currency="USD")
    board = shown(launched, tracked(), released(100, 10), sold("a", dollars))
    assert board["revenue"] == [{"amount": 70_000, "currency": "USD"}]
    assert figure(board, "roi")["value"] is None


def test_each_post_and_each_creator_has_a_line():
    board = shown(*DEAL, tracked(OTHER_POST), reported(hours(2), post_id=OTHER_POST, views=500))
    assert [(row["post_id"], row["counts"]["views"]) for row in board["posts"]] == [
        (tracked().post_id, 1_000),
        (OTHER_POST, 500),
    ]
    [row] = board["creators"]
    assert (row["posts"], row["counts"]["views"], row["engagement_rate"]) == (2, 1_500, 0.1)


def test_paid_and_organic_are_counted_together():
    board = shown(launched, tracked(), reported(hours(1), views=10, paid=Metrics(views=5, clicks=2)))
    assert (board["totals"]["views"], board["totals"]["clicks"], board["totals"]["likes"]) == (15, 2, None)


def test_a_dashboard_without_its_launch_knows_what_has_arrived():
    board = shown(tracked(), sold("a", eur(5)))
    assert (board["name"], board["budget"], board["currency"]) == (None, None, "EUR")
