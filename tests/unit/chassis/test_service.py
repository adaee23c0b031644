from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, ClassVar

import pytest

from libs.chassis.descriptors import Protos
from libs.chassis.issuer import DevelopmentIssuer
from libs.chassis.rpcs import Reads, command
from libs.events.decider import Kind, Refusal
from libs.events.envelope import iso
from libs.events.faults import Faults
from libs.events.memory import ManualClock
from libs.events.ports import Unavailable
from tests.unit.chassis.notes import (
    BRAND,
    RPCS,
    World,
    WriteNote,
    world,
)


async def refused(of: World, rpc: str, *args: Any, written: int = 0, **kwargs: Any) -> Refusal:
    """The refusal of a call, after which the log holds what it held before."""
    with pytest.raises(Refusal) as refusal:
        await of.call(rpc, *args, **kwargs)
    assert await of.log.head() == written
    return refusal.value


# --- who may call ----------------------------------------------------------------------------------------------------


async def test_without_a_token_nothing_is_done(notes: World) -> None:
    assert (await refused(notes, "WriteNote", None, text="hello")).code == "TOKEN_MISSING"


async def test_a_spoilt_token_is_unauthenticated(notes: World) -> None:
    spoilt = notes.sign("brand")[:-4] + "AAAA"
    assert (await refused(notes, "WriteNote", spoilt, text="hello")).kind is Kind.UNAUTHENTICATED


async def test_a_role_that_is_not_named_may_not_call(notes: World) -> None:
    refusal = await refused(notes, "WriteNote", "creator", text="hello")
    assert (refusal.code, refusal.kind, refusal.details["roles"]) == (
        "ROLE_NOT_ALLOWED",
        Kind.PERMISSION_DENIED,
        ["brand", "operator"],
    )


@pytest.mark.parametrize("who", ["brand", "creator", "operator"])
async def test_an_rpc_without_an_access_option_is_for_nobody(notes: World, who: str) -> None:
    assert (await refused(notes, "BurnNotes", who)).code == "ROLE_NOT_ALLOWED"


async def test_a_public_rpc_needs_no_token_but_refuses_a_bad_one(notes: World) -> None:
    assert (await notes.call("CountNotes", None)).message.count == 0
    assert (await refused(notes, "CountNotes", "nonsense")).kind is Kind.UNAUTHENTICATED


async def test_the_role_is_checked_before_the_input(notes: World) -> None:
    assert (await refused(notes, "WriteNote", "creator", text="")).kind is Kind.PERMISSION_DENIED


# --- commands --------------------------------------------------------------------------------------------------------


async def test_a_command_answers_with_the_resource_its_version_and_where_it_is_in_the_log(notes: World) -> None:
    reply = await notes.call("WriteNote", text="hello")
    note = reply.message
    assert (note.text, note.author, note.version) == ("hello", BRAND, 1)
    assert note.note_id.startswith("nte_")
    partition = notes.service.ports.bus.partition(note.note_id)
    assert reply.metadata == {"etag": "1", "limelight-position": f"notes.1.{partition}"}


async def test_a_commit_tells_who_and_in_which_trace(notes: World) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    await notes.call("WriteNote", metadata={"traceparent": trace}, text="hello")
    (commit,) = await notes.log.read(0, 10)
    assert (commit.meta.actor, commit.meta.traceparent) == (f"brand:{BRAND}", trace)


async def test_bad_input_is_400_with_the_field_and_writes_nothing(notes: World) -> None:
    refusal = await refused(notes, "WriteNote", text="", place_name="x" * 11)
    assert (refusal.code, refusal.kind, refusal.field) == ("INVALID_FIELD", Kind.INVALID_ARGUMENT, "text")
    assert [violation["field"] for violation in refusal.details["violations"]] == ["text", "placeName"]


async def test_a_rules_refusal_names_the_field_as_the_api_does(notes: World) -> None:
    assert (await refused(notes, "WriteNote", text="forbidden")).field == "placeName"


async def test_anothers_resource_is_404_like_a_missing_one(notes: World) -> None:
    note_id = (await notes.call("WriteNote", text="hello")).message.note_id
    others = await refused(notes, "EditNote", "other", note_id=note_id, text="mine", written=1)
    missing = await refused(notes, "EditNote", "other", note_id="nte_0000000000", text="mine", written=1)
    foreign = await refused(notes, "EditNote", "other", note_id=BRAND, text="mine", written=1)
    assert (others.code, others.message) == (missing.code, missing.message) == (foreign.code, foreign.message)
    assert others.kind is Kind.NOT_FOUND


async def test_a_stale_if_match_is_refused_and_a_fresh_one_not(notes: World) -> None:
    note_id = (await notes.call("WriteNote", text="one")).message.note_id
    await notes.call("EditNote", note_id=note_id, text="two", metadata={"if-match": "1"})
    refusal = await refused(notes, "EditNote", note_id=note_id, text="three", metadata={"if-match": "1"}, written=2)
    assert (refusal.code, refusal.kind) == ("VERSION_MISMATCH", Kind.ABORTED)


@pytest.mark.parametrize("value", ["", "abc", "-1", '"1"', "9" * 20])
async def test_an_if_match_that_is_no_version_is_bad_input(notes: World, value: str) -> None:
    assert (await refused(notes, "WriteNote", text="hello", metadata={"if-match": value})).code == "IF_MATCH_INVALID"


async def test_a_command_on_ones_own_party_takes_its_id_from_the_token(notes: World) -> None:
    assert (await notes.call("NameShelf", name="front")).message.shelf_id == BRAND
    assert (await notes.call("NameShelf", "other", name="back")).message.shelf_id != BRAND


async def test_who_acts_for_no_party_has_none_to_command(notes: World) -> None:
    assert (await refused(notes, "NameShelf", "operator", name="front")).code == "PARTY_MISSING"


# --- sent again ------------------------------------------------------------------------------------------------------

KEY = {"idempotency-key": "the same key"}


async def test_the_same_request_under_the_same_key_is_done_once(notes: World) -> None:
    first = await notes.call("WriteNote", text="hello", metadata=KEY)
    again = await notes.call("WriteNote", text="hello", metadata=KEY)
    assert again == first
    assert await notes.log.head() == 1


async def test_a_repeated_creation_answers_as_it_was_then_whatever_happened_since(notes: World) -> None:
    first = await notes.call("WriteNote", text="hello", metadata=KEY)
    await notes.call("EditNote", note_id=first.message.note_id, text="changed")
    assert await notes.call("WriteNote", text="hello", metadata=KEY) == first


async def test_creations_under_one_key_at_the_same_time_are_one(notes: World) -> None:
    replies = await asyncio.gather(*(notes.call("WriteNote", text="hello", metadata=KEY) for _ in range(5)))
    assert {reply.message.note_id for reply in replies} == {replies[0].message.note_id}
    assert await notes.log.head() == 1


async def test_without_a_key_every_request_is_its_own(notes: World) -> None:
    await notes.call("WriteNote", text="hello")
    await notes.call("WriteNote", text="hello")
    assert await notes.log.head() == 2


async def test_the_same_key_with_another_body_is_409(notes: World) -> None:
    await notes.call("WriteNote", text="hello", metadata=KEY)
    refusal = await refused(notes, "WriteNote", text="other", metadata=KEY, written=1)
    assert (refusal.code, refusal.kind) == ("IDEMPOTENCY_KEY_REUSED", Kind.ALREADY_EXISTS)


async def test_the_same_key_on_another_rpc_is_409(notes: World) -> None:
    await notes.call("WriteNote", text="hello", metadata=KEY)
    assert (await refused(notes, "NameShelf", name="hello", metadata=KEY, written=1)).code == "IDEMPOTENCY_KEY_REUSED"


async def test_the_same_key_of_another_sender_is_another_key(notes: World) -> None:
    await notes.call("WriteNote", text="hello", metadata=KEY)
    await notes.call("WriteNote", "other", text="hello", metadata=KEY)
    assert await notes.log.head() == 2


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\t", "é"])
async def test_a_key_of_another_form_is_bad_input(notes: World, key: str) -> None:
    refusal = await refused(notes, "WriteNote", text="hello", metadata={"idempotency-key": key})
    assert (refusal.code, refusal.kind) == ("IDEMPOTENCY_KEY_INVALID", Kind.INVALID_ARGUMENT)


async def test_what_was_done_is_answered_also_when_its_facts_have_changed(
    protos: Protos, issuer: DevelopmentIssuer, clock: ManualClock
) -> None:
    closed = False

    async def while_open(given: WriteNote, reads: Reads) -> WriteNote:
        if closed:
            raise Refusal("CLOSED", "nothing more is written here")
        return given.model_copy(update={"text": f"{given.text} by {reads.actor.subject}"})

    notes = world(protos, issuer, clock, {**RPCS, "WriteNote": command(WriteNote, enrich=while_open)})
    first = await notes.call("WriteNote", text="hello", metadata=KEY)
    assert first.message.text == "hello by ann"
    closed = True
    assert await notes.call("WriteNote", text="hello", metadata=KEY) == first
    assert (await refused(notes, "WriteNote", text="hello", written=1)).code == "CLOSED"


async def test_a_sender_may_be_shown_less_than_the_resource(
    protos: Protos, issuer: DevelopmentIssuer, clock: ManualClock
) -> None:
    receipt = command(WriteNote, answer=lambda stream, state, actor: {"note_id": stream, "author": actor.subject})
    notes = world(protos, issuer, clock, {**RPCS, "WriteNote": receipt})
    note = (await notes.call("WriteNote", text="hello")).message
    assert (note.text, note.author, note.version) == ("", "ann", 1)


# --- batches ---------------------------------------------------------------------------------------------------------


def items(*texts: str) -> list[dict[str, str]]:
    return [{"note_id": f"nte_000000000{number}", "text": text} for number, text in enumerate(texts)]


async def test_each_command_of_a_batch_has_a_fate_of_its_own(notes: World) -> None:
    reply = await notes.call("ImportNotes", notes=items("good", "", "forbidden", "fine"))
    assert [(result.accepted, result.code, result.field) for result in reply.message.results] == [
        (True, "", ""),
        (False, "INVALID_FIELD", "notes[1].text"),
        (False, "WORD_FORBIDDEN", "notes[2].placeName"),
        (True, "", ""),
    ]
    assert await notes.log.head() == 2


async def test_a_batch_that_is_sent_again_is_done_once(notes: World) -> None:
    first = await notes.call("ImportNotes", notes=items("a", "b"), metadata=KEY)
    again = await notes.call("ImportNotes", notes=items("a", "b"), metadata=KEY)
    assert again == first
    assert await notes.log.head() == 2


async def test_a_batch_that_is_sent_again_is_one_look_however_large(
    protos: Protos, issuer: DevelopmentIssuer, clock: ManualClock
) -> None:
    class Reads(Faults):
        seen: ClassVar[list[str]] = []

        async def at(self, point: str) -> None:
            self.seen.append(point)

    notes, many = world(protos, issuer, clock, faults=Reads()), items(*map(str, range(10)))
    await notes.call("ImportNotes", notes=many, metadata=KEY)
    Reads.seen.clear()
    await notes.call("ImportNotes", notes=many, metadata=KEY)
    assert Reads.seen == ["log.read"]


async def test_what_a_batch_left_undone_is_done_when_it_is_sent_again(
    protos: Protos, issuer: DevelopmentIssuer, clock: ManualClock
) -> None:
    class TooLate(Faults):
        most = 2

        async def at(self, point: str) -> None:
            if point == "append.before":
                self.most -= 1
                if self.most < 0:
                    raise asyncio.CancelledError

    late = TooLate()
    notes, many = world(protos, issuer, clock, faults=late), items("a", "b", "c", "d")
    with pytest.raises(asyncio.CancelledError):
        await notes.call("ImportNotes", notes=many, metadata=KEY)
    assert await notes.log.head() == 2
    late.most = 2
    reply = await notes.call("ImportNotes", notes=many, metadata=KEY)
    assert [result.accepted for result in reply.message.results] == [True] * 4
    assert await notes.log.head() == 4


async def test_a_batch_under_the_key_of_another_is_refused_whole(notes: World) -> None:
    await notes.call("ImportNotes", notes=items("a"), metadata=KEY)
    refusal = await refused(notes, "ImportNotes", written=1, notes=items("a", "b"), metadata=KEY)
    assert refusal.code == "IDEMPOTENCY_KEY_REUSED"


async def test_commands_of_a_batch_on_one_stream_keep_their_order(notes: World) -> None:
    twice = [{"note_id": "nte_0000000000", "text": "first"}, {"note_id": "nte_0000000000", "text": "second"}]
    reply = await notes.call("ImportNotes", notes=twice)
    assert [result.accepted for result in reply.message.results] == [True, False]
    assert (await notes.call("GetNote", note_id="nte_0000000000")).message.text == "first"


@pytest.mark.parametrize("count", [0, 1001])
async def test_a_batch_is_bounded(notes: World, count: int) -> None:
    many = [{"note_id": f"nte_{number:010}", "text": "x"} for number in range(count)]
    assert (await refused(notes, "ImportNotes", notes=many)).field == "notes"


# --- reading ---------------------------------------------------------------------------------------------------------


async def test_an_aggregate_is_read_as_it_stands_and_as_it_stood(notes: World, clock: ManualClock) -> None:
    note_id = (await notes.call("WriteNote", text="one")).message.note_id
    then = clock.now()
    clock.advance(60)
    await notes.call("EditNote", note_id=note_id, text="two")
    now = await notes.call("GetNote", note_id=note_id)
    assert (now.message.text, now.message.version, now.metadata["etag"]) == ("two", 2, "2")
    assert (await notes.call("GetNote", note_id=note_id, as_of="1")).message.text == "one"
    assert (await notes.call("GetNote", note_id=note_id, as_of=iso(then + timedelta(seconds=1)))).message.text == "one"
    assert (await refused(notes, "GetNote", note_id=note_id, as_of=iso(then - timedelta(1)), written=2)).kind is Kind.NOT_FOUND


@pytest.mark.parametrize("as_of", ["yesterday", "2026-11-22T14:00:00", "-1", "1.5"])
async def test_an_as_of_that_is_neither_version_nor_time_is_bad_input(notes: World, as_of: str) -> None:
    note_id = (await notes.call("WriteNote", text="one")).message.note_id
    refusal = await refused(notes, "GetNote", note_id=note_id, as_of=as_of, written=1)
    assert (refusal.code, refusal.field) == ("AS_OF_INVALID", "asOf")


async def test_a_version_that_has_not_been_yet_is_bad_input(notes: World) -> None:
    note_id = (await notes.call("WriteNote", text="one")).message.note_id
    refusal = await refused(notes, "GetNote", note_id=note_id, as_of="2", written=1)
    assert (refusal.kind, refusal.field) == (Kind.INVALID_ARGUMENT, "asOf")


@pytest.mark.parametrize("who", ["other", "creator"])
async def test_what_is_anothers_cannot_be_read(notes: World, who: str) -> None:
    note_id = (await notes.call("WriteNote", text="one")).message.note_id
    assert (await refused(notes, "GetNote", who, note_id=note_id, written=1)).kind is Kind.NOT_FOUND
    assert (await notes.call("GetNote", "operator", note_id=note_id)).message.text == "one"


async def test_a_stream_gives_its_messages_and_its_refusal(notes: World) -> None:
    path = notes.method("WatchNotes").path
    got = [message async for message in notes.service.stream(path, notes.request("WatchNotes", count=3), {})]
    assert [message.text for message in got] == ["0", "1", "2"]
    with pytest.raises(Refusal, match="TOO_MANY"):
        _ = [message async for message in notes.service.stream(path, notes.request("WatchNotes", count=101), {})]


async def test_an_unknown_rpc_is_unimplemented(notes: World) -> None:
    with pytest.raises(Refusal) as refusal:
        await notes.service.call("/limelight.notes.v1.NotesService/Nothing", notes.request("CountNotes"), {})
    assert refusal.value.kind is Kind.UNIMPLEMENTED


async def test_an_outage_is_unavailable_and_says_nothing_of_the_inside(notes: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def out(*_: Any) -> int:
        raise Unavailable("mongo-0.internal is down")

    monkeypatch.setattr(notes.log, "head", out)
    with pytest.raises(Refusal) as refusal:
        await notes.call("CountNotes", None)
    assert refusal.value.kind is Kind.UNAVAILABLE
    assert "internal" not in refusal.value.message


# --- webhooks --------------------------------------------------------------------------------------------------------

TELLING = "0000000001"


async def hear(of: World, text: str, sender: str = "radio") -> None:
    await of.call("HearNote", None, sender=sender, headers={"id": TELLING}, payload=text.encode())


async def test_what_is_told_is_done_once_in_the_services_own_name(notes: World) -> None:
    await hear(notes, "hello")
    await hear(notes, "hello")
    (commit,) = await notes.log.read(0, 10)
    assert (commit.stream, commit.meta.actor) == (f"nte_{TELLING}", "service:notes")


async def test_ten_that_come_at_once_are_one(notes: World) -> None:
    """Trap 5: two webhooks 70 ms apart both passed the check."""
    await asyncio.gather(*(hear(notes, "hello") for _ in range(10)))
    assert await notes.log.head() == 1


async def test_what_cannot_be_done_is_said_so_that_it_is_told_again(notes: World) -> None:
    for text, sender, kind in (
        ("later", "radio", Kind.UNAVAILABLE),
        ("forbidden", "radio", Kind.FAILED_PRECONDITION),
        ("hello", "nobody", Kind.NOT_FOUND),
    ):
        with pytest.raises(Refusal) as refusal:
            await hear(notes, text, sender)
        assert refusal.value.kind is kind
    assert await notes.log.head() == 0
