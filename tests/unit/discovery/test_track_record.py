"""A creator's track record: what it has shown, each fact once, and the badges that follow."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from libs.chassis.rpcs import Reads
from libs.events.catalog.campaigns import (
    ContractFulfilled,
    EngagementDeclined,
    EngagementExpired,
    EngagementOpened,
    OfferAccepted,
    OfferMade,
    PostCheckFailed,
    PostVerified,
)
from libs.events.catalog.discovery import (
    BadgeAwarded,
    BadgeRevoked,
    CollaborationFinished,
    CreatorErased,
    DeliveryJudged,
    InvitationAnswered,
    InvitationReceived,
    InvitationWithdrawn,
)
from libs.events.catalog.values import (
    Badge,
    Brief,
    DeliverableTemplate,
    Money,
    Party,
    Platform,
    Reason,
    Schedule,
    Terms,
)
from libs.events.decider import Refusal
from libs.events.ids import derive
from libs.events.memory import ManualClock, MemoryCommitLog
from libs.events.registry import Event
from libs.events.testing import AT, check_legal, given, reacts
from services.discovery import reactions
from services.discovery.domain.badges import BadgePolicy, Verdict, verdicts
from services.discovery.domain.track_record import (
    MOST_KEPT,
    MOST_OPEN,
    Note,
    NoteAnswer,
    NoteCollaboration,
    NoteDelivery,
    NoteInvitation,
    NoteSilence,
    NoteWithdrawal,
    TrackRecord,
    track_record,
)
from services.discovery.track_records import GetTrackRecord, get_track_record
from tests.unit.discovery.examples import ANA, AS_ANA, AS_BRAND, applied, joined, stored

HOUR = timedelta(hours=1)
RULES = track_record(BadgePolicy())


def engagement(number: int = 0) -> str:
    return f"eng_talk{number:06}"


def received(number: int = 0) -> InvitationReceived:
    return InvitationReceived(creator_id=ANA, engagement_id=engagement(number), invited_at=AT, expires_at=AT + 72 * HOUR)


def answered(number: int = 0, hours: float = 2, expired: bool = False) -> InvitationAnswered:
    return InvitationAnswered(creator_id=ANA, engagement_id=engagement(number), hours=hours, expired=expired)


def finished(number: int = 0) -> CollaborationFinished:
    return CollaborationFinished(creator_id=ANA, contract_id=f"ctr_deal{number:06}")


def judged(number: int = 0, on_time: bool = True) -> DeliveryJudged:
    return DeliveryJudged(creator_id=ANA, deliverable_id=f"dlv_post{number:06}", on_time=on_time)


def awarded(badge: Badge, **evidence: float) -> BadgeAwarded:
    return BadgeAwarded(creator_id=ANA, badge=badge, policy_version=1, evidence=evidence)


def revoked(badge: Badge, **evidence: float) -> BadgeRevoked:
    return BadgeRevoked(creator_id=ANA, badge=badge, policy_version=1, evidence=evidence)


def invite(number: int = 0) -> NoteInvitation:
    return NoteInvitation(creator_id=ANA, engagement_id=engagement(number), invited_at=AT, expires_at=AT + 72 * HOUR)


def answer(number: int = 0, at: datetime = AT + 2 * HOUR) -> NoteAnswer:
    return NoteAnswer(creator_id=ANA, engagement_id=engagement(number), answered_at=at)


silence = NoteSilence(creator_id=ANA, engagement_id=engagement())
withdraw = NoteWithdrawal(creator_id=ANA, engagement_id=engagement())


def fulfil(number: int = 0) -> NoteCollaboration:
    return NoteCollaboration(creator_id=ANA, contract_id=f"ctr_deal{number:06}")


def deliver(number: int = 0, on_time: bool = True) -> NoteDelivery:
    return NoteDelivery(creator_id=ANA, deliverable_id=f"dlv_post{number:06}", on_time=on_time)


# --- Invitations -----------------------------------------------------------------------------------------------------


def test_an_answer_is_measured_from_the_invitation() -> None:
    given(RULES, received()).when(answer()).then(answered(hours=2))


def test_only_the_first_answer_counts() -> None:
    given(RULES, received(), answered()).when(answer(at=AT + 9 * HOUR)).then_nothing()
    given(RULES, received(), answered()).when(silence).then_nothing()


def test_silence_counts_as_the_whole_window() -> None:
    given(RULES, received()).when(silence).then(answered(hours=72, expired=True))


def test_what_the_brand_takes_back_counts_for_nothing() -> None:
    withdrawn = InvitationWithdrawn(creator_id=ANA, engagement_id=engagement())
    after = given(RULES, received()).when(withdraw).then(withdrawn)
    assert after.state == TrackRecord()
    given(RULES, received(), answered()).when(withdraw).then_nothing()


def test_an_invitation_is_noted_once() -> None:
    given(RULES, received()).when(invite()).then_nothing()
    given(RULES, received(), answered()).when(invite()).then_nothing()


def test_what_nobody_invited_to_is_no_answer() -> None:
    for command in (answer(), silence, withdraw):
        given(RULES).when(command).then_nothing()


def test_an_answer_before_its_invitation_by_another_clock_took_no_time() -> None:
    given(RULES, received()).when(answer(at=AT - HOUR)).then(answered(hours=0))


def test_only_so_many_invitations_are_waited_for() -> None:
    full = given(RULES, *map(received, range(MOST_OPEN)))
    full.when(invite(MOST_OPEN)).then_nothing()
    full.when(answer()).then(answered())


# --- Badges ----------------------------------------------------------------------------------------------------------


def test_a_quick_creator_is_responsive_from_the_third_answer_on() -> None:
    two = (received(), answered(), received(1), answered(1, 72), received(2))
    quick = awarded(Badge.RESPONSIVE, answers=3, median_hours=48)
    given(RULES, *two).when(answer(2, AT + 48 * HOUR)).then(answered(2, 48), quick)


def test_a_slow_answer_takes_the_badge_away_again() -> None:
    past = [fact for n, hours in enumerate((2, 40, 60)) for fact in (received(n), answered(n, hours))]
    held = (*past, awarded(Badge.RESPONSIVE, answers=3, median_hours=40), received(3))
    slow = revoked(Badge.RESPONSIVE, answers=4, median_hours=50)
    given(RULES, *held).when(answer(3, AT + 72 * HOUR)).then(answered(3, 72), slow)


def test_a_badge_that_is_held_is_not_awarded_again() -> None:
    held = given(RULES, finished(), awarded(Badge.EXPERIENCED, collaborations=1))
    held.when(fulfil(1)).then(finished(1))


def test_one_finished_collaboration_is_experience() -> None:
    given(RULES).when(fulfil()).then(finished(), awarded(Badge.EXPERIENCED, collaborations=1))


def test_the_same_contract_counts_once() -> None:
    given(RULES, finished(), awarded(Badge.EXPERIENCED, collaborations=1)).when(fulfil()).then_nothing()


def test_three_deliveries_on_time_are_reliable_and_a_late_one_shows() -> None:
    on_time = given(RULES, judged(), judged(1)).when(deliver(2))
    reliable = on_time.then(judged(2), awarded(Badge.RELIABLE, deliveries=3, on_time=1))
    reliable.when(deliver(3, False)).then(judged(3, False), revoked(Badge.RELIABLE, deliveries=4, on_time=0.75))


def test_the_first_check_of_a_delivery_stands() -> None:
    given(RULES, judged(on_time=False)).when(deliver()).then_nothing()


def test_only_the_newest_deliveries_count() -> None:
    long_ago = [judged(n, False) for n in range(5)]
    since = [judged(n) for n in range(5, 22)]
    ahead = given(RULES, *long_ago, *since).when(deliver(22))
    ahead.then(judged(22), awarded(Badge.RELIABLE, deliveries=20, on_time=0.9))


def test_a_changed_policy_shows_with_the_next_fact_and_names_its_edition() -> None:
    stricter = track_record(BadgePolicy(version=2, least_collaborations=3))
    gone = BadgeRevoked(creator_id=ANA, badge=Badge.EXPERIENCED, policy_version=2, evidence={"collaborations": 1})
    given(stricter, finished(), awarded(Badge.EXPERIENCED, collaborations=1)).when(deliver()).then(judged(), gone)


@pytest.mark.parametrize(
    ("badge", "figures", "expected"),
    [
        (Badge.RESPONSIVE, {}, Verdict(False, {"answers": 0})),
        (Badge.RESPONSIVE, {"hours": (1, 2)}, Verdict(False, {"answers": 2, "median_hours": 1.5})),
        (Badge.RESPONSIVE, {"hours": (1, 48.1, 90)}, Verdict(False, {"answers": 3, "median_hours": 48.1})),
        (Badge.RESPONSIVE, {"hours": [99] * 20 + [1] * 20}, Verdict(True, {"answers": 20, "median_hours": 1})),
        (Badge.EXPERIENCED, {}, Verdict(False, {"collaborations": 0})),
        (Badge.RELIABLE, {}, Verdict(False, {"deliveries": 0})),
        (Badge.RELIABLE, {"on_time": (True, True)}, Verdict(False, {"deliveries": 2, "on_time": 1})),
    ],
)
def test_a_verdict_carries_its_figures_earned_or_not(badge: Badge, figures: dict[str, Any], expected: Verdict) -> None:
    nothing: dict[str, Any] = {"hours": (), "collaborations": 0, "on_time": ()}
    assert verdicts(BadgePolicy(), **{**nothing, **figures})[badge] == expected


# --- The whole -------------------------------------------------------------------------------------------------------


def test_the_legality_table_says_what_decide_does() -> None:
    commands = (invite(), answer(), silence, withdraw, fulfil(), deliver())
    check_legal(RULES, [TrackRecord(), given(RULES, received(), finished(), judged()).state], commands)


facts = st.lists(
    st.one_of(
        st.builds(invite, st.integers(0, 5)),
        st.builds(answer, st.integers(0, 5), st.integers(-5, 90).map(lambda hours: AT + hours * HOUR)),
        st.builds(lambda n: NoteSilence(creator_id=ANA, engagement_id=engagement(n)), st.integers(0, 5)),
        st.builds(lambda n: NoteWithdrawal(creator_id=ANA, engagement_id=engagement(n)), st.integers(0, 5)),
        st.builds(fulfil, st.integers(0, 3)),
        st.builds(deliver, st.integers(0, 30), st.booleans()),
    ),
    max_size=80,
)


def played(commands: Sequence[Note]) -> list[Event]:
    state, events = RULES.initial, list[Event]()
    for command in commands:
        decided = list(RULES.judge(command, state))
        state, events = RULES.fold(decided, state), [*events, *decided]
    return events


@for_all(commands=facts)
def test_badges_follow_from_the_facts_and_a_replay_says_the_same(commands: list[Any]) -> None:
    events = played(commands)
    assert played(commands) == events
    state = RULES.fold(events)
    hours = [event.hours for event in events if isinstance(event, InvitationAnswered)]
    on_time = [event.on_time for event in events if isinstance(event, DeliveryJudged)]
    contracts = {event.contract_id for event in events if isinstance(event, CollaborationFinished)}
    judged = verdicts(BadgePolicy(), hours=hours, collaborations=len(contracts), on_time=on_time)
    assert set(state.badges) == {badge for badge, verdict in judged.items() if verdict.earned}


@for_all(commands=facts, twice=st.data())
def test_a_fact_that_is_told_again_changes_nothing(commands: list[Any], twice: st.DataObject) -> None:
    repeated = [command for command in commands for _ in range(twice.draw(st.integers(1, 2)))]
    assert played(repeated) == played(commands)


def test_the_record_is_bounded() -> None:
    state = RULES.fold([judged(n) for n in range(MOST_KEPT + 5)] + [finished(n) for n in range(MOST_KEPT + 5)])
    assert len(state.deliveries) == len(state.contracts) == MOST_KEPT
    assert state.collaborations == MOST_KEPT + 5
    assert "dlv_post000004" not in state.deliveries


# --- Other services' facts -------------------------------------------------------------------------------------------

TERMS = Terms(
    fee=Money(amount=100_000, currency="EUR"),
    deliverables=(DeliverableTemplate(platform=Platform.TIKTOK, format="video"),),
    revisions=1,
    post_window=Schedule(starts_at=AT, ends_at=AT + 24 * HOUR),
)
TALK = {"engagement_id": engagement(), "campaign_id": "cmp_summer0000", "brand_id": AS_BRAND.party, "creator_id": ANA}
POST = {
    "contract_id": "ctr_deal000000",
    "deliverable_id": "dlv_post000000",
    "post_id": "pst_post000000",
    "campaign_id": "cmp_summer0000",
    "brand_id": AS_BRAND.party,
    "creator_id": ANA,
}


def opened(by: Party) -> EngagementOpened:
    return EngagementOpened(**TALK, opened_by=by, terms=TERMS, brief=Brief(), expires_at=AT + 72 * HOUR)


def offered(by: Party) -> OfferMade:
    return OfferMade(**TALK, offer_version=2, by=by, terms=TERMS, expires_at=AT + 72 * HOUR)


def accepted(by: Party) -> OfferAccepted:
    return OfferAccepted(**TALK, offer_version=1, by=by, terms=TERMS, brief=Brief())


def test_a_brands_invitation_is_noted_and_a_creators_application_is_none() -> None:
    assert reacts(reactions.note_invitation, opened(Party.BRAND)) == [invite()]
    assert reacts(reactions.note_invitation, opened(Party.CREATOR)) == []


@pytest.mark.parametrize(
    ("event", "noted"),
    [
        (offered(Party.CREATOR), answer(at=AT)),
        (offered(Party.BRAND), None),
        (accepted(Party.CREATOR), answer(at=AT)),
        (accepted(Party.BRAND), None),
        (EngagementDeclined(**TALK, by=Party.CREATOR), answer(at=AT)),
        (EngagementDeclined(**TALK, by=Party.BRAND), withdraw),
        (EngagementExpired(**TALK), silence),
    ],
)
def test_what_a_creator_says_is_its_answer(event: Event, noted: Note | None) -> None:
    assert reacts(reactions.note_answer, event) == ([noted] if noted else [])


def test_a_fulfilled_contract_is_a_collaboration() -> None:
    deal = {name: POST[name] for name in ("contract_id", "campaign_id", "brand_id", "creator_id")}
    assert reacts(reactions.note_collaboration, ContractFulfilled(**deal)) == [fulfil()]


@pytest.mark.parametrize(
    ("event", "on_time"),
    [
        (PostVerified(**POST), True),
        (PostCheckFailed(**POST, reasons=(Reason(code="HASHTAG_MISSING", message="?"),)), True),
        (PostCheckFailed(**POST, reasons=(Reason(code="OUTSIDE_WINDOW", message="?"),)), False),
    ],
)
def test_a_checked_post_was_on_time_or_not(event: Event, on_time: bool) -> None:
    assert reacts(reactions.note_delivery, event) == [deliver(on_time=on_time)]


def test_a_record_stands_beside_its_creator() -> None:
    assert invite().track_record_id == derive("trk", ANA)


# --- What is shown ---------------------------------------------------------------------------------------------------


async def test_a_record_shows_its_figures_and_the_badges_evidence() -> None:
    log = MemoryCommitLog()
    await stored(log, ANA, applied(), joined())
    reads = Reads(AS_BRAND, None, log, ManualClock(AT))  # type: ignore[arg-type]
    empty = await get_track_record(GetTrackRecord(creator_id=ANA), reads)
    assert (empty["answers"], empty["median_hours"], empty["on_time"], empty["badges"]) == (0, None, None, [])

    facts = (received(), answered(hours=6), judged(), judged(1, False), finished())
    await stored(log, derive("trk", ANA), *facts, awarded(Badge.EXPERIENCED, collaborations=1))
    shown = await get_track_record(GetTrackRecord(creator_id=ANA), reads)
    assert shown == {
        "creator_id": ANA,
        "answers": 1,
        "median_hours": 6,
        "collaborations": 1,
        "deliveries": 2,
        "on_time": 0.5,
        "badges": [{"badge": Badge.EXPERIENCED, "evidence": {"collaborations": 1}}],
    }


@pytest.mark.parametrize("past", [(), (applied(), joined(), CreatorErased(creator_id=ANA))])
async def test_who_is_not_there_has_no_record(past: tuple[Event, ...]) -> None:
    log = MemoryCommitLog()
    if past:
        await stored(log, ANA, *past)
    with pytest.raises(Refusal, match="NOT_FOUND"):
        await get_track_record(GetTrackRecord(creator_id=ANA), Reads(AS_ANA, None, log, ManualClock(AT)))  # type: ignore[arg-type]
