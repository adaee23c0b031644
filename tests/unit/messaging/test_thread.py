"""A thread: opened by the deal's first step, written by its parties, each step mirrored once."""

import pytest

from libs.events.catalog.messaging import CardPosted, MessageRead, MessageSent, ThreadOpened
from libs.events.catalog.values import Party
from libs.events.decider import Actor, Kind, Role
from libs.events.ids import derive, numbered
from libs.events.testing import AT, check_legal, given
from services.messaging.domain.thread import MOST_MESSAGES, Absent, MarkRead, PostCard, SendMessage, thread

ENGAGEMENT = "eng_0000000001deal"
THREAD = derive("thr", ENGAGEMENT)
BRAND, CREATOR = "brd_0000000001acme", "crt_0000000001ana"
ACME, ANA = Actor("acme", Role.BRAND, BRAND), Actor("ana", Role.CREATOR, CREATOR)
RIVAL = Actor("rival", Role.BRAND, "brd_0000000002rival")
DEAL = {"engagement_id": ENGAGEMENT, "campaign_id": "cmp_0000000001spring", "brand_id": BRAND, "creator_id": CREATOR}

opened = ThreadOpened(thread_id=THREAD, **DEAL)


def message_id(number: int) -> str:
    return numbered("msg", AT, THREAD, number)


def post_card(source: str) -> PostCard:
    return PostCard(thread_id=THREAD, **DEAL, kind="offer_made", text="An offer.", source_event_id=source, occurred_at=AT)


def card(number: int, source: str) -> CardPosted:
    said = {"kind": "offer_made", "text": "An offer.", "source_event_id": source, "occurred_at": AT}
    return CardPosted(thread_id=THREAD, message_id=message_id(number), **said)


def say(text: str) -> SendMessage:
    return SendMessage(thread_id=THREAD, text=text)


def sent(number: int, by: Party, text: str = "Hello.") -> MessageSent:
    return MessageSent(thread_id=THREAD, message_id=message_id(number), by=by, text=text)


def mark(number: int) -> MarkRead:
    return MarkRead(thread_id=THREAD, message_id=message_id(number))


def read(number: int, by: Party) -> MessageRead:
    return MessageRead(thread_id=THREAD, message_id=message_id(number), by=by)


def test_the_first_step_of_a_deal_opens_its_thread():
    given(thread).when(post_card("e1")).then(opened, card(1, "e1"))


def test_a_further_step_is_a_further_card():
    given(thread, opened, card(1, "e1")).when(post_card("e2")).then(card(2, "e2"))


def test_a_step_is_mirrored_once():
    given(thread, opened, card(1, "e1"), card(2, "e2")).when(post_card("e1")).then_nothing()


@pytest.mark.parametrize(("actor", "by"), [(ACME, Party.BRAND), (ANA, Party.CREATOR)])
def test_both_parties_write(actor: Actor, by: Party):
    given(thread, opened, card(1, "e1")).when(say("Hello."), actor=actor).then(sent(2, by))


def test_the_same_words_twice_are_two_messages():
    given(thread, opened, sent(1, Party.BRAND)).when(say("Hello."), actor=ACME).then(sent(2, Party.BRAND))


def test_others_are_told_that_there_is_no_such_thread():
    given(thread, opened).when(say("Hello."), actor=RIVAL).then_refused("NOT_FOUND")
    given(thread, opened, card(1, "e1")).when(mark(1), actor=RIVAL).then_refused("NOT_FOUND")


@pytest.mark.parametrize("command", [say("Hello."), mark(1)], ids=lambda c: type(c).__name__)
def test_an_operator_reads_and_does_not_write(command):
    assert given(thread, opened, card(1, "e1")).when(command).then_refused("NOT_A_PARTY").kind is Kind.PERMISSION_DENIED


@pytest.mark.parametrize("command", [say("Hello."), mark(1)], ids=lambda c: type(c).__name__)
def test_nobody_writes_where_no_deal_is(command):
    given(thread).when(command, actor=ACME).then_refused("NOT_FOUND")


def test_a_full_thread_takes_cards_only():
    full = [opened, *(sent(n + 1, Party.BRAND) for n in range(MOST_MESSAGES))]
    filled = given(thread, *full)
    refusal = filled.when(say("More."), actor=ACME).then_refused("THREAD_FULL", most=MOST_MESSAGES)
    assert refusal.kind is Kind.RESOURCE_EXHAUSTED
    filled.when(post_card("e1")).then(card(MOST_MESSAGES + 1, "e1"))


def test_a_party_reads_on_and_never_back():
    history = (opened, card(1, "e1"), sent(2, Party.BRAND), card(3, "e2"))
    (
        given(thread, *history)
        .when(mark(2), actor=ANA)
        .then(read(2, Party.CREATOR))
        .when(mark(3), actor=ANA)
        .then(read(3, Party.CREATOR))
        .when(mark(1), actor=ANA)
        .then_nothing()
    )


def test_what_one_has_read_the_other_has_not():
    given(thread, opened, card(1, "e1"), read(1, Party.CREATOR)).when(mark(1), actor=ACME).then(read(1, Party.BRAND))


def test_who_writes_has_read():
    given(thread, opened, card(1, "e1"), sent(2, Party.BRAND)).when(mark(1), actor=ACME).then_nothing()


def test_a_message_that_is_not_there_cannot_be_read():
    given(thread, opened, card(1, "e1")).when(mark(7), actor=ANA).then_refused("NOT_FOUND")


@pytest.mark.parametrize("text", ["", "   ", "x" * 2001])
def test_a_message_has_1_to_2000_characters(text: str):
    with pytest.raises(ValueError):
        say(text)


def test_the_table_of_legal_commands_is_what_decide_does():
    offers = [post_card("e9"), say("Hello.").model_copy(update={"actor": ACME}), mark(1).model_copy(update={"actor": ACME})]
    check_legal(thread, [Absent(), thread.fold([opened, card(1, "e1")])], offers)
