"""A thread: the conversation of one deal. Its parties write; the deal's steps appear as cards, each once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, TypeAlias, assert_never

from pydantic import StringConstraints

from libs.events.catalog.messaging import CardPosted, MessageRead, MessageSent, ThreadOpened
from libs.events.catalog.values import (
    BrandId,
    CampaignId,
    CreatorId,
    EngagementId,
    Label,
    MessageId,
    Party,
    Text,
    ThreadId,
    Time,
)
from libs.events.decider import Actor, Command, Decider, Decision, Kind, Refusal, illegal, not_found
from libs.events.ids import numbered

MOST_MESSAGES = 10_000
"""What a thread holds; cards are posted beyond it."""


# --- State -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Absent:
    """No such thread yet: it opens with its first card."""


@dataclass(frozen=True, slots=True)
class Open:
    """`messages`: ids of messages and cards, oldest first. `mirrored`: the events whose cards are posted. `read`: how many
    of the messages each party has read."""

    engagement_id: EngagementId
    campaign_id: CampaignId
    brand_id: BrandId
    creator_id: CreatorId
    messages: tuple[MessageId, ...] = ()
    mirrored: frozenset[str] = frozenset()
    read: Mapping[Party, int] = field(default_factory=dict)

    def party(self, actor: Actor) -> Party:
        """Which side someone is on. Raises `Refusal` for who is on none."""
        match actor.party:
            case self.brand_id:
                return Party.BRAND
            case self.creator_id:
                return Party.CREATOR
            case _:
                raise Refusal("NOT_A_PARTY", "only the brand and the creator write here", kind=Kind.PERMISSION_DENIED)


Thread: TypeAlias = Absent | Open


# --- Commands --------------------------------------------------------------------------------------------------------


class SendMessage(Command):
    """Say something to the other party."""

    thread_id: ThreadId
    text: Annotated[str, StringConstraints(min_length=1, max_length=2000, strip_whitespace=True)]


class PostCard(Command):
    """Mirror a step of the deal. The same event is mirrored once; the first card opens the thread."""

    thread_id: ThreadId
    engagement_id: EngagementId
    campaign_id: CampaignId
    brand_id: BrandId
    creator_id: CreatorId
    kind: Label
    text: Text
    source_event_id: Label
    occurred_at: Time


class MarkRead(Command):
    """Everything up to this message has been read. Reading on goes forward only."""

    thread_id: ThreadId
    message_id: MessageId


ThreadCommand: TypeAlias = SendMessage | PostCard | MarkRead
ThreadEvent: TypeAlias = ThreadOpened | MessageSent | CardPosted | MessageRead


# --- Rules -----------------------------------------------------------------------------------------------------------


def decide(command: ThreadCommand, state: Thread) -> Decision:
    match command, state:
        case PostCard(), Absent():
            opened = ThreadOpened(
                thread_id=command.thread_id,
                engagement_id=command.engagement_id,
                campaign_id=command.campaign_id,
                brand_id=command.brand_id,
                creator_id=command.creator_id,
            )
            return [opened, _card(command, 1)]
        case PostCard(source_event_id=source), Open(mirrored=mirrored) if source in mirrored:
            return []
        case PostCard(), Open(messages=messages):
            return [_card(command, len(messages) + 1)]
        case SendMessage(), Open():
            return [_message(command, state)]
        case MarkRead(message_id=message), Open(messages=messages):
            by = state.party(command.actor)
            if message not in messages:
                raise not_found("message")
            if messages.index(message) < state.read.get(by, 0):
                return []
            return [MessageRead(thread_id=command.thread_id, message_id=message, by=by)]
        case _:
            raise illegal(command, state)


def _card(command: PostCard, number: int) -> CardPosted:
    return CardPosted(
        thread_id=command.thread_id,
        message_id=numbered("msg", command.at, command.thread_id, number),
        kind=command.kind,
        text=command.text,
        source_event_id=command.source_event_id,
        occurred_at=command.occurred_at,
    )


def _message(command: SendMessage, state: Open) -> MessageSent:
    by = state.party(command.actor)
    if len(state.messages) >= MOST_MESSAGES:
        raise Refusal(
            "THREAD_FULL", f"a thread holds at most {MOST_MESSAGES} messages", kind=Kind.RESOURCE_EXHAUSTED, most=MOST_MESSAGES
        )
    message = numbered("msg", command.at, command.thread_id, len(state.messages) + 1)
    return MessageSent(thread_id=command.thread_id, message_id=message, by=by, text=command.text)


def evolve(state: Thread, event: ThreadEvent) -> Thread:
    if isinstance(event, ThreadOpened):
        return Open(event.engagement_id, event.campaign_id, event.brand_id, event.creator_id)
    assert isinstance(state, Open), f"{event.type} cannot be a thread's first event"
    match event:
        case MessageSent(message_id=message, by=by):
            messages = (*state.messages, message)
            return replace(state, messages=messages, read={**state.read, by: len(messages)})
        case CardPosted(message_id=message, source_event_id=source):
            return replace(state, messages=(*state.messages, message), mirrored=state.mirrored | {source})
        case MessageRead(message_id=message, by=by):
            return replace(state, read={**state.read, by: state.messages.index(message) + 1})
        case _:
            assert_never(event)


LEGAL: Mapping[type[Thread], tuple[type[Command], ...]] = {
    Absent: (PostCard,),
    Open: (SendMessage, PostCard, MarkRead),
}

thread: Decider[ThreadCommand, Thread, ThreadEvent] = Decider(
    name="thread",
    prefix="thr",
    initial=Absent(),
    decide=decide,
    evolve=evolve,
    commands=ThreadCommand,
    legal=LEGAL,
    owners=lambda state: frozenset({state.brand_id, state.creator_id}) if isinstance(state, Open) else frozenset(),
)
