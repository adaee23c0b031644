"""A contract: signed by both, funded, and how it can end."""

from __future__ import annotations

import pytest

from libs.events.catalog.campaigns import (
    CancellationDeclined,
    CancellationProposed,
    ContractActivated,
    ContractFulfilled,
    ContractTerminated,
    DraftSubmitted,
)
from libs.events.catalog.values import Party
from libs.events.decider import Kind
from libs.events.registry import Event
from libs.events.testing import AT, OPERATOR, check_legal, given
from services.campaigns.domain.contract_commands import (
    AcceptCancellation,
    ActivateContract,
    CancelBySilence,
    ContractCommand,
    DeclineCancellation,
    DraftContract,
    FulfilContract,
    LapseContract,
    ProposeCancellation,
    SignContract,
)
from services.campaigns.domain.contract_state import Absent
from services.campaigns.domain.deliverable import ApproveBySilence, VerifyPost
from tests.unit.campaigns.deliveries import (
    ALL_DELIVERABLE_COMMANDS,
    accepted,
    approved,
    posted,
    submitted,
    verified,
)
from tests.unit.campaigns.examples import (
    ANA,
    AS_ANA,
    AS_BEA,
    AS_GLOW,
    AS_SERVICE,
    BRIEF,
    CMP,
    CONTRACT,
    CTR,
    DAY,
    DEAL,
    ENG,
    GLOW,
    HASH,
    HOUR,
    active,
    contract_drafted,
    eur,
    hash_of,
    signed,
    terms,
)

draft = DraftContract(
    contract_id=CTR, engagement_id=ENG, campaign_id=CMP, brand_id=GLOW, creator_id=ANA, terms=terms(), brief=BRIEF
)
sign = SignContract(contract_id=CTR, terms_hash=HASH)
lapse = LapseContract(contract_id=CTR)
activate, fulfil = ActivateContract(contract_id=CTR), FulfilContract(contract_id=CTR)
propose = ProposeCancellation(contract_id=CTR, reason="changed plans")
accept, decline = AcceptCancellation(contract_id=CTR), DeclineCancellation(contract_id=CTR)
silence = CancelBySilence(contract_id=CTR)

ONE_SIGNED = [contract_drafted(), signed(Party.BRAND)]
SIGNED = [*ONE_SIGNED, signed(Party.CREATOR, complete=True)]
DELIVERED = [*active(), submitted(), approved(), posted(), verified(), accepted(last=True)]
proposed = CancellationProposed(**DEAL, by=Party.BRAND, reason="changed plans", answer_by=AT + 72 * HOUR)


def terminated(stage: str, reason: str = "changed plans", kill_fee: int = 0) -> ContractTerminated:
    return ContractTerminated(**DEAL, engagement_id=ENG, stage=stage, reason=reason, fee=eur(100_000), kill_fee=eur(kill_fee))


# --- Signing ---------------------------------------------------------------------------------------------------------


def test_the_contract_is_what_was_agreed_under_one_hash() -> None:
    given(CONTRACT).when(draft, actor=AS_SERVICE).then(contract_drafted())


def test_another_word_in_the_terms_is_another_hash() -> None:
    assert hash_of(terms()) == HASH
    assert hash_of(terms(revisions=2)) != HASH
    assert hash_of(terms(100_001)) != HASH


def test_both_sign_the_same_hash_in_either_order() -> None:
    for first, second in ((Party.BRAND, Party.CREATOR), (Party.CREATOR, Party.BRAND)):
        actors = {Party.BRAND: AS_GLOW, Party.CREATOR: AS_ANA}
        after = given(CONTRACT, contract_drafted()).when(sign, actor=actors[first]).then(signed(first))
        after.when(sign, actor=actors[second]).then(signed(second, complete=True))


def test_another_hash_is_not_signed() -> None:
    wrong = SignContract(contract_id=CTR, terms_hash=hash_of(terms(1)))
    given(CONTRACT, contract_drafted()).when(wrong, actor=AS_ANA).then_refused("TERMS_HASH_MISMATCH", terms_hash=HASH)


def test_signing_twice_changes_nothing_and_completes_nothing() -> None:
    given(CONTRACT, *ONE_SIGNED).when(sign, actor=AS_GLOW).then_nothing()


def test_only_the_parties_sign() -> None:
    refused = given(CONTRACT, contract_drafted()).when(sign, actor=OPERATOR).then_refused("NOT_A_PARTY")
    assert refused.kind is Kind.PERMISSION_DENIED
    given(CONTRACT, contract_drafted()).when(sign, actor=AS_BEA).then_refused("NOT_FOUND")


# --- Money -----------------------------------------------------------------------------------------------------------


def test_the_contract_is_active_only_when_both_have_signed_and_the_money_is_held() -> None:
    given(CONTRACT, *SIGNED).when(activate, actor=AS_SERVICE).then(ContractActivated(**DEAL))
    given(CONTRACT, *ONE_SIGNED).when(activate, actor=AS_SERVICE).then_nothing()
    given(CONTRACT, *SIGNED).when(ALL_DELIVERABLE_COMMANDS[0], actor=AS_ANA).then_refused("ILLEGAL_TRANSITION", state="Signed")


def test_it_is_fulfilled_when_everything_is_accepted_and_the_money_released() -> None:
    given(CONTRACT, *DELIVERED).when(fulfil, actor=AS_SERVICE).then(ContractFulfilled(**DEAL))
    given(CONTRACT, *active()).when(fulfil, actor=AS_SERVICE).then_nothing()


@pytest.mark.parametrize(
    ("past", "stage", "reason"),
    [
        ([contract_drafted()], "drafted", "not signed by both in time"),
        (ONE_SIGNED, "signed_by_one", "not signed by both in time"),
        (SIGNED, "signed", "the money was not held in time"),
    ],
)
def test_what_is_not_signed_or_funded_in_time_ends(past: list[Event], stage: str, reason: str) -> None:
    given(CONTRACT, *past).when(lapse, actor=AS_SERVICE, at=AT + 7 * DAY).then(terminated(stage, reason))
    given(CONTRACT, *past).when(lapse, actor=AS_SERVICE, at=AT + 6 * DAY).then_nothing()


def test_an_active_contract_does_not_lapse_and_a_dead_one_is_not_revived() -> None:
    given(CONTRACT, *active()).when(lapse, actor=AS_SERVICE, at=AT + 90 * DAY).then_nothing()
    given(CONTRACT, *SIGNED, terminated("signed")).when(activate, actor=AS_SERVICE).then_nothing()


# --- Cancellation ----------------------------------------------------------------------------------------------------


def test_both_can_end_the_contract_together() -> None:
    after = given(CONTRACT, *active()).when(propose, actor=AS_GLOW).then(proposed)
    after.when(accept, actor=AS_ANA).then(terminated("active"))


def test_after_a_draft_the_creator_keeps_a_kill_fee() -> None:
    given(CONTRACT, *active(), submitted(), proposed).when(accept, actor=AS_ANA).then(
        terminated("in_production", kill_fee=25_000)
    )


def test_the_other_party_may_decline_and_the_contract_goes_on() -> None:
    declined = CancellationDeclined(**DEAL, by=Party.CREATOR)
    after = given(CONTRACT, *active(), proposed).when(decline, actor=AS_ANA).then(declined)
    after.when(propose, actor=AS_GLOW).then(proposed)


def test_a_proposal_is_answered_by_the_other_party() -> None:
    for answer in (accept, decline):
        given(CONTRACT, *active(), proposed).when(answer, actor=AS_GLOW).then_refused("OWN_PROPOSAL", by="brand")
        given(CONTRACT, *active()).when(answer, actor=AS_ANA).then_refused("NO_CANCELLATION_PROPOSED")
        given(CONTRACT, *active(), proposed).when(answer, actor=OPERATOR).then_refused("NOT_A_PARTY")


def test_there_is_one_proposal_at_a_time() -> None:
    given(CONTRACT, *active(), proposed).when(propose, actor=AS_ANA).then_refused("CANCELLATION_PENDING", by="brand")


def test_silence_accepts_in_the_end_and_no_earlier() -> None:
    waiting = given(CONTRACT, *active(), proposed)
    waiting.when(silence, actor=AS_SERVICE, at=AT + 72 * HOUR).then(terminated("active"))
    waiting.when(silence, actor=AS_SERVICE, at=AT + 71 * HOUR).then_nothing()
    given(CONTRACT, *active()).when(silence, actor=AS_SERVICE, at=AT + 72 * HOUR).then_nothing()


def test_silence_takes_nothing_from_whoever_has_posted() -> None:
    out = given(CONTRACT, *active(), submitted(), approved(), posted(), proposed)
    out.when(silence, actor=AS_SERVICE, at=AT + 72 * HOUR).then(CancellationDeclined(**DEAL, by=Party.CREATOR))


def test_money_that_arrives_while_a_cancellation_is_open_is_not_lost() -> None:
    after = given(CONTRACT, *SIGNED, proposed).when(activate, actor=AS_SERVICE).then(ContractActivated(**DEAL))
    after.when(accept, actor=AS_ANA).then(terminated("active"))


def test_what_is_delivered_is_not_cancelled() -> None:
    given(CONTRACT, *DELIVERED).when(propose, actor=AS_GLOW).then_refused("ILLEGAL_TRANSITION", state="Delivered")


def test_a_contract_that_is_not_there_is_not_found() -> None:
    given(CONTRACT).when(sign, actor=AS_ANA).then_refused("NOT_FOUND")


def test_the_legality_table_says_what_decide_does() -> None:
    pasts = [
        [contract_drafted()],
        ONE_SIGNED,
        SIGNED,
        active(),
        [*active(), proposed],
        DELIVERED,
        [*DELIVERED, ContractFulfilled(**DEAL)],
        [
            contract_drafted(),
            terminated("drafted"),
        ],
    ]
    commands: list[ContractCommand] = [
        *(draft, sign, lapse, activate, fulfil, propose, accept, decline, silence),
        *ALL_DELIVERABLE_COMMANDS,
    ]
    ignored = (DraftContract, LapseContract, ActivateContract, FulfilContract, CancelBySilence, ApproveBySilence)
    states = [Absent(), *map(CONTRACT.fold, pasts)]
    check_legal(CONTRACT, states, commands, actor=AS_ANA, at=AT + 30 * DAY, ignored=ignored)


def test_a_check_that_comes_too_late_does_nothing_for_the_service_and_is_refused_to_others() -> None:
    verify = VerifyPost(contract_id=CTR, deliverable_id=submitted().deliverable_id)
    over = given(CONTRACT, *active(), terminated("active"))
    over.when(verify, actor=AS_SERVICE).then_nothing()
    over.when(verify, actor=AS_GLOW).then_refused("ILLEGAL_TRANSITION", legal=[])
    given(CONTRACT).when(verify, actor=AS_SERVICE).then_refused("NOT_FOUND")


def test_a_draft_names_until_when_it_is_reviewed() -> None:
    assert isinstance(submitted(), DraftSubmitted)
    assert submitted().review_by == AT + 14 * DAY
