"""A campaign: drafted, launched, its creators, its budget."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st
from pydantic import ValidationError

from libs.events.catalog.campaigns import (
    BudgetExceeded,
    BudgetFreed,
    CampaignCancelled,
    CampaignPaused,
    CampaignResumed,
)
from libs.events.catalog.values import Brief, CampaignMode, Objective, Schedule
from libs.events.decider import Actor, Kind, Role
from libs.events.ids import derive
from libs.events.testing import AT, OPERATOR, check_legal, given
from services.campaigns.domain.campaign import Absent, Launched
from services.campaigns.domain.campaign_commands import (
    ApplyToCampaign,
    CancelCampaign,
    CommitBudget,
    DraftCampaign,
    FreeBudget,
    InviteCreators,
    LaunchCampaign,
    PauseCampaign,
    ResumeCampaign,
)
from tests.unit.campaigns.examples import (
    ANA,
    AS_ANA,
    AS_BEA,
    AS_GLOW,
    AS_OTHER,
    AS_SERVICE,
    BEA,
    BRIEF,
    CAMPAIGN,
    CMP,
    DAY,
    ENG,
    ENG_BEA,
    SCHEDULE,
    VIDEO,
    applied,
    committed,
    drafted,
    eur,
    invited,
    launched,
    terms,
)

draft = DraftCampaign(
    campaign_id=CMP,
    name="Summer",
    objective=Objective.AWARENESS,
    mode=CampaignMode.OPEN,
    brief=BRIEF,
    budget=eur(250_000),
    schedule=SCHEDULE,
    deliverables=(VIDEO,),
)
launch = LaunchCampaign(campaign_id=CMP, brand_verified=True)
pause, resume = PauseCampaign(campaign_id=CMP), ResumeCampaign(campaign_id=CMP)
cancel = CancelCampaign(campaign_id=CMP, reason="out of season")
paused, resumed = CampaignPaused(campaign_id=CMP), CampaignResumed(campaign_id=CMP)
apply = ApplyToCampaign(campaign_id=CMP, terms=terms(), message="I would love to")
free = FreeBudget(campaign_id=CMP, engagement_id=ENG, fee=eur(100_000))
RUNNING = (drafted(), launched())


def invite(*creators: str, **others: Any) -> InviteCreators:
    return InviteCreators(campaign_id=CMP, creator_ids=creators, terms=terms(**others))


def commit(creator: str = ANA, engagement: str = ENG, fee: int = 100_000) -> CommitBudget:
    return CommitBudget(campaign_id=CMP, engagement_id=engagement, creator_id=creator, terms=terms(fee), brief=BRIEF)


# --- Drafting and launching ------------------------------------------------------------------------------------------


def test_a_brand_drafts_a_campaign_and_launches_it() -> None:
    given(CAMPAIGN).when(draft, actor=AS_GLOW).then(drafted()).when(launch, actor=AS_GLOW).then(launched())


def test_only_a_brand_drafts_a_campaign() -> None:
    given(CAMPAIGN).when(draft, actor=OPERATOR).then_refused("NOT_A_BRAND")
    given(CAMPAIGN).when(draft, actor=Actor("nobody", Role.BRAND)).then_refused("NOT_A_BRAND")


def test_a_brief_is_bounded_as_every_invitation_holds_it_again() -> None:
    words = ("é" * 1_300,) * 50
    fits = {**draft.model_dump(exclude={"brief"}), "brief": {"do": words[:48]}}
    assert DraftCampaign.model_validate(fits).brief.do == words[:48]
    with pytest.raises(ValidationError, match="a brief has at most 131072 bytes"):
        DraftCampaign.model_validate({**fits, "brief": {"do": words, "dont": words[:3]}})


def test_a_draft_may_lack_everything_and_the_launch_names_each() -> None:
    bare = drafted(brief=Brief(), budget=None, schedule=None, deliverables=())
    refused = given(CAMPAIGN, bare).when(LaunchCampaign(campaign_id=CMP), actor=AS_GLOW).then_refused("NOT_READY_TO_LAUNCH")
    assert [reason["code"] for reason in refused.details["missing"]] == [
        "BRAND_NOT_VERIFIED",
        "DELIVERABLES_MISSING",
        "BUDGET_MISSING",
        "SCHEDULE_MISSING",
        "DISCLOSURE_LABEL_MISSING",
    ]
    assert refused.kind is Kind.FAILED_PRECONDITION


@pytest.mark.parametrize(
    ("lacking", "code"),
    [
        ({"deliverables": ()}, "DELIVERABLES_MISSING"),
        ({"budget": None}, "BUDGET_MISSING"),
        ({"budget": eur(0)}, "BUDGET_MISSING"),
        ({"schedule": None}, "SCHEDULE_MISSING"),
        ({"schedule": Schedule(starts_at=AT + DAY, ends_at=AT + DAY)}, "SCHEDULE_MISSING"),
        ({"schedule": Schedule(starts_at=AT - 2 * DAY, ends_at=AT)}, "SCHEDULE_OVER"),
        ({"brief": Brief(hashtags=("#glow",))}, "DISCLOSURE_LABEL_MISSING"),
    ],
)
def test_each_missing_thing_keeps_a_campaign_from_launching(lacking: dict[str, Any], code: str) -> None:
    refused = given(CAMPAIGN, drafted(**lacking)).when(launch, actor=AS_GLOW).then_refused("NOT_READY_TO_LAUNCH")
    assert [reason["code"] for reason in refused.details["missing"]] == [code]


def test_an_unverified_brand_cannot_launch() -> None:
    refused = given(CAMPAIGN, drafted()).when(LaunchCampaign(campaign_id=CMP), actor=AS_GLOW)
    assert [one["code"] for one in refused.then_refused("NOT_READY_TO_LAUNCH").details["missing"]] == ["BRAND_NOT_VERIFIED"]


def test_a_campaign_launches_once_and_another_brand_does_not_see_it() -> None:
    refused = given(CAMPAIGN, *RUNNING).when(launch, actor=AS_GLOW).then_refused("ILLEGAL_TRANSITION", state="Launched")
    assert "PauseCampaign" in refused.details["legal"]
    given(CAMPAIGN, *RUNNING).when(pause, actor=AS_OTHER).then_refused("NOT_FOUND")


def test_a_pause_takes_no_creators_but_agreements_go_on() -> None:
    on_hold = given(CAMPAIGN, *RUNNING, invited()).when(pause, actor=AS_GLOW).then(paused)
    on_hold.when(invite(BEA), actor=AS_GLOW).then_refused("ILLEGAL_TRANSITION", state="Paused")
    on_hold.when(commit(), actor=AS_SERVICE).then(committed())
    on_hold.when(resume, actor=AS_GLOW).then(resumed).when(invite(BEA), actor=AS_GLOW).then(invited(BEA))


def test_cancelling_names_the_engagements_that_end_with_it() -> None:
    over = CampaignCancelled(campaign_id=CMP, reason="out of season", engagement_ids=(ENG_BEA,))
    after = given(CAMPAIGN, *RUNNING, invited(), invited(BEA), committed()).when(cancel, actor=AS_GLOW).then(over)
    after.when(commit(BEA, ENG_BEA), actor=AS_SERVICE).then_nothing()
    after.when(invite(BEA), actor=AS_GLOW).then_refused("ILLEGAL_TRANSITION", state="Cancelled")


def test_a_draft_can_be_cancelled() -> None:
    over = CampaignCancelled(campaign_id=CMP, reason="out of season")
    given(CAMPAIGN, drafted()).when(cancel, actor=AS_GLOW).then(over)


# --- Creators --------------------------------------------------------------------------------------------------------


def test_creators_are_invited_together_and_the_budget_stays_free() -> None:
    after = given(CAMPAIGN, *RUNNING).when(invite(ANA, BEA), actor=AS_GLOW).then(invited(ANA), invited(BEA))
    assert isinstance(after.state, Launched)
    assert after.state.remaining() == eur(250_000)


def test_a_creator_is_engaged_once() -> None:
    again = given(CAMPAIGN, *RUNNING, invited()).when(invite(ANA, BEA), actor=AS_GLOW)
    again.then_refused("ALREADY_ENGAGED", creator_ids=[ANA])
    given(CAMPAIGN, *RUNNING, invited()).when(apply, actor=AS_ANA).then_refused("ALREADY_ENGAGED", engagement_id=ENG)


def test_at_most_a_hundred_are_invited_at_once_and_each_once() -> None:
    many = [f"crt_many{i:06}" for i in range(101)]
    assert len(given(CAMPAIGN, *RUNNING).when(invite(*many[:100]), actor=AS_GLOW).decided) == 100
    for wrong in (many, [], [ANA, ANA]):
        with pytest.raises(ValidationError):
            invite(*wrong)


@pytest.mark.parametrize(
    ("wrong", "code", "field"),
    [
        ({"fee": 0}, "FEE_NOT_POSITIVE", "terms.fee.amount"),
        ({"fee": -5}, "FEE_NOT_POSITIVE", "terms.fee.amount"),
        ({"post_window": Schedule(starts_at=AT + DAY, ends_at=AT + DAY)}, "POST_WINDOW_EMPTY", "terms.post_window"),
        ({"post_window": Schedule(starts_at=AT - DAY, ends_at=AT)}, "POST_WINDOW_OVER", "terms.post_window.ends_at"),
    ],
)
def test_terms_that_nobody_could_fulfil_are_refused(wrong: dict[str, Any], code: str, field: str) -> None:
    for command, actor in ((invite(ANA, **wrong), AS_GLOW), (apply.model_copy(update={"terms": terms(**wrong)}), AS_ANA)):
        refused = given(CAMPAIGN, *RUNNING).when(command, actor=actor).then_refused(code)
        assert (refused.kind, refused.field) == (Kind.INVALID_ARGUMENT, field)


def test_a_fee_is_in_the_currency_of_the_budget() -> None:
    dollars = terms().model_copy(update={"fee": eur(5).model_copy(update={"currency": "USD"})})
    command = InviteCreators(campaign_id=CMP, creator_ids=(ANA,), terms=dollars)
    given(CAMPAIGN, *RUNNING).when(command, actor=AS_GLOW).then_refused("CURRENCY_MISMATCH", currency="EUR")


def test_a_creator_applies_to_an_open_campaign() -> None:
    given(CAMPAIGN, *RUNNING).when(apply, actor=AS_BEA).then(applied())


def test_a_campaign_by_invitation_does_not_exist_for_applicants() -> None:
    closed = (drafted(mode=CampaignMode.INVITE_ONLY), launched(CampaignMode.INVITE_ONLY))
    given(CAMPAIGN, *closed).when(apply, actor=AS_BEA).then_refused("NOT_FOUND")


def test_a_campaign_that_is_not_running_does_not_exist_for_applicants() -> None:
    for past in ((drafted(),), (*RUNNING, paused), (*RUNNING, CampaignCancelled(campaign_id=CMP, reason="?")), ()):
        given(CAMPAIGN, *past).when(apply, actor=AS_BEA).then_refused("NOT_FOUND")


def test_only_creators_apply() -> None:
    given(CAMPAIGN, *RUNNING).when(apply, actor=AS_OTHER).then_refused("NOT_A_CREATOR")


def test_after_its_schedule_a_campaign_takes_nobody() -> None:
    late = SCHEDULE.ends_at
    given(CAMPAIGN, *RUNNING).when(invite(ANA), actor=AS_GLOW, at=late).then_refused("CAMPAIGN_OVER")
    given(CAMPAIGN, *RUNNING).when(apply, actor=AS_BEA, at=late).then_refused("CAMPAIGN_OVER")


# --- The budget ------------------------------------------------------------------------------------------------------


def test_an_agreement_commits_the_budget_once() -> None:
    after = given(CAMPAIGN, *RUNNING, invited()).when(commit(), actor=AS_SERVICE).then(committed())
    assert isinstance(after.state, Launched)
    assert after.state.remaining() == eur(150_000)
    after.when(commit(), actor=AS_SERVICE).then_nothing()


def test_the_budget_is_never_over_committed() -> None:
    past = (*RUNNING, invited(), invited(BEA), committed(fee=150_001))
    exceeded = BudgetExceeded(campaign_id=CMP, engagement_id=ENG_BEA, fee=eur(100_000), remaining=eur(99_999))
    given(CAMPAIGN, *past).when(commit(BEA, ENG_BEA), actor=AS_SERVICE).then(exceeded)


def test_the_budget_can_be_spent_to_the_last_cent() -> None:
    past = (*RUNNING, invited(), invited(BEA), committed(fee=150_000))
    given(CAMPAIGN, *past).when(commit(BEA, ENG_BEA), actor=AS_SERVICE).then(committed(BEA))


def test_a_terminated_contract_frees_its_fee() -> None:
    freed = BudgetFreed(campaign_id=CMP, engagement_id=ENG, fee=eur(100_000))
    after = given(CAMPAIGN, *RUNNING, invited(), committed()).when(free, actor=AS_SERVICE).then(freed)
    assert isinstance(after.state, Launched)
    assert after.state.remaining() == eur(250_000)
    given(CAMPAIGN, *RUNNING, invited()).when(free, actor=AS_SERVICE).then_nothing()


@for_all(st.lists(st.tuples(st.integers(0, 5), st.integers(40_000, 200_000), st.booleans()), max_size=30))
def test_no_order_of_agreements_and_ends_over_commits_the_budget(steps: list[tuple[int, int, bool]]) -> None:
    state = CAMPAIGN.fold(RUNNING)
    for who, fee, ends in steps:
        creator = f"crt_many{who:06}"
        engagement = derive("eng", CMP, creator)
        assert isinstance(state, Launched)
        covered = state.book.committed.get(engagement, 0)
        release = FreeBudget(campaign_id=CMP, engagement_id=engagement, fee=eur(covered))
        command = release if ends else commit(creator, engagement, fee)
        state = CAMPAIGN.fold(CAMPAIGN.decide(command, state), state)
        assert isinstance(state, Launched)
        assert 0 <= state.book.total() <= state.budget.amount


def test_the_legality_table_says_what_decide_does() -> None:
    gone = CampaignCancelled(campaign_id=CMP, reason="?")
    pasts = [[drafted()], [*RUNNING, invited(), committed()], [*RUNNING, paused], [*RUNNING, invited(), committed(), gone]]
    commands = [
        draft.model_copy(update={"actor": AS_GLOW}),
        apply.model_copy(update={"actor": AS_BEA}),
        launch,
        pause,
        resume,
        cancel,
        invite("crt_cleo000000"),
        commit(),
        free,
    ]
    states = [Absent(), *map(CAMPAIGN.fold, pasts)]
    check_legal(CAMPAIGN, states, commands, ignored=(CommitBudget, FreeBudget))
