"""The eligibility policy, reason by reason."""

from __future__ import annotations

from typing import Any

import pytest

from libs.events.catalog.values import EngagementRateMethod, Performance, PlatformAccount
from libs.events.testing import AT
from services.discovery.domain.eligibility import Policy, reasons_against
from tests.unit.discovery.examples import POLICY, account, measured


def codes(
    *, age: int = 27, accounts: tuple[PlatformAccount, ...] = (account(),), policy: Policy = POLICY, **performance: Any
) -> list[str]:
    found = reasons_against(policy, age=age, accounts=accounts, performance=measured(**performance))
    return [reason.code for reason in found]


def test_whoever_meets_every_floor_exactly_is_eligible() -> None:
    assert codes(age=18, accounts=(account(10_000),), views=1_000, posts=3, engagement_rate=0.01) == []


@pytest.mark.parametrize(
    ("lacking", "code"),
    [
        ({"age": 17}, "AGE_TOO_LOW"),
        ({"accounts": (account(9_999),)}, "FOLLOWERS_TOO_LOW"),
        ({"accounts": ()}, "FOLLOWERS_MISSING"),
        ({"views": 999}, "VIEWS_TOO_LOW"),
        ({"views": 0}, "VIEWS_TOO_LOW"),
        ({"views": None}, "VIEWS_MISSING"),
        ({"posts": 2}, "POSTS_TOO_FEW"),
        ({"posts": None}, "POSTS_MISSING"),
        ({"engagement_rate": 0.0099}, "ENGAGEMENT_TOO_LOW"),
        ({"engagement_rate": None}, "ENGAGEMENT_MISSING"),
        ({"engagement_rate_method": None}, "ENGAGEMENT_METHOD_MISSING"),
    ],
)
def test_each_lack_has_its_reason(lacking: dict[str, Any], code: str) -> None:
    assert codes(**lacking) == [code]


def test_every_reason_is_named_not_only_the_first() -> None:
    nothing = Performance(captured_at=AT)
    found = reasons_against(POLICY, age=16, accounts=(account(10),), performance=nothing)
    assert [reason.code for reason in found] == [
        "AGE_TOO_LOW",
        "FOLLOWERS_TOO_LOW",
        "VIEWS_MISSING",
        "POSTS_MISSING",
        "ENGAGEMENT_MISSING",
    ]


def test_followers_of_several_accounts_do_not_add_up() -> None:
    assert codes(accounts=(account(6_000), account(6_000))) == ["FOLLOWERS_TOO_LOW"]


def test_the_engagement_floor_is_that_of_its_method() -> None:
    by_reach = Policy(least_engagement={**POLICY.least_engagement, EngagementRateMethod.BY_REACH: 0.1})
    assert codes(policy=by_reach, engagement_rate=0.05) == []
    assert codes(policy=by_reach, engagement_rate=0.05, engagement_rate_method=EngagementRateMethod.BY_REACH) == [
        "ENGAGEMENT_TOO_LOW"
    ]


def test_a_reason_says_what_is_there_and_what_is_needed() -> None:
    (reason,) = reasons_against(POLICY, age=27, accounts=(account(4_100),), performance=measured())
    assert reason.message == "4,100 followers on one account: at least 10,000 are needed"
