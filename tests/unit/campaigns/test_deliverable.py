"""A deliverable: draft, review, post, check."""

from __future__ import annotations

import pytest

from libs.events.catalog.values import CLOCK_SKEW, Platform, Reason, Schedule
from libs.events.decider import Kind
from libs.events.testing import AT, OPERATOR, given
from services.campaigns.domain.deliverable import ApproveBySilence, SubmitDraft
from services.campaigns.domain.postcheck import what_is_missing
from tests.unit.campaigns.deliveries import (
    WHICH,
    accepted,
    approve,
    approved,
    change,
    changes,
    failed,
    post,
    posted,
    silence,
    submit,
    submitted,
    verified,
    verify,
)
from tests.unit.campaigns.examples import (
    AS_ANA,
    AS_GLOW,
    AS_SERVICE,
    BRIEF,
    CAPTION,
    CONTRACT,
    CTR,
    DAY,
    DLV2,
    SCHEDULE,
    VIDEO,
    active,
    terms,
)

UNMARKED = Reason(code="DISCLOSURE_MISSING", message="the caption does not say #ad")


def test_a_draft_is_reviewed_changed_and_approved() -> None:
    after = given(CONTRACT, *active()).when(submit, actor=AS_ANA).then(submitted())
    after = after.when(change, actor=AS_GLOW).then(changes())
    after = after.when(submit, actor=AS_ANA).then(submitted(2))
    after.when(approve, actor=AS_GLOW).then(approved(2))


def test_changes_are_asked_for_as_often_as_the_terms_allow() -> None:
    second = given(CONTRACT, *active(), submitted(), changes(), submitted(2))
    second.when(change, actor=AS_GLOW).then_refused("REVISIONS_EXHAUSTED", allowed=1)
    none = given(CONTRACT, *active(terms(revisions=0)), submitted())
    none.when(change, actor=AS_GLOW).then_refused("REVISIONS_EXHAUSTED", allowed=0)


def test_silence_approves_in_the_end_and_no_earlier() -> None:
    waiting = given(CONTRACT, *active(), submitted())
    waiting.when(silence, actor=AS_SERVICE, at=AT + 14 * DAY).then(approved(by_timer=True))
    waiting.when(silence, actor=AS_SERVICE, at=AT + 13 * DAY).then_nothing()


def test_the_silence_about_an_earlier_round_approves_nothing() -> None:
    second = given(CONTRACT, *active(), submitted(), changes(), submitted(2))
    second.when(silence, actor=AS_SERVICE, at=AT + 14 * DAY).then_nothing()
    answered = given(CONTRACT, *active(), submitted(), approved())
    answered.when(ApproveBySilence(**WHICH, round=1), actor=AS_SERVICE, at=AT + 14 * DAY).then_nothing()


def test_each_does_its_own_part() -> None:
    past = given(CONTRACT, *active())
    past.when(submit, actor=AS_GLOW).then_refused("OTHER_PARTYS_PART", party="creator")
    review = given(CONTRACT, *active(), submitted())
    review.when(approve, actor=AS_ANA).then_refused("OTHER_PARTYS_PART", party="brand")
    review.when(change, actor=AS_ANA).then_refused("OTHER_PARTYS_PART", party="brand")
    given(CONTRACT, *active(), submitted(), approved()).when(post(), actor=AS_GLOW).then_refused("OTHER_PARTYS_PART")
    refused = review.when(approve, actor=OPERATOR).then_refused("NOT_A_PARTY")
    assert refused.kind is Kind.PERMISSION_DENIED


def test_only_what_is_approved_is_posted() -> None:
    refused = given(CONTRACT, *active(), submitted()).when(post(), actor=AS_ANA)
    legal = ["RequestChanges", "ApproveDeliverable"]
    refused.then_refused("ILLEGAL_DELIVERABLE_TRANSITION", state="InReview", legal=legal)


def test_a_deliverable_of_another_contract_is_not_found() -> None:
    stranger = SubmitDraft(contract_id=CTR, deliverable_id=DLV2, url="https://drafts.example/1")
    given(CONTRACT, *active()).when(stranger, actor=AS_ANA).then_refused("NOT_FOUND")


def test_a_post_is_on_the_agreed_platform_and_not_in_the_future() -> None:
    ready = given(CONTRACT, *active(), submitted(), approved())
    ready.when(post(platform=Platform.YOUTUBE), actor=AS_ANA).then_refused("OTHER_PLATFORM", platform="tiktok")
    refused = ready.when(post(at=AT + DAY), actor=AS_ANA).then_refused("POSTED_IN_FUTURE")
    assert (refused.kind, refused.field) == (Kind.INVALID_ARGUMENT, "posted_at")


def test_the_clock_of_whoever_posts_may_be_a_little_ahead_of_ours() -> None:
    ready = given(CONTRACT, *active(), submitted(), approved())
    ready.when(post(at=AT + CLOCK_SKEW), actor=AS_ANA).then(posted(at=AT + CLOCK_SKEW))
    ready.when(post(at=AT + 2 * CLOCK_SKEW), actor=AS_ANA).then_refused("POSTED_IN_FUTURE")


def test_a_post_that_keeps_the_agreement_is_verified_and_accepted() -> None:
    out = given(CONTRACT, *active(), submitted(), approved()).when(post(), actor=AS_ANA).then(posted())
    done = out.when(verify, actor=AS_SERVICE).then(verified(), accepted(last=True))
    done.when(verify, actor=AS_SERVICE).then_nothing()


def test_the_contract_is_delivered_with_its_last_deliverable_only() -> None:
    two = active(terms(deliverables=(VIDEO, VIDEO)))
    first = given(CONTRACT, *two, submitted(), approved(), posted())
    after = first.when(verify, actor=AS_SERVICE).then(verified(), accepted(last=False))
    after.when(verify, actor=AS_GLOW).then_nothing()


def test_a_post_that_lacks_something_is_mended_and_checked_again() -> None:
    out = given(CONTRACT, *active(), submitted(), approved(), posted("@glow.official #glow"))
    after = out.when(verify, actor=AS_SERVICE).then(failed(UNMARKED))
    after.when(verify, actor=AS_GLOW).then_nothing()
    again = after.when(post(), actor=AS_ANA).then(posted())
    again.when(verify, actor=AS_SERVICE).then(verified(), accepted(last=True))


def test_what_is_not_posted_cannot_be_checked() -> None:
    planned = given(CONTRACT, *active())
    planned.when(verify, actor=AS_GLOW).then_refused("ILLEGAL_DELIVERABLE_TRANSITION", legal=["SubmitDraft"])
    planned.when(verify, actor=AS_SERVICE).then_nothing()


# --- The check itself ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("caption", "codes"),
    [
        (CAPTION, []),
        ("#AD #GLOW @GLOW.OFFICIAL", []),
        ("#ad, #glow: by @glow.official!", []),
        ("#glow @glow.official", ["DISCLOSURE_MISSING"]),
        ("#adventure #glow @glow.official", ["DISCLOSURE_MISSING"]),
        ("#ad #glowing @glow.official", ["HASHTAG_MISSING"]),
        ("#ad #glow @glow.official.fans", ["MENTION_MISSING"]),
        ("#ad #glow mail@glow.official", ["MENTION_MISSING"]),
        ("", ["HASHTAG_MISSING", "MENTION_MISSING", "DISCLOSURE_MISSING"]),
    ],
)
def test_a_caption_has_every_word_that_was_agreed(caption: str, codes: list[str]) -> None:
    assert [reason.code for reason in what_is_missing(BRIEF, SCHEDULE, caption=caption, posted_at=AT)] == codes


def test_the_window_includes_its_ends() -> None:
    window = Schedule(starts_at=AT, ends_at=AT + DAY)
    for inside in (AT, AT + DAY):
        assert what_is_missing(BRIEF, window, caption=CAPTION, posted_at=inside) == ()
    for outside in (AT - DAY, AT + 2 * DAY):
        (reason,) = what_is_missing(BRIEF, window, caption=CAPTION, posted_at=outside)
        assert reason.code == "OUTSIDE_WINDOW"
