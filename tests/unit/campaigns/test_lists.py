"""What is listed, for whom; and the timeline of a contract."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from libs.chassis.rpcs import Reads
from libs.events.catalog.campaigns import (
    BudgetFreed,
    CampaignCancelled,
    CampaignPaused,
    CampaignResumed,
    ContractFulfilled,
    ContractTerminated,
    EngagementDeclined,
    EngagementExpired,
    EngagementReopened,
)
from libs.events.catalog.payments import FundsHeld, PaymentRequested
from libs.events.catalog.values import CampaignMode, Party, Reason, Schedule
from libs.events.decider import Actor, Refusal, Role
from libs.events.envelope import GENESIS, Commit, Meta, NewCommit, store_events
from libs.events.ids import commit_id_of, derive
from libs.events.memory import ManualClock, MemoryCommitLog
from libs.events.projection import Projection
from libs.events.registry import Event
from libs.events.testing import AT, OPERATOR, projected, recorded_of
from services.campaigns import queries
from services.campaigns.projections import campaigns, contracts, engagements, timelines
from services.campaigns.servicer import with_verification
from services.campaigns.timeline import GetContractTimeline, contract_timeline, in_order
from tests.unit.campaigns.deliveries import accepted as deliverable_accepted
from tests.unit.campaigns.examples import (
    AS_ANA,
    AS_BEA,
    AS_GLOW,
    AS_OTHER,
    CMP,
    CTR,
    DAY,
    DEAL,
    ENG,
    GLOW,
    SCHEDULE,
    TALK,
    accepted,
    active,
    applied,
    committed,
    contract_drafted,
    drafted,
    eur,
    invited,
    launched,
    offered,
    opened,
    signed,
)
from tests.unit.campaigns.test_brand import registered, submitted, verified
from tests.unit.campaigns.test_campaign import launch
from tests.unit.read_models import views_of

# --- Projections -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([drafted()], {"status": "draft", "committed": 0, "engagement_count": 0, "version": 1}),
        ([drafted(), launched()], {"status": "launched", "version": 2}),
        ([drafted(), launched(), CampaignPaused(campaign_id=CMP)], {"status": "paused"}),
        ([drafted(), launched(), CampaignPaused(campaign_id=CMP), CampaignResumed(campaign_id=CMP)], {"status": "launched"}),
        ([drafted(), CampaignCancelled(campaign_id=CMP, reason="?")], {"status": "cancelled"}),
        ([drafted(), launched(), invited(), applied(), committed()], {"engagement_count": 2, "committed": 100_000}),
        (
            [drafted(), launched(), committed(), BudgetFreed(campaign_id=CMP, engagement_id=ENG, fee=eur(75_000))],
            {"committed": 25_000},
        ),
    ],
)
def test_a_campaign_is_listed_as_it_stands(events: list[Event], expected: dict[str, Any]) -> None:
    assert expected.items() <= projected(campaigns, *events)[CMP].items()


REOPENED = EngagementReopened(**TALK, reason=Reason(code="BUDGET_EXCEEDED", message="?"), expires_at=AT + DAY)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([opened()], {"status": "invited", "offer_version": 1, "expires_at": "2026-11-25T14:00:00.000Z"}),
        ([opened(Party.CREATOR)], {"status": "applied", "offered_by": "creator"}),
        ([opened(), offered()], {"status": "negotiating", "offer_version": 2, "fee": eur(120_000).model_dump()}),
        ([opened(), offered(), accepted()], {"status": "agreed", "expires_at": None}),
        ([opened(), offered(), accepted(), REOPENED], {"status": "negotiating", "expires_at": "2026-11-23T14:00:00.000Z"}),
        ([opened(), EngagementDeclined(**TALK, by=Party.CREATOR)], {"status": "declined"}),
        ([opened(), EngagementExpired(**TALK)], {"status": "expired", "version": 2}),
    ],
)
def test_an_engagement_is_listed_as_it_stands(events: list[Event], expected: dict[str, Any]) -> None:
    assert expected.items() <= projected(engagements, *events)[ENG].items()


ENDED = ContractTerminated(**DEAL, engagement_id=ENG, stage="active", reason="?", fee=eur(1), kill_fee=eur(0))


@pytest.mark.parametrize(
    ("events", "status"),
    [
        ([contract_drafted()], "drafted"),
        ([contract_drafted(), signed(Party.BRAND)], "signed_by_one"),
        ([contract_drafted(), signed(Party.BRAND), signed(Party.CREATOR, complete=True)], "signed"),
        (active(), "active"),
        ([*active(), deliverable_accepted(last=False)], "active"),
        ([*active(), deliverable_accepted(last=True)], "delivered"),
        ([*active(), ContractFulfilled(**DEAL)], "fulfilled"),
        ([*active(), ENDED], "terminated"),
    ],
)
def test_a_contract_is_listed_as_it_stands(events: list[Event], status: str) -> None:
    assert projected(contracts, *events)[CTR]["status"] == status


# --- Lists -----------------------------------------------------------------------------------------------------------


async def reads(actor: Actor, made: dict[Projection, list[Event]], log: MemoryCommitLog | None = None) -> Reads:
    clock = ManualClock(AT)
    return Reads(actor, await views_of(clock, made), log or MemoryCommitLog(), clock)


@pytest.mark.parametrize(("actor", "sees"), [(AS_GLOW, 1), (AS_OTHER, 0), (OPERATOR, 2), (Actor("x", Role.BRAND), 0)])
async def test_a_brand_lists_its_own_campaigns(actor: Actor, sees: int) -> None:
    both = [drafted(), drafted(campaign_id="cmp_other00000", brand_id="brd_third00000")]
    answer = await queries.list_campaigns(queries.ListCampaigns(), await reads(actor, {campaigns: both}))
    assert len(answer["campaigns"]) == sees


async def test_a_list_can_be_narrowed() -> None:
    here = await reads(AS_ANA, {engagements: [opened()], contracts: [contract_drafted()]})
    invited_only = queries.ListEngagements(status="invited", campaign_id=CMP)
    assert len((await queries.list_engagements(invited_only, here))["engagements"]) == 1
    agreed_only = queries.ListEngagements(status="agreed")
    assert (await queries.list_engagements(agreed_only, here))["engagements"] == []
    answer = await queries.list_contracts(queries.ListContracts(campaign_id=CMP, status="drafted"), here)
    assert [one["contract_id"] for one in answer["contracts"]] == [CTR]


@pytest.mark.parametrize(("actor", "sees"), [(AS_GLOW, 1), (AS_ANA, 1), (AS_BEA, 0), (AS_OTHER, 0), (OPERATOR, 1)])
async def test_engagements_and_contracts_are_listed_for_their_parties(actor: Actor, sees: int) -> None:
    here = await reads(actor, {engagements: [opened()], contracts: [contract_drafted()]})
    assert len((await queries.list_engagements(queries.ListEngagements(), here))["engagements"]) == sees
    assert len((await queries.list_contracts(queries.ListContracts(), here))["contracts"]) == sees


async def test_opportunities_are_the_open_launched_campaigns_without_their_budget() -> None:
    over = Schedule(starts_at=AT - 9 * DAY, ends_at=AT - 2 * DAY)
    events: list[Event] = [drafted(), launched()]
    for name, lacking in (("closed", {"mode": CampaignMode.INVITE_ONLY}), ("over", {"schedule": over})):
        other = f"cmp_{name:0<10}"
        events += [drafted(campaign_id=other, **lacking), launched().model_copy(update={"campaign_id": other})]
    events.append(drafted(campaign_id="cmp_draft00000"))
    answer = await queries.list_opportunities(queries.ListOpportunities(), await reads(AS_BEA, {campaigns: events}))
    (opportunity,) = answer["opportunities"]
    assert opportunity["campaign_id"] == CMP
    assert "budget" not in opportunity
    assert opportunity["schedule"] == SCHEDULE.model_dump(mode="json")


def test_a_page_is_bounded() -> None:
    for wrong in ({"page_size": 0}, {"page_size": 101}, {"cursor": "x" * 2001}, {"status": "open"}):
        with pytest.raises(ValidationError):
            queries.ListContracts(**wrong)


# --- The timeline, and facts of other aggregates -----------------------------------------------------------------------


async def commit(log: MemoryCommitLog, stream: str, *events: Event) -> Commit:
    before = await log.stream(stream)
    expected, prev = (before[-1].last, before[-1].hash) if before else (0, GENESIS)
    key = commit_id_of(stream, str(expected))
    meta = Meta(actor="brand:x", correlation_id=key)
    return (await log.append(NewCommit(stream, expected, prev, key, AT, meta, store_events(key, events)))).commit


async def a_deal() -> tuple[MemoryCommitLog, list[Event]]:
    log = MemoryCommitLog()
    for event in (opened(), offered(), accepted()):
        await commit(log, ENG, event)
    for event in active():
        await commit(log, CTR, event)
    paid = {"payment_id": derive("pay", CTR), **DEAL, "amount": eur(100_000)}
    return log, [PaymentRequested(**paid), FundsHeld(**paid, postings=())]


async def timeline(actor: Actor) -> dict[str, Any]:
    log, paid = await a_deal()
    return await contract_timeline(GetContractTimeline(contract_id=CTR), await reads(actor, {timelines: paid}, log))


@pytest.mark.parametrize("actor", [AS_GLOW, AS_ANA, OPERATOR])
async def test_a_timeline_lists_every_step_and_its_chain_holds(actor: Actor) -> None:
    answer = await timeline(actor)
    kinds = [step["type"].rpartition(".")[2] for step in answer["steps"]]
    assert kinds[:3] == ["EngagementOpened", "OfferMade", "OfferAccepted"]
    assert set(kinds[3:]) >= {"ContractDrafted", "ContractSigned", "ContractActivated", "PaymentRequested", "FundsHeld"}
    assert (answer["chain"]["valid"], answer["chain"]["commits"]) == (True, 7)
    own = [step for step in answer["steps"] if step["service"] == "campaigns"]
    assert own[-1]["hash"] == answer["chain"]["head"]


@pytest.mark.parametrize("actor", [AS_BEA, AS_OTHER])
async def test_a_timeline_does_not_exist_for_others(actor: Actor) -> None:
    with pytest.raises(Refusal, match="NOT_FOUND"):
        await timeline(actor)


def test_no_step_stands_before_the_one_that_caused_it() -> None:
    """Two services may do their parts within the same millisecond."""

    def step(event_id: str, caused_by: str | None, at: str = "12:00:00.000") -> dict[str, Any]:
        return {"event_id": event_id, "caused_by": caused_by, "at": at}

    own = [step("signed", None), step("active", "held"), step("draft", None, "12:00:00.001")]
    paid = [step("requested", "signed"), step("held", "requested")]
    told = [one["event_id"] for one in in_order(own, paid)]
    assert told == ["signed", "requested", "held", "active", "draft"]


def test_payments_steps_keep_their_place() -> None:
    paid = {"payment_id": derive("pay", CTR), **DEAL, "amount": eur(100_000)}
    event = recorded_of(PaymentRequested(**paid), version=4, position=9)
    (step,) = projected(timelines, event)[CTR]["steps"]
    assert (step["service"], step["version"], step["position"]) == ("payments", 4, 9)


@pytest.mark.parametrize(("past", "known"), [([registered, submitted], False), ([registered, submitted, verified], True)])
async def test_a_launch_is_told_whether_its_brand_is_verified(past: list[Event], known: bool) -> None:
    log = MemoryCommitLog()
    for event in past:
        await commit(log, GLOW, event)
    await commit(log, CMP, drafted())
    asked = launch.model_copy(update={"brand_verified": False})
    assert (await with_verification(asked, await reads(AS_GLOW, {}, log))).brand_verified is known
