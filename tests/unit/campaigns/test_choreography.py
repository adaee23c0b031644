"""What follows from what: the deal runs by facts and reactions, every wait ends, and no play of it breaks a rule."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from libs.events.catalog.campaigns import (
    BudgetCommitted,
    BudgetExceeded,
    CampaignCancelled,
    EngagementOpened,
    OfferAccepted,
)
from libs.events.catalog.values import Party
from libs.events.deadlines import Deadline
from libs.events.decider import Refusal
from libs.events.ids import derive
from libs.events.testing import AT, reacts
from services.campaigns import reactions
from services.campaigns.domain import campaign as campaigns
from services.campaigns.domain import contract_state as contracts
from services.campaigns.domain import engagement as engagements
from services.campaigns.domain.campaign_commands import (
    ApplyToCampaign,
    CancelCampaign,
    InviteCreators,
    LaunchCampaign,
    PauseCampaign,
    ResumeCampaign,
)
from services.campaigns.domain.contract_commands import (
    AcceptCancellation,
    DeclineCancellation,
    ProposeCancellation,
    SignContract,
)
from services.campaigns.domain.engagement import AcceptOffer, DeclineEngagement, ExpireEngagement, MakeOffer, ReopenEngagement
from tests.unit.campaigns.deliveries import approve, change, post, submit
from tests.unit.campaigns.examples import (
    ANA,
    AS_ANA,
    AS_BEA,
    AS_GLOW,
    BEA,
    CAMPAIGN,
    CMP,
    CONTRACT,
    CTR,
    DAY,
    ENG,
    ENG_BEA,
    ENGAGEMENT,
    HASH,
    committed,
    eur,
    invited,
    opened,
    terms,
)
from tests.unit.campaigns.marketplace import Marketplace
from tests.unit.campaigns.test_campaign import draft, launch

CTR_BEA = derive("ctr", ENG_BEA)


def running(**others: Any) -> Marketplace:
    market = Marketplace(**others)
    market.send(draft, AS_GLOW)
    market.send(launch, AS_GLOW)
    return market


def agreed(fee: int = 100_000, **others: Any) -> Marketplace:
    market = running(**others)
    market.send(InviteCreators(campaign_id=CMP, creator_ids=(ANA,), terms=terms(fee)), AS_GLOW)
    market.send(AcceptOffer(engagement_id=ENG, offer_version=1), AS_ANA)
    return market


def both_invited() -> Marketplace:
    market = running()
    market.send(InviteCreators(campaign_id=CMP, creator_ids=(ANA, BEA), terms=terms(150_000)), AS_GLOW)
    return market


def signed(**others: Any) -> Marketplace:
    market = agreed(**others)
    for actor in (AS_GLOW, AS_ANA):
        market.send(SignContract(contract_id=CTR, terms_hash=HASH), actor)
    return market


# --- A deal ----------------------------------------------------------------------------------------------------------


def test_a_deal_runs_from_the_invitation_to_the_release() -> None:
    market = signed()
    for command, actor in ((submit, AS_ANA), (change, AS_GLOW), (submit, AS_ANA), (approve, AS_GLOW), (post(), AS_ANA)):
        market.send(command, actor)
    assert isinstance(market.state(CONTRACT, CTR), contracts.Fulfilled)
    assert market.held == {}


def test_a_contract_waits_for_its_money() -> None:
    assert isinstance(signed(funded=False).state(CONTRACT, CTR), contracts.Signed)
    assert isinstance(signed().state(CONTRACT, CTR), contracts.Active)


def test_a_cancelled_contract_gives_the_budget_back() -> None:
    market = signed()
    assert market.state(CAMPAIGN, CMP).remaining() == eur(150_000)
    market.send(ProposeCancellation(contract_id=CTR, reason="changed plans"), AS_GLOW)
    market.send(AcceptCancellation(contract_id=CTR), AS_ANA)
    assert isinstance(market.state(CONTRACT, CTR), contracts.Terminated)
    assert market.state(CAMPAIGN, CMP).remaining() == eur(250_000)


def test_after_a_draft_the_kill_fee_stays_committed() -> None:
    market = signed()
    market.send(submit, AS_ANA)
    market.send(ProposeCancellation(contract_id=CTR, reason="changed plans"), AS_GLOW)
    market.pass_to(AT + 3 * DAY)
    assert market.state(CONTRACT, CTR).kill_fee == eur(25_000)
    assert market.state(CAMPAIGN, CMP).remaining() == eur(225_000)


def test_an_agreement_beyond_the_budget_is_negotiated_again() -> None:
    market = agreed(fee=300_000)
    state = market.state(ENGAGEMENT, ENG)
    assert isinstance(state, engagements.Negotiating)
    assert CTR not in market.streams
    market.send(MakeOffer(engagement_id=ENG, terms=terms(200_000)), AS_GLOW)
    market.send(AcceptOffer(engagement_id=ENG, offer_version=2), AS_ANA)
    assert isinstance(market.state(CONTRACT, CTR), contracts.Drafted)


def test_a_cancelled_campaign_ends_what_is_not_agreed() -> None:
    market = agreed()
    market.send(ApplyToCampaign(campaign_id=CMP, terms=terms()), AS_BEA)
    market.send(CancelCampaign(campaign_id=CMP, reason="out of season"), AS_GLOW)
    assert isinstance(market.state(ENGAGEMENT, ENG_BEA), engagements.Declined)
    assert isinstance(market.state(CONTRACT, CTR), contracts.Drafted)


def test_every_wait_ends() -> None:
    unanswered = running()
    unanswered.send(InviteCreators(campaign_id=CMP, creator_ids=(ANA,), terms=terms()), AS_GLOW)
    unanswered.send(ApplyToCampaign(campaign_id=CMP, terms=terms()), AS_BEA)
    unsigned, unfunded, unreviewed = agreed(), signed(funded=False), signed()
    unreviewed.send(submit, AS_ANA)
    for market in (unanswered, unsigned, unfunded, unreviewed):
        market.pass_to(AT + 15 * DAY)
        assert market.deadlines == []
    assert isinstance(unanswered.state(ENGAGEMENT, ENG), engagements.Expired)
    assert isinstance(unanswered.state(ENGAGEMENT, ENG_BEA), engagements.Expired)
    assert unsigned.state(CONTRACT, CTR).stage == "drafted"
    assert unfunded.state(CONTRACT, CTR).stage == "signed"
    (deliverable,) = unreviewed.state(CONTRACT, CTR).deliverables.values()
    assert deliverable.by_timer


# --- Single reactions ------------------------------------------------------------------------------------------------


def test_an_invitation_opens_the_engagement_in_the_brands_name() -> None:
    (command,) = reacts(reactions.open_engagement, invited())
    assert isinstance(command, engagements.OpenEngagement)
    assert (command.engagement_id, command.opened_by, command.expires_at) == (ENG, Party.BRAND, AT + 3 * DAY)


def test_an_offer_sets_its_own_deadline() -> None:
    event: EngagementOpened = opened()
    assert reacts(reactions.expire_offer, event) == [Deadline(event.expires_at, ExpireEngagement(engagement_id=ENG))]


def test_an_exceeded_budget_says_by_how_much() -> None:
    exceeded = BudgetExceeded(campaign_id=CMP, engagement_id=ENG, fee=eur(300), remaining=eur(200))
    (command,) = reacts(reactions.reopen_engagement, exceeded)
    assert isinstance(command, ReopenEngagement)
    assert command.reason.message == "the fee is 300 EUR (minor units), and of the budget 200 remain"


def test_a_covered_agreement_becomes_the_contract_of_its_engagement() -> None:
    (command,) = reacts(reactions.draft_contract, committed())
    assert getattr(command, "contract_id", None) == CTR


def test_a_campaign_without_open_engagements_ends_alone() -> None:
    assert reacts(reactions.close_engagements, CampaignCancelled(campaign_id=CMP, reason="?")) == []


# --- Any play --------------------------------------------------------------------------------------------------------

FEES = st.sampled_from([terms(fee) for fee in (1, 60_000, 100_000, 150_000, 300_000)])
CONTRACTS = st.sampled_from([CTR, CTR_BEA])
ENGAGEMENTS = st.sampled_from([ENG, ENG_BEA])
ACTORS = st.sampled_from([AS_GLOW, AS_ANA, AS_BEA])
MOVES = st.one_of(
    st.builds(InviteCreators, campaign_id=st.just(CMP), creator_ids=st.sampled_from([(ANA,), (BEA,), (ANA, BEA)]), terms=FEES),
    st.builds(ApplyToCampaign, campaign_id=st.just(CMP), terms=FEES),
    st.builds(MakeOffer, engagement_id=ENGAGEMENTS, terms=FEES),
    st.builds(AcceptOffer, engagement_id=ENGAGEMENTS, offer_version=st.integers(1, 3)),
    st.builds(DeclineEngagement, engagement_id=ENGAGEMENTS),
    st.builds(ProposeCancellation, contract_id=CONTRACTS, reason=st.just("?")),
    st.builds(AcceptCancellation, contract_id=CONTRACTS),
    st.builds(DeclineCancellation, contract_id=CONTRACTS),
    st.sampled_from(
        [
            *(submit, change, approve, post(), post("no label")),
            *(PauseCampaign(campaign_id=CMP), ResumeCampaign(campaign_id=CMP), CancelCampaign(campaign_id=CMP, reason="?")),
            LaunchCampaign(campaign_id=CMP, brand_verified=True),
        ]
    ),
    st.just("agree"),
    st.sampled_from(["agree", "sign"]),
    st.integers(1, 96).map(lambda hours: timedelta(hours=hours)),
)


def play(market: Marketplace, move: Any, actor: Any, contract: str) -> None:
    if isinstance(move, timedelta):
        market.pass_to(market.now + move)
        return
    if move == "agree":
        key, creator = (ENG, AS_ANA) if contract == CTR else (ENG_BEA, AS_BEA)
        talk = getattr(market.state(ENGAGEMENT, key), "talk", None)
        newest = talk.newest if talk else engagements.Offer(1, Party.BRAND, terms())
        move = AcceptOffer(engagement_id=key, offer_version=newest.version)
        actor = creator if newest.by is Party.BRAND else AS_GLOW
    if move == "sign":
        state = market.state(CONTRACT, contract)
        move = SignContract(contract_id=contract, terms_hash=getattr(getattr(state, "deal", None), "terms_hash", HASH))
    try:
        market.send(move, actor)
    except Refusal:
        return


@settings(max_examples=100, deadline=None)
@for_all(st.sampled_from([running, both_invited, agreed, signed]), st.lists(st.tuples(MOVES, ACTORS, CONTRACTS), max_size=40))
def test_no_play_over_commits_the_budget_or_reaches_an_illegal_state(
    begin: Callable[[], Marketplace], moves: list[tuple[Any, Any, str]]
) -> None:
    market = begin()
    for move, actor, contract in moves:
        play(market, move, actor, contract)
        budget = market.state(CAMPAIGN, CMP)
        if isinstance(budget, campaigns.Running):
            assert 0 <= budget.book.total() <= budget.budget.amount
    for rules in (CAMPAIGN, ENGAGEMENT, CONTRACT):
        for stream in market.streams:
            if stream.startswith(rules.prefix):
                assert type(market.state(rules, stream)) in rules.legal
    accepted = [e for events in market.streams.values() for e in events if isinstance(e, OfferAccepted)]
    covered = [e for events in market.streams.values() for e in events if isinstance(e, BudgetCommitted)]
    assert len(covered) <= len(accepted)
    for engagement, contract in ((ENG, CTR), (ENG_BEA, CTR_BEA)):
        active = isinstance(market.state(CONTRACT, contract), contracts.Active | contracts.Delivered)
        assert active == (contract in market.held)
        assert contract not in market.streams or engagement in {one.engagement_id for one in covered}
