"""Threads and messages as they are listed and streamed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from libs.chassis.rpcs import Reads
from libs.events.catalog.values import Party
from libs.events.decider import Actor, Refusal
from libs.events.handler import CommandHandler
from libs.events.ids import commit_id_of
from libs.events.memory import ManualClock, MemoryCommitLog
from libs.events.ports import Document, Page, Where
from libs.events.testing import AT, OPERATOR, projected
from services.messaging.domain.thread import Absent, thread
from services.messaging.projections import messages, threads
from services.messaging.queries import (
    ListMessages,
    ListThreads,
    WatchThread,
    list_messages,
    list_threads,
    show_thread,
    watch_thread,
)
from tests.unit.messaging.test_thread import (
    ACME,
    ANA,
    BRAND,
    CREATOR,
    RIVAL,
    THREAD,
    card,
    mark,
    message_id,
    opened,
    post_card,
    read,
    say,
    sent,
)

HISTORY = (opened, card(1, "e1"), sent(2, Party.BRAND), sent(3, Party.CREATOR, "Hi."), read(2, Party.CREATOR))


class FakeViews:
    def __init__(self, **documents: dict[str, Document]) -> None:
        self.documents, self.asked = documents, list[tuple[str, Where, Page]]()

    async def one(self, projection: str, id: str) -> Document | None:
        return self.documents[projection].get(id)

    async def page(self, projection: str, where: Where, page: Page, cursor: str = "") -> tuple[list[Document], str]:
        self.asked.append((projection, where, page))
        return [{**doc, "id": key} for key, doc in self.documents[projection].items()], ""

    async def count(self, projection: str, where: Where) -> int:
        return len(self.documents[projection])


def reads(actor: Actor, log: MemoryCommitLog | None = None) -> Reads:
    views = FakeViews(threads=projected(threads, *HISTORY), messages=projected(messages, *HISTORY[1:4]))
    return Reads(actor, views, log or MemoryCommitLog(), ManualClock(AT))


def test_a_thread_shows_how_far_each_party_has_read():
    shown = show_thread(THREAD, thread.fold(HISTORY[:4]))
    assert (shown["messages"], shown["last_message_id"]) == (3, message_id(3))
    assert (shown["read_up_to_brand"], shown["read_up_to_creator"]) == (message_id(2), message_id(3))
    with pytest.raises(Refusal, match="NOT_FOUND"):
        show_thread(THREAD, Absent())


async def test_a_listed_thread_says_what_was_last_said():
    [listed] = (await list_threads(ListThreads(), reads(ACME)))["threads"]
    assert (listed["thread_id"], listed["messages"], listed["last_text"]) == (THREAD, 3, "Hi.")
    assert (listed["read_up_to_brand"], listed["read_up_to_creator"]) == (message_id(2), message_id(2))


@pytest.mark.parametrize(("actor", "own"), [(ACME, {"brand_id": BRAND}), (ANA, {"creator_id": CREATOR}), (OPERATOR, {})])
async def test_a_party_lists_its_own_threads(actor: Actor, own: Document):
    asked = reads(actor)
    await list_threads(ListThreads(), asked)
    [(name, where, _)] = asked.views.asked  # type: ignore[attr-defined]
    assert (name, where) == ("threads", own)


async def test_messages_and_cards_are_listed_in_their_place():
    listed = (await list_messages(ListMessages(thread_id=THREAD), reads(ANA)))["messages"]
    assert [(m["message_id"], m["kind"], m.get("by")) for m in listed] == [
        (message_id(1), "offer_made", None),
        (message_id(2), "message", "brand"),
        (message_id(3), "message", "creator"),
    ]


async def test_the_newest_message_comes_first():
    asked = reads(ANA)
    await list_messages(ListMessages(thread_id=THREAD, page_size=2), asked)
    [(_, where, page)] = asked.views.asked  # type: ignore[attr-defined]
    assert (where, page) == ({"thread_id": THREAD}, Page(sort=(("version", False),), limit=2))


async def test_anothers_messages_do_not_exist():
    with pytest.raises(Refusal, match="NOT_FOUND"):
        await list_messages(ListMessages(thread_id=THREAD), reads(RIVAL))
    with pytest.raises(Refusal, match="NOT_FOUND"):
        await list_messages(ListMessages(thread_id="thr_0000000009none"), reads(ANA))


# --- Live ----------------------------------------------------------------------------------------------------------------


class Talk:
    """A thread that goes on while it is watched."""

    def __init__(self) -> None:
        self.log, self.said = MemoryCommitLog(), 0
        self._handler = CommandHandler(self.log, ManualClock(AT))

    async def go_on(self, command: Any, actor: Actor = OPERATOR) -> None:
        self.said += 1
        await self._handler.handle(thread, command, actor=actor, commit_id=commit_id_of("talk", str(self.said)))


async def test_a_live_stream_begins_with_what_there_was_and_goes_on():
    talk = Talk()
    await talk.go_on(post_card("e1"))
    stream = watch_thread(WatchThread(thread_id=THREAD), reads(ANA, talk.log))
    assert (await anext(stream))["message"]["kind"] == "offer_made"
    coming = asyncio.ensure_future(anext(stream))
    await talk.go_on(say("Hello."), ACME)
    assert (await coming)["message"]["text"] == "Hello."
    await talk.go_on(mark(2), ANA)
    change = await anext(stream)
    assert (change["id"], change["read"]["message_id"]) == ("4", message_id(2))


async def test_a_stream_goes_on_after_the_last_change_that_was_seen():
    talk = Talk()
    await talk.go_on(post_card("e1"))
    await talk.go_on(say("One."), ACME)
    await talk.go_on(say("Two."), ANA)
    stream = watch_thread(WatchThread(thread_id=THREAD, after="3"), reads(ANA, talk.log))
    assert (await anext(stream))["message"]["text"] == "Two."


async def test_anothers_thread_cannot_be_watched():
    talk = Talk()
    await talk.go_on(post_card("e1"))
    for actor, thread_id in ((RIVAL, THREAD), (ANA, "thr_0000000009none")):
        with pytest.raises(Refusal, match="NOT_FOUND"):
            await anext(watch_thread(WatchThread(thread_id=thread_id), reads(actor, talk.log)))
