"""A post: counted from when it is out; the newest capture counts, an order counts once."""

from datetime import timedelta

import pytest

from libs.events.catalog.values import Metrics, MetricsSource, Money
from libs.events.decider import Kind
from libs.events.ids import derive
from libs.events.testing import AT, OPERATOR, check_legal, given
from services.analytics.domain.post import (
    CLOCK_SKEW,
    REMEMBERED,
    RecordConversion,
    ReportMetrics,
    ReverseConversion,
    Tracked,
    TrackPost,
    Untracked,
    post,
)
from tests.unit.analytics.examples import (
    ACME,
    ANA,
    BEA,
    POST,
    POSTED,
    RIVAL,
    eur,
    hours,
    reported,
    sold,
    taken_back,
    tracked,
)

ORDER = "order-1"
CONVERSION = derive("cnv", POST, ORDER)


def track(url: str = "https://tiktok.example/1") -> TrackPost:
    return TrackPost(**tracked(url=url).model_dump())


def report(at=hours(1), source=MetricsSource.PLATFORM_API, paid=None, **counts) -> ReportMetrics:  # noqa: B008
    return ReportMetrics(post_id=POST, captured_at=at, source=source, organic=Metrics(**counts), paid=paid)


def record(value: Money, order: str = ORDER, at=hours(1)) -> RecordConversion:  # noqa: B008
    return RecordConversion(post_id=POST, order_id=order, value=value, occurred_at=at)


reverse = ReverseConversion(post_id=POST, conversion_id=CONVERSION, reason="returned")


def state_after(*events) -> Tracked:
    state = post.fold(events)
    assert isinstance(state, Tracked)
    return state


# --- Tracking ------------------------------------------------------------------------------------------------------------


def test_a_post_is_tracked_once_it_is_out():
    given(post).when(track()).then(tracked())
    given(post, tracked()).when(track()).then_nothing()


def test_content_that_is_posted_anew_keeps_its_numbers_and_its_first_date():
    again = tracked(url="https://tiktok.example/2", posted_at=hours(5))
    given(post, tracked(), reported(hours(1), views=10)).when(TrackPost(**again.model_dump())).then(again)
    state = state_after(tracked(), reported(hours(1), views=10), again)
    assert (state.url, state.posted_at, state.snapshots) == (again.url, POSTED, 1)


# --- Metrics -------------------------------------------------------------------------------------------------------------


def test_a_snapshot_is_kept_as_it_was_captured():
    given(post, tracked()).when(report(views=10, likes=0)).then(reported(hours(1), views=10, likes=0))


def test_a_late_snapshot_is_kept_and_does_not_count():
    history = (tracked(), reported(hours(5), views=50))
    given(post, *history).when(report(hours(1), views=10)).then(reported(hours(1), views=10))
    state = state_after(*history, reported(hours(1), views=10))
    assert state.newest is not None
    assert (state.newest.organic.views, state.snapshots) == (50, 2)


def test_an_identical_snapshot_changes_nothing():
    history = (tracked(), reported(hours(1), views=10), reported(hours(2), views=20))
    given(post, *history).when(report(hours(1), views=10)).then_nothing()


def test_a_correction_of_the_same_moment_is_kept():
    given(post, tracked(), reported(hours(1), views=10)).when(report(hours(1), views=9)).then(reported(hours(1), views=9))


def test_the_memory_of_snapshots_is_bounded():
    many = [reported(hours(n / 10), views=n) for n in range(REMEMBERED + 10)]
    state = state_after(tracked(), *many)
    assert (len(state.remembered), state.snapshots) == (REMEMBERED, REMEMBERED + 10)


def test_paid_metrics_alone_are_a_snapshot():
    paid = Metrics(views=5)
    given(post, tracked()).when(report(paid=paid)).then(reported(hours(1), paid=paid))


@pytest.mark.parametrize("paid", [None, Metrics()])
def test_a_snapshot_measures_something(paid: Metrics | None):
    refusal = given(post, tracked()).when(report(paid=paid)).then_refused("NOTHING_MEASURED")
    assert (refusal.kind, refusal.field) == (Kind.INVALID_ARGUMENT, "organic")


def test_nothing_is_measured_before_the_post():
    refusal = given(post, tracked()).when(report(POSTED - timedelta(seconds=1), views=1)).then_refused("BEFORE_POST")
    assert refusal.field == "captured_at"


def test_nothing_is_measured_in_the_future():
    at = AT + CLOCK_SKEW
    given(post, tracked()).when(report(at, views=1)).then(reported(at, views=1))
    given(post, tracked()).when(report(at + timedelta(seconds=1), views=1)).then_refused("IN_THE_FUTURE")


def test_a_creator_reports_as_itself():
    own = report(source=MetricsSource.CREATOR_REPORT, views=1)
    given(post, tracked()).when(own, actor=ANA).then(reported(hours(1), source=MetricsSource.CREATOR_REPORT, views=1))
    refusal = given(post, tracked()).when(report(views=1), actor=ANA).then_refused("SOURCE_NOT_YOURS")
    assert (refusal.kind, refusal.field) == (Kind.PERMISSION_DENIED, "source")


@pytest.mark.parametrize("stranger", [BEA, RIVAL])
def test_anothers_post_does_not_exist(stranger):
    given(post, tracked()).when(report(views=1), actor=stranger).then_refused("NOT_FOUND")
    given(post, tracked()).when(record(eur(1)), actor=stranger).then_refused("NOT_FOUND")


@pytest.mark.parametrize("command", [report(views=1), record(eur(1)), reverse], ids=lambda c: type(c).__name__)
def test_a_post_that_is_not_tracked_does_not_exist(command):
    given(post).when(command, actor=OPERATOR).then_refused("NOT_FOUND")


# --- Conversions ---------------------------------------------------------------------------------------------------------


def test_an_order_is_recorded_once():
    (
        given(post, tracked())
        .when(record(eur(5_000)), actor=ACME)
        .then(sold(ORDER, eur(5_000)))
        .when(record(eur(5_000)), actor=ACME)
        .then_nothing()
    )


def test_an_order_does_not_change_its_value():
    again = given(post, tracked(), sold(ORDER, eur(5_000))).when(record(eur(6_000)), actor=ACME)
    refusal = again.then_refused("ORDER_RECORDED_OTHERWISE", recorded={"amount": 5_000, "currency": "EUR"})
    assert (refusal.kind, refusal.field) == (Kind.ALREADY_EXISTS, "order_id")


def test_a_conversion_is_not_worth_less_than_nothing():
    given(post, tracked()).when(record(eur(0))).then(sold(ORDER, eur(0)))
    assert given(post, tracked()).when(record(eur(-1))).then_refused("VALUE_NEGATIVE").field == "value.amount"


def test_nothing_is_sold_before_the_post_or_in_the_future():
    early = record(eur(1), at=POSTED - timedelta(seconds=1))
    assert given(post, tracked()).when(early).then_refused("BEFORE_POST").field == "occurred_at"
    given(post, tracked()).when(record(eur(1), at=AT + timedelta(hours=1))).then_refused("IN_THE_FUTURE")


def test_a_conversion_is_reversed_once():
    (
        given(post, tracked(), sold(ORDER, eur(5_000)))
        .when(reverse, actor=ACME)
        .then(taken_back(ORDER, eur(5_000)))
        .when(reverse, actor=ACME)
        .then_nothing()
    )


def test_a_reversed_order_is_not_recorded_again_by_a_late_repetition():
    given(post, tracked(), sold(ORDER, eur(5)), taken_back(ORDER, eur(5))).when(record(eur(5))).then_nothing()


def test_what_was_not_recorded_cannot_be_reversed():
    given(post, tracked()).when(reverse, actor=ACME).then_refused("NOT_FOUND")


def test_the_table_of_legal_commands_is_what_decide_does():
    offers = [track("https://tiktok.example/3"), report(views=1), record(eur(1)), reverse]
    check_legal(post, [Untracked(), post.fold([tracked(), sold(ORDER, eur(1))])], offers)
