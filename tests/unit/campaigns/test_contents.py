"""The table of contents fits the protos, and every state can be shown."""

from __future__ import annotations

from typing import Any

import pytest

from libs.chassis import descriptors
from libs.chassis.build_protos import build
from libs.chassis.messages import converters
from libs.chassis.table import check
from libs.events.catalog.campaigns import (
    CampaignCancelled,
    CampaignPaused,
    CancellationProposed,
    ContractFulfilled,
    ContractTerminated,
    EngagementDeclined,
    EngagementExpired,
)
from libs.events.catalog.values import Party, Reason
from libs.events.decider import Decider
from libs.events.registry import Event
from libs.events.testing import AT
from services.campaigns import shows
from services.campaigns.projections import PROJECTIONS
from services.campaigns.servicer import contents
from services.campaigns.settings import Settings
from tests.unit.campaigns import deliveries
from tests.unit.campaigns.examples import (
    AS_BEA,
    BRAND_RULES,
    CAMPAIGN,
    CMP,
    CONTRACT,
    CTR,
    DEAL,
    ENG,
    ENG_BEA,
    ENGAGEMENT,
    GLOW,
    HOUR,
    POLICY,
    TALK,
    accepted,
    active,
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
from tests.unit.campaigns.test_brand import registered, rejected, submitted, verified

Methods = dict[str, descriptors.Method]


@pytest.fixture(scope="module")
def methods(tmp_path_factory: pytest.TempPathFactory) -> Methods:
    protos = descriptors.load(build(output=tmp_path_factory.mktemp("protos") / "limelight.binpb"))
    return {method.name: method for service in protos.of("campaigns") for method in service.methods.values()}


def test_the_table_names_the_methods_of_the_protos(methods: Methods) -> None:
    rpcs, aggregates = contents(POLICY)
    check(methods, rpcs, aggregates, [one.name for one in PROJECTIONS])
    assert all(method.roles for method in methods.values())


RUNNING = [drafted(), launched(), invited(), committed()]
BOTH = [contract_drafted(), signed(Party.BRAND), signed(Party.CREATOR, complete=True)]
IN_REVIEW = [*active(), deliveries.submitted()]
OUT = [*IN_REVIEW, deliveries.approved(), deliveries.posted()]
UNMARKED = Reason(code="DISCLOSURE_MISSING", message="?")
DONE = [*OUT, deliveries.verified(), deliveries.accepted(last=True)]
PROPOSED = CancellationProposed(**DEAL, by=Party.BRAND, reason="?", answer_by=AT + 72 * HOUR)
ENDED = ContractTerminated(**DEAL, engagement_id=ENG, stage="active", reason="?", fee=eur(9), kill_fee=eur(1))


@pytest.mark.parametrize(
    ("rpc", "rules", "show", "key", "past", "status"),
    [
        ("GetBrand", BRAND_RULES, shows.show_brand, GLOW, [registered], "registered"),
        ("GetBrand", BRAND_RULES, shows.show_brand, GLOW, [registered, submitted], "verification_submitted"),
        ("GetBrand", BRAND_RULES, shows.show_brand, GLOW, [registered, submitted, verified], "verified"),
        ("GetBrand", BRAND_RULES, shows.show_brand, GLOW, [registered, submitted, rejected], "rejected"),
        ("GetCampaign", CAMPAIGN, shows.show_campaign, CMP, [drafted(budget=None, schedule=None)], "draft"),
        ("GetCampaign", CAMPAIGN, shows.show_campaign, CMP, RUNNING, "launched"),
        ("GetCampaign", CAMPAIGN, shows.show_campaign, CMP, [*RUNNING, CampaignPaused(campaign_id=CMP)], "paused"),
        (
            "GetCampaign",
            CAMPAIGN,
            shows.show_campaign,
            CMP,
            [*RUNNING, CampaignCancelled(campaign_id=CMP, reason="?")],
            "cancelled",
        ),
        ("GetEngagement", ENGAGEMENT, shows.show_engagement, ENG, [opened()], "invited"),
        ("GetEngagement", ENGAGEMENT, shows.show_engagement, ENG, [opened(), offered(), accepted()], "agreed"),
        (
            "GetEngagement",
            ENGAGEMENT,
            shows.show_engagement,
            ENG,
            [opened(), EngagementDeclined(**TALK, by=Party.CREATOR)],
            "declined",
        ),
        ("GetEngagement", ENGAGEMENT, shows.show_engagement, ENG, [opened(), EngagementExpired(**TALK)], "expired"),
        ("GetContract", CONTRACT, shows.show_contract, CTR, BOTH[:1], "drafted"),
        ("GetContract", CONTRACT, shows.show_contract, CTR, BOTH[:2], "signed_by_one"),
        ("GetContract", CONTRACT, shows.show_contract, CTR, BOTH, "signed"),
        ("GetContract", CONTRACT, shows.show_contract, CTR, [*active(), PROPOSED], "active"),
        ("GetContract", CONTRACT, shows.show_contract, CTR, DONE, "delivered"),
        ("GetContract", CONTRACT, shows.show_contract, CTR, [*DONE, ContractFulfilled(**DEAL)], "fulfilled"),
        ("GetContract", CONTRACT, shows.show_contract, CTR, [*active(), ENDED], "terminated"),
    ],
)
def test_every_state_can_be_shown(
    methods: Methods, rpc: str, rules: Decider[Any, Any, Any], show: Any, key: str, past: list[Event], status: str
) -> None:
    resource = converters(methods[rpc].output)
    shown = resource.to_json(resource.from_fields({**show(key, rules.fold(past)), "version": len(past)}))
    assert (shown["status"], shown["version"]) == (status, len(past))


@pytest.mark.parametrize(
    ("past", "status"),
    [
        (active(), "planned"),
        (IN_REVIEW, "draft_submitted"),
        ([*IN_REVIEW, deliveries.changes()], "changes_requested"),
        ([*IN_REVIEW, deliveries.approved()], "approved"),
        (OUT, "posted"),
        ([*OUT, deliveries.failed(UNMARKED)], "post_check_failed"),
        ([*OUT, deliveries.verified()], "verified"),
        (DONE, "accepted"),
    ],
)
def test_a_contract_shows_where_its_deliverables_stand(methods: Methods, past: list[Event], status: str) -> None:
    resource = converters(methods["GetContract"].output)
    shown = resource.to_json(resource.from_fields(shows.show_contract(CTR, CONTRACT.fold(past))))
    (deliverable,) = shown["deliverables"]
    assert deliverable["status"] == status
    assert (deliverable["post"] is not None) == (len(past) >= len(OUT))


def test_an_applicant_is_told_its_engagement_and_nothing_of_the_budget(methods: Methods) -> None:
    resource = converters(methods["ApplyToCampaign"].output)
    told = resource.to_json(resource.from_fields({**shows.show_application(CMP, CAMPAIGN.fold(RUNNING), AS_BEA), "version": 4}))
    assert told == {"campaignId": CMP, "engagementId": ENG_BEA, "creatorId": AS_BEA.party, "version": 4}


def test_the_policy_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().policy() == POLICY
    monkeypatch.setenv("ANSWER_WITHIN_HOURS", "24")
    monkeypatch.setenv("KILL_FEE_PERCENT", "50")
    policy = Settings().policy()
    assert (policy.answer_within, policy.kill_fee_percent) == (24 * HOUR, 50)
