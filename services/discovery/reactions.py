"""What facts make discovery do: other services' facts tell what a creator has shown, its own are told to saved searches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

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
from libs.events.catalog.values import Party
from libs.events.envelope import Recorded
from libs.events.ports import CommitLog
from libs.events.reactions import Intent, Reaction, reaction
from libs.events.views import Views
from services.discovery.domain.track_record import (
    NoteAnswer,
    NoteCollaboration,
    NoteDelivery,
    NoteInvitation,
    NoteSilence,
    NoteWithdrawal,
)
from services.discovery.percolation import percolation

LATE = "OUTSIDE_WINDOW"
"""The reason of a post's check that says so; it may fail for others and still be on time."""


@reaction("note an invitation", to=EngagementOpened)
def note_invitation(event: Recorded[EngagementOpened]) -> Iterable[Intent]:
    opened = event.data
    if opened.opened_by is Party.BRAND:
        yield NoteInvitation(
            creator_id=opened.creator_id,
            engagement_id=opened.engagement_id,
            invited_at=event.at,
            expires_at=opened.expires_at,
        )


@reaction("note what became of an invitation", to=(OfferMade, OfferAccepted, EngagementDeclined, EngagementExpired))
def note_answer(event: Recorded[OfferMade | OfferAccepted | EngagementDeclined | EngagementExpired]) -> Iterable[Intent]:
    """All of one engagement come in their order: they stand on its stream."""
    creator, engagement = event.data.creator_id, event.data.engagement_id
    match event.data:
        case EngagementExpired():
            yield NoteSilence(creator_id=creator, engagement_id=engagement)
        case EngagementDeclined(by=Party.BRAND):
            yield NoteWithdrawal(creator_id=creator, engagement_id=engagement)
        case OfferMade(by=Party.CREATOR) | OfferAccepted(by=Party.CREATOR) | EngagementDeclined():
            yield NoteAnswer(creator_id=creator, engagement_id=engagement, answered_at=event.at)


@reaction("note a finished collaboration", to=ContractFulfilled)
def note_collaboration(event: Recorded[ContractFulfilled]) -> Iterable[Intent]:
    yield NoteCollaboration(creator_id=event.data.creator_id, contract_id=event.data.contract_id)


@reaction("note whether a post was on time", to=(PostVerified, PostCheckFailed))
def note_delivery(event: Recorded[PostVerified | PostCheckFailed]) -> Iterable[Intent]:
    checked = event.data
    late = isinstance(checked, PostCheckFailed) and any(reason.code == LATE for reason in checked.reasons)
    yield NoteDelivery(creator_id=checked.creator_id, deliverable_id=checked.deliverable_id, on_time=not late)


def reactions(log: CommitLog, views: Views) -> Sequence[Reaction]:
    """All of them: the pure ones above, and the one that reads what it decides on."""
    return (note_invitation, note_answer, note_collaboration, note_delivery, percolation(log, views))
