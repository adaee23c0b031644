"""Read models of messaging: threads by party, messages by thread."""

from __future__ import annotations

from typing import Any

from libs.events.catalog.messaging import CardPosted, MessageRead, MessageSent, ThreadOpened
from libs.events.envelope import Recorded, iso
from libs.events.ports import Document
from libs.events.projection import projection

PREVIEW = 140
"""Characters of the last message that a list of threads shows."""


@projection(
    "threads",
    version=1,
    of=(ThreadOpened, MessageSent, CardPosted, MessageRead),
    key="thread_id",
    indexes=[("brand_id", "last_at"), ("creator_id", "last_at"), ("last_at",)],
)
def threads(doc: Document, event: Recorded[Any]) -> Document:
    """`messages` counts them; `read_up_to` is the last message that each party has read."""
    match event.data:
        case ThreadOpened() as opened:
            return {**opened.model_dump(), "messages": 0, "read_up_to": {}, "last_at": iso(event.at), "last_text": ""}
        case MessageSent(by=by, message_id=message_id, text=text):
            read_up_to = {**doc["read_up_to"], by.value: message_id}
            return {**_longer(doc, event, text), "read_up_to": read_up_to}
        case CardPosted(text=text):
            return _longer(doc, event, text)
        case MessageRead(by=by, message_id=message_id):
            return {**doc, "read_up_to": {**doc["read_up_to"], by.value: message_id}}
        case other:
            raise AssertionError(f"not an event of a thread: {other}")


def _longer(doc: Document, event: Recorded[Any], text: str) -> Document:
    return {**doc, "messages": doc["messages"] + 1, "last_at": iso(event.at), "last_text": text[:PREVIEW]}


@projection("messages", version=1, of=(MessageSent, CardPosted), key="message_id", indexes=[("thread_id", "version")])
def messages(doc: Document, event: Recorded[MessageSent | CardPosted]) -> Document:
    """One document per message or card; `version` is its place in the thread's stream."""
    return message(event)


def message(event: Recorded[MessageSent | CardPosted]) -> Document:
    """A message as it is shown everywhere: in lists and in the live stream."""
    said = event.data
    shown: Document = {
        "message_id": said.message_id,
        "thread_id": said.thread_id,
        "text": said.text,
        "at": iso(event.at),
        "version": event.version,
    }
    if isinstance(said, MessageSent):
        return {**shown, "kind": "message", "by": said.by.value}
    return {**shown, "kind": said.kind, "source_event_id": said.source_event_id, "occurred_at": iso(said.occurred_at)}


PROJECTIONS = (threads, messages)
