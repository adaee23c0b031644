"""A creator: joining, measuring, being taken out and put back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st
from pydantic import ValidationError

from libs.events.catalog.discovery import CreatorErased, CreatorReinstated, CreatorSuspended, PerformanceSnapshotRecorded
from libs.events.decider import Refusal
from libs.events.testing import AT, OPERATOR, check_legal, given
from services.discovery.domain.creator import Absent, Applied, Joined, Rejected
from services.discovery.domain.creator_commands import RecordPerformanceSnapshot, ReinstateCreator, SuspendCreator
from tests.unit.discovery.examples import (
    ANA,
    AS_ANA,
    AS_BEA,
    AS_BRAND,
    COMMANDS,
    POLICY,
    RULES,
    account,
    applied,
    apply,
    joined,
    measured,
    newer,
    rejected,
)

SUSPENDED = CreatorSuspended(creator_id=ANA, reason="bought followers")


def test_an_eligible_creator_joins_in_the_commit_of_its_application() -> None:
    given(RULES).when(apply(), actor=AS_ANA).then(applied(), joined())


def test_whoever_does_not_meet_the_policy_is_rejected_with_reasons_and_a_date() -> None:
    given(RULES).when(apply(age=17), actor=AS_ANA).then(applied(age=17), rejected())


def test_a_rejected_creator_may_not_come_back_before_the_date() -> None:
    early = given(RULES, applied(age=17), rejected()).when(apply(), actor=AS_ANA, at=AT + timedelta(days=29))
    early.then_refused("REAPPLY_TOO_EARLY", reapply_after="2026-12-22T14:00:00.000Z")


def test_a_rejected_creator_may_come_back_on_the_date() -> None:
    late = given(RULES, applied(age=17), rejected()).when(apply(), actor=AS_ANA, at=AT + timedelta(days=30))
    late.then(applied(), joined())


def test_an_application_cannot_have_been_measured_tomorrow() -> None:
    """Every later snapshot would be older."""
    ahead = apply(performance=measured(AT + timedelta(days=1)))
    given(RULES).when(ahead, actor=AS_ANA).then_refused("CAPTURED_IN_FUTURE")


def test_who_has_joined_does_not_apply_again() -> None:
    refusal = given(RULES, applied(), joined()).when(apply(), actor=AS_ANA).then_refused("ILLEGAL_TRANSITION", state="Joined")
    assert "UpdateProfile" in refusal.details["legal"]
    assert "ApplyToJoin" not in refusal.details["legal"]


def test_a_newer_measurement_is_recorded() -> None:
    recorded = PerformanceSnapshotRecorded(creator_id=ANA, performance=measured(AT))
    after = given(RULES, applied(), joined()).when(newer, actor=AS_ANA).then(recorded)
    assert isinstance(after.state, Joined)
    assert after.state.profile.performance.captured_at == AT


def test_an_older_measurement_is_refused() -> None:
    again = RecordPerformanceSnapshot(creator_id=ANA, performance=measured())
    given(RULES, applied(), joined()).when(again, actor=AS_ANA).then_refused(
        "SNAPSHOT_NOT_NEWER", last_captured_at="2026-11-21T14:00:00.000Z"
    )


def test_a_measurement_of_the_future_is_refused() -> None:
    ahead = RecordPerformanceSnapshot(creator_id=ANA, performance=measured(AT + timedelta(minutes=6)))
    refusal = given(RULES, applied(), joined()).when(ahead, actor=AS_ANA).then_refused("CAPTURED_IN_FUTURE")
    assert refusal.field == "performance.captured_at"


def test_nobody_measures_another_creator() -> None:
    given(RULES, applied(), joined()).when(newer, actor=AS_BEA).then_refused("NOT_FOUND")


def test_what_is_not_there_cannot_be_changed() -> None:
    given(RULES).when(newer, actor=OPERATOR).then_refused("NOT_FOUND")
    given(RULES).when(SuspendCreator(creator_id=ANA, reason="spam"), actor=OPERATOR).then_refused("NOT_FOUND")


def test_an_operator_suspends_and_reinstates() -> None:
    suspended = given(RULES, applied(), joined()).when(SuspendCreator(creator_id=ANA, reason="bought followers"))
    back = suspended.then(SUSPENDED).when(ReinstateCreator(creator_id=ANA))
    assert isinstance(back.then(CreatorReinstated(creator_id=ANA)).state, Joined)


def test_a_suspended_creator_cannot_be_measured_or_suspended_again() -> None:
    suspended = given(RULES, applied(), joined(), SUSPENDED)
    suspended.when(newer).then_refused("ILLEGAL_TRANSITION", legal=["ReinstateCreator", "EraseCreator"])
    suspended.when(SuspendCreator(creator_id=ANA, reason="again")).then_refused("ILLEGAL_TRANSITION")


def test_a_suspension_has_a_reason() -> None:
    with pytest.raises(ValidationError):
        SuspendCreator(creator_id=ANA, reason="")


def test_who_has_joined_is_public_and_the_others_are_not() -> None:
    assert RULES.visible(RULES.fold([applied(), joined()]), AS_BRAND)
    for hidden in ([applied(), rejected()], [applied(), joined(), SUSPENDED]):
        state = RULES.fold(hidden)
        assert RULES.visible(state, AS_ANA)
        assert RULES.visible(state, OPERATOR)
        assert not RULES.visible(state, AS_BRAND)
        assert not RULES.visible(state, AS_BEA)


def test_the_legality_table_says_what_decide_does() -> None:
    states = [
        Absent(),
        RULES.fold([applied()]),
        RULES.fold([applied(), rejected(AT)]),
        RULES.fold([applied(), joined()]),
        RULES.fold([applied(), joined(), SUSPENDED]),
        RULES.fold([applied(), joined(), CreatorErased(creator_id=ANA)]),
    ]
    assert [type(state) for state in states[1:3]] == [Applied, Rejected]
    check_legal(RULES, states, COMMANDS)


@for_all(
    age=st.integers(0, 130),
    followers=st.integers(0, 10**9),
    posts=st.none() | st.integers(0, 1000),
    rate=st.none() | st.floats(0, 1),
)
def test_every_application_is_answered_and_folds(age: int, followers: int, posts: int | None, rate: float | None) -> None:
    said = apply(age=age, accounts=(account(followers),), performance=measured(posts=posts, engagement_rate=rate))
    decided = RULES.decide(said.model_copy(update={"actor": AS_ANA, "at": AT}), Absent())
    state = RULES.fold(decided)
    assert isinstance(state, Joined | Rejected)
    assert isinstance(state, Joined) or state.reasons
    assert not isinstance(state, Joined) or (age >= POLICY.least_age and followers >= POLICY.least_followers)


@for_all(order=st.permutations(COMMANDS))
def test_no_order_of_commands_reaches_an_illegal_state(order: list[object]) -> None:
    state = RULES.fold([applied(), joined()])
    for command in order:
        try:
            state = RULES.fold(RULES.judge(command.model_copy(update={"actor": OPERATOR, "at": AT}), state), state)
        except Refusal:
            continue
    assert type(state) in RULES.legal
