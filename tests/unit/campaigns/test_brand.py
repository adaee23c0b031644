"""A brand: registered, checked, verified."""

from __future__ import annotations

from libs.events.catalog.campaigns import BrandRegistered, BrandRejected, BrandVerificationSubmitted, BrandVerified
from libs.events.testing import OPERATOR, check_legal, given
from services.campaigns.domain.brand import Absent, RegisterBrand, RejectBrand, SubmitVerification, VerifyBrand
from tests.unit.campaigns.examples import AS_GLOW, AS_OTHER, BRAND_RULES, GLOW

register = RegisterBrand(brand_id=GLOW, name="Glow", website="https://glow.example")
submit = SubmitVerification(brand_id=GLOW, legal_name="Glow GmbH", registration_number="HRB 1")
registered = BrandRegistered(brand_id=GLOW, name="Glow", website="https://glow.example")
submitted = BrandVerificationSubmitted(brand_id=GLOW, legal_name="Glow GmbH", registration_number="HRB 1")
verified = BrandVerified(brand_id=GLOW, name="Glow")
rejected = BrandRejected(brand_id=GLOW, reason="no such company")


def test_a_brand_registers_and_is_verified_by_an_operator() -> None:
    after = given(BRAND_RULES).when(register, actor=AS_GLOW).then(registered)
    after = after.when(submit, actor=AS_GLOW).then(submitted)
    after.when(VerifyBrand(brand_id=GLOW), actor=OPERATOR).then(verified)


def test_a_rejected_brand_may_submit_again() -> None:
    after = given(BRAND_RULES, registered, submitted).when(RejectBrand(brand_id=GLOW, reason="no such company"))
    after.then(rejected).when(submit, actor=AS_GLOW).then(submitted)


def test_a_brand_registers_once() -> None:
    refusal = given(BRAND_RULES, registered).when(register, actor=AS_GLOW).then_refused("ILLEGAL_TRANSITION")
    assert refusal.details == {"state": "Registered", "legal": ["SubmitVerification"]}


def test_nobody_is_verified_without_having_submitted() -> None:
    given(BRAND_RULES, registered).when(VerifyBrand(brand_id=GLOW)).then_refused("ILLEGAL_TRANSITION")
    given(BRAND_RULES, registered).when(RejectBrand(brand_id=GLOW, reason="?")).then_refused("ILLEGAL_TRANSITION")


def test_another_brand_does_not_exist_for_a_brand() -> None:
    given(BRAND_RULES, registered).when(submit, actor=AS_OTHER).then_refused("NOT_FOUND")
    given(BRAND_RULES).when(VerifyBrand(brand_id=GLOW), actor=OPERATOR).then_refused("NOT_FOUND")


def test_the_legality_table_says_what_decide_does() -> None:
    pasts = [[registered], [registered, submitted], [registered, submitted, verified], [registered, submitted, rejected]]
    states = [Absent(), *map(BRAND_RULES.fold, pasts)]
    check_legal(BRAND_RULES, states, [register, submit, VerifyBrand(brand_id=GLOW), RejectBrand(brand_id=GLOW, reason="?")])
