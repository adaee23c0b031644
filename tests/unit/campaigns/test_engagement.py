"""An engagement: offers go back and forth until both agree on one version."""

from __future__ import annotations

import pytest

from libs.events.catalog.campaigns import EngagementDeclined, EngagementExpired, EngagementOpened, EngagementReopened
from libs.events.catalog.values import Party, Reason
from libs.events.testing import AT, OPERATOR, check_legal, given
from services.campaigns.domain.engagement import (
    MOST_OFFERS,
    Absent,
    AcceptOffer,
    CloseEngagement,
    DeclineEngagement,
    ExpireEngagement,
    MakeOffer,
    OpenEngagement,
    ReopenEngagement,
)
from services.campaigns.shows import show_engagement
from tests.unit.campaigns.examples import (
    AS_ANA,
    AS_BEA,
    AS_GLOW,
    AS_SERVICE,
    BRIEF,
    DAY,
    ENG,
    ENGAGEMENT,
    HOUR,
    TALK,
    accepted,
    eur,
    offered,
    opened,
    terms,
)

open_by_brand = OpenEngagement(**TALK, opened_by=Party.BRAND, terms=terms(), brief=BRIEF, expires_at=AT + 72 * HOUR)
counter = MakeOffer(engagement_id=ENG, terms=terms(120_000))
expire = ExpireEngagement(engagement_id=ENG)
TOO_DEAR = Reason(code="BUDGET_EXCEEDED", message="too dear")
reopen = ReopenEngagement(engagement_id=ENG, reason=TOO_DEAR)
close = CloseEngagement(engagement_id=ENG, reason="the campaign was cancelled")
decline = DeclineEngagement(engagement_id=ENG, reason="no time")
declined = EngagementDeclined(**TALK, by=Party.CREATOR, reason="no time")
reopened = EngagementReopened(**TALK, reason=TOO_DEAR, expires_at=AT + 72 * HOUR)


def accept(version: int) -> AcceptOffer:
    return AcceptOffer(engagement_id=ENG, offer_version=version)


def test_an_invitation_opens_an_engagement_until_it_expires() -> None:
    given(ENGAGEMENT).when(open_by_brand, actor=AS_SERVICE).then(opened())


def test_an_application_stands_for_two_weeks() -> None:
    command = OpenEngagement(**TALK, opened_by=Party.CREATOR, terms=terms(), brief=BRIEF, message="hello")
    event = EngagementOpened(
        **TALK, opened_by=Party.CREATOR, terms=terms(), brief=BRIEF, message="hello", expires_at=AT + 14 * DAY
    )
    given(ENGAGEMENT).when(command, actor=AS_SERVICE).then(event)


def test_the_creator_counters_and_the_brand_accepts_that_version() -> None:
    after = given(ENGAGEMENT, opened()).when(counter, actor=AS_ANA).then(offered())
    after.when(accept(2), actor=AS_GLOW).then(accepted())


def test_the_first_offer_can_be_accepted_as_it_is() -> None:
    given(ENGAGEMENT, opened()).when(accept(1), actor=AS_ANA).then(accepted(1, Party.CREATOR, 100_000))


@pytest.mark.parametrize("version", [1, 3])
def test_a_stale_acceptance_is_refused_and_names_the_current_version(version: int) -> None:
    given(ENGAGEMENT, opened(), offered()).when(accept(version), actor=AS_GLOW).then_refused("OFFER_STALE", current=2)


def test_nobody_accepts_its_own_offer() -> None:
    given(ENGAGEMENT, opened(), offered()).when(accept(2), actor=AS_ANA).then_refused("OWN_OFFER", offered_by="creator")
    given(ENGAGEMENT, opened()).when(accept(1), actor=AS_GLOW).then_refused("OWN_OFFER", offered_by="brand")


def test_an_offer_that_has_expired_is_not_accepted_even_before_the_timer_comes() -> None:
    late = given(ENGAGEMENT, opened()).when(accept(1), actor=AS_ANA, at=AT + 72 * HOUR)
    late.then_refused("OFFER_EXPIRED", expired_at="2026-11-25T14:00:00.000Z")


def test_nobody_agrees_in_anothers_name() -> None:
    for command in (accept(1), counter, decline):
        given(ENGAGEMENT, opened()).when(command, actor=OPERATOR).then_refused("NOT_A_PARTY")
        given(ENGAGEMENT, opened()).when(command, actor=AS_BEA).then_refused("NOT_FOUND")


def test_offers_stay_in_one_currency() -> None:
    dollars = terms().model_copy(update={"fee": eur(5).model_copy(update={"currency": "USD"})})
    command = MakeOffer(engagement_id=ENG, terms=dollars)
    given(ENGAGEMENT, opened()).when(command, actor=AS_ANA).then_refused("CURRENCY_MISMATCH", currency="EUR")


def test_offers_have_an_end() -> None:
    past = [opened(), *(offered(version) for version in range(2, MOST_OFFERS + 1))]
    given(ENGAGEMENT, *past).when(counter, actor=AS_GLOW).then_refused("TOO_MANY_OFFERS", most=MOST_OFFERS)


def test_either_party_may_decline() -> None:
    given(ENGAGEMENT, opened()).when(decline, actor=AS_ANA).then(declined)
    given(ENGAGEMENT, opened(Party.CREATOR)).when(decline, actor=AS_GLOW).then(
        EngagementDeclined(**TALK, by=Party.BRAND, reason="no time")
    )


def test_after_the_end_nothing_is_possible() -> None:
    over = given(ENGAGEMENT, opened(), declined)
    over.when(accept(1), actor=AS_ANA).then_refused("ILLEGAL_TRANSITION", state="Declined", legal=[])
    over.when(counter, actor=AS_ANA).then_refused("ILLEGAL_TRANSITION")


def test_an_unanswered_offer_expires_and_no_earlier() -> None:
    waiting = given(ENGAGEMENT, opened())
    waiting.when(expire, actor=AS_SERVICE, at=AT + 72 * HOUR).then(EngagementExpired(**TALK))
    waiting.when(expire, actor=AS_SERVICE, at=AT + 71 * HOUR).then_nothing()
    given(ENGAGEMENT, opened(), offered(), accepted()).when(expire, actor=AS_SERVICE, at=AT + 90 * HOUR).then_nothing()


def test_an_agreement_that_the_budget_cannot_cover_is_negotiated_again() -> None:
    after = given(ENGAGEMENT, opened(), offered(), accepted()).when(reopen, actor=AS_SERVICE).then(reopened)
    after.when(MakeOffer(engagement_id=ENG, terms=terms(90_000)), actor=AS_GLOW).then(offered(3, Party.BRAND, 90_000))


def test_an_engagement_ends_with_its_campaign() -> None:
    gone = EngagementDeclined(**TALK, by=Party.BRAND, reason="the campaign was cancelled")
    given(ENGAGEMENT, opened()).when(close, actor=AS_SERVICE).then(gone)
    given(ENGAGEMENT, opened(), offered(), accepted()).when(close, actor=AS_SERVICE).then(gone)
    given(ENGAGEMENT, opened(), declined).when(close, actor=AS_SERVICE).then_nothing()


@pytest.mark.parametrize(
    ("past", "status"),
    [
        ([opened()], "invited"),
        ([opened(Party.CREATOR)], "applied"),
        ([opened(), offered()], "negotiating"),
        ([opened(), offered(), accepted()], "agreed"),
        ([opened(), declined], "declined"),
        ([opened(), EngagementExpired(**TALK)], "expired"),
    ],
)
def test_each_state_has_its_status(past: list[EngagementOpened], status: str) -> None:
    assert show_engagement(ENG, ENGAGEMENT.fold(past))["status"] == status


def test_the_legality_table_says_what_decide_does() -> None:
    pasts = [[opened()], [opened(), offered(), accepted()], [opened(), declined], [opened(), EngagementExpired(**TALK)]]
    commands = [open_by_brand, counter, accept(1), decline, expire, reopen, close]
    ignored = (OpenEngagement, ExpireEngagement, ReopenEngagement, CloseEngagement)
    check_legal(ENGAGEMENT, [Absent(), *map(ENGAGEMENT.fold, pasts)], commands, actor=AS_ANA, ignored=ignored)
