"""The directory: what is shown of each creator who has joined, as a pure fold of discovery's own events, in the log's order.

An entry is plain JSON: `creator_id`, `number` (the position at which it joined: its place among equals), `status`, the public
profile, `followers` (of the largest account), `badges` {badge: evidence}, `lacking` (what a complete profile would have),
`history` (follower counts, oldest first) and `credibility`; in an index also `position`, up to which of the log it is folded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias, assert_never, get_args

from libs.events.catalog.discovery import (
    AudienceSnapshotRecorded,
    AvailabilityChanged,
    BadgeAwarded,
    BadgeRevoked,
    CreatorErased,
    CreatorJoined,
    CreatorProfileUpdated,
    CreatorReinstated,
    CreatorSuspended,
    PerformanceSnapshotRecorded,
    PlatformAccountConnected,
    RateCardChanged,
)
from libs.events.catalog.values import Badge, Performance, PlatformAccount
from libs.events.envelope import Recorded
from libs.events.ports import Document
from services.discovery.domain.credibility import KEPT, credibility
from services.discovery.domain.eligibility import largest_following
from services.discovery.domain.profile import counted, with_account
from services.discovery.ports import CreatorIndex

Listed: TypeAlias = (
    CreatorJoined
    | CreatorProfileUpdated
    | PlatformAccountConnected
    | RateCardChanged
    | AvailabilityChanged
    | AudienceSnapshotRecorded
    | PerformanceSnapshotRecorded
    | CreatorSuspended
    | CreatorReinstated
    | CreatorErased
    | BadgeAwarded
    | BadgeRevoked
)
LISTED: tuple[type[Any], ...] = get_args(Listed)
VERSION = 2
"""Of the fold and of what an index makes of it: raise it whenever either changes."""


def entry(doc: Document, event: Recorded[Listed]) -> Document | None:
    """The entry after the event; empty before the creator joined, None once it is gone."""
    if not doc and not isinstance(event.data, CreatorJoined):
        return None  # a badge of one that is gone
    match event.data:
        case CreatorJoined() as joined:
            return _whole(_joined(joined, event.position))
        case CreatorSuspended():
            return {**doc, "status": "suspended"}
        case CreatorReinstated():
            return {**doc, "status": "joined"}
        case CreatorErased():
            return None
        case CreatorProfileUpdated() as updated:
            return _whole({**doc, **updated.model_dump(mode="json", exclude={"creator_id"})})
        case PlatformAccountConnected(account=account):
            known = [PlatformAccount.model_validate(one) for one in doc["accounts"]]
            return _whole({**doc, **_accounts(with_account(known, account))})
        case RateCardChanged(rate_card=card):
            return _whole({**doc, "rate_card": [one.model_dump(mode="json") for one in card]})
        case AvailabilityChanged(absence=absence):
            return {**doc, "absence": absence and absence.model_dump(mode="json")}
        case AudienceSnapshotRecorded(audience=audience):
            return _whole({**doc, "audience": audience.model_dump(mode="json")})
        case PerformanceSnapshotRecorded(performance=performance):
            return _whole(_measured(doc, performance))
        case BadgeAwarded(badge=badge, evidence=evidence):
            return {**doc, "badges": {**doc["badges"], badge.value: dict(evidence)}}
        case BadgeRevoked(badge=badge):
            return {**doc, "badges": {name: shown for name, shown in doc["badges"].items() if name != badge.value}}
        case _:
            assert_never(event.data)


def _joined(joined: CreatorJoined, position: int) -> Document:
    profile = joined.model_dump(mode="json", exclude={"policy_version", "accounts"})
    nothing: Document = {"state": None, "city": None, "portfolio": [], "audience": None, "absence": None, "badges": {}}
    entry = {**profile, **nothing, **_accounts(joined.accounts), "number": position, "status": "joined"}
    return {**entry, "history": _history([], joined.performance, entry["followers"])}


def _accounts(accounts: tuple[PlatformAccount, ...]) -> Document:
    return {"accounts": [one.model_dump(mode="json") for one in accounts], "followers": largest_following(accounts)}


def _measured(doc: Document, performance: Performance) -> Document:
    known = (PlatformAccount.model_validate(one) for one in doc["accounts"])
    accounts = _accounts(tuple(counted(one, performance) for one in known))
    history = _history(doc["history"], performance, accounts["followers"])
    return {**doc, **accounts, "performance": performance.model_dump(mode="json"), "history": history}


def _history(history: list[Document], performance: Performance, followers: int | None) -> list[Document]:
    if followers is None:
        return history
    measured = performance.model_dump(mode="json", include={"captured_at"})
    return [*history[1 - KEPT :], {**measured, "followers": followers}]


def _whole(doc: Document) -> Document:
    """With what follows from the rest."""
    believed = credibility(doc["performance"], doc["audience"], doc["history"])
    lacking = list(_lacking(doc))
    badges = {name: shown for name, shown in doc["badges"].items() if name != Badge.COMPLETE}
    complete: Document = {} if lacking else {Badge.COMPLETE.value: {}}
    return {**doc, "credibility": believed, "lacking": lacking, "badges": {**badges, **complete}}


def _lacking(doc: Document) -> Iterator[str]:
    """What a complete profile has."""
    for what in ("bio", "niches", "languages", "accounts", "rate_card", "portfolio", "audience"):
        if not doc[what]:
            yield what


# --- Keeping it --------------------------------------------------------------------------------------------------------


class Directory:
    """The index of the directory, kept up to date (a follower's `Kept`)."""

    name = "directory"
    of = LISTED

    def __init__(self, index: CreatorIndex) -> None:
        self.index = index

    async def open(self) -> int:
        return await self.index.open()

    async def take(self, events: Sequence[Recorded[Any]], position: int) -> None:
        """Each creator's entry is read and written once, however many of the events are its own. Where replicas share an index
        another may have been faster: what an entry holds already is not folded in again."""
        known = {event.data.creator_id for event in events} - _joining(events)
        found = await self.index.get(sorted(known))
        entries: dict[str, Document | None] = dict(found)
        changed: dict[str, Document | None] = {}
        for event in events:
            creator = event.data.creator_id
            if creator not in found or found[creator]["position"] < event.position:
                changed[creator] = entries[creator] = entry(entries.get(creator) or {}, event)
        await self.index.write(
            {creator: made and {**made, "position": position} for creator, made in changed.items()}, position
        )

    async def settled(self) -> None:
        await self.index.forget_others()

    async def close(self) -> None:
        await self.index.close()


def _joining(events: Sequence[Recorded[Any]]) -> set[str]:
    """Of these there is no entry yet."""
    return {event.data.creator_id for event in events if isinstance(event.data, CreatorJoined)}
