"""The directory: what is shown of each creator who has joined, as a pure fold of discovery's own events, in the log's order.

An entry is plain JSON: `creator_id`, `number` (the position at which it joined: its place among equals), `changed` (that of its
last change), `status`, the public profile, `followers` (of the largest account), `badges` {badge: evidence}, `lacking` (what a
complete profile would have), `history` (follower counts, oldest first, each of one account) and `credibility`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias, get_args

from pydantic import BaseModel

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
from libs.events.catalog.values import Audience, Badge, Performance, PlatformAccount
from libs.events.envelope import Fact, Recorded
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
VERSION = 3
"""Of the fold and of what an index makes of it: raise it whenever either changes."""


def entry(doc: Document, event: Recorded[Listed]) -> Document | None:
    """The entry after the event; empty before the creator joined, None once it is gone."""
    return after(doc, Fact(type(event.data), event.data.model_dump(mode="json"), event.position))


def after(doc: Document, fact: Fact) -> Document | None:
    """The same of an event as it is stored."""
    changed = _changed(doc, fact)
    return None if changed is None else _whole(changed)


def _changed(doc: Document, fact: Fact) -> Document | None:
    """Without what follows from the rest."""
    if not doc and fact.kind is not CreatorJoined:
        return None  # a badge of one that is gone
    changed = _CHANGES[fact.kind](doc, fact)
    if changed is not None:
        changed["changed"] = fact.position
    return changed


def _joined(doc: Document, fact: Fact) -> Document:
    nothing: Document = {"state": None, "city": None, "portfolio": [], "audience": None, "absence": None, "badges": {}}
    performance, accounts = {**UNMEASURED, **fact.data["performance"]}, fact.data["accounts"]
    made = {
        **_SILENT,
        **fact.data,
        **nothing,
        "performance": performance,
        "followers": max((account["followers"] for account in accounts), default=None),
        "number": fact.position,
        "status": "joined",
        "history": _history([], performance, accounts),
    }
    made.pop("policy_version", None)
    return made


def _updated(doc: Document, fact: Fact) -> Document:
    return {**doc, **fact.data}


def _connected(doc: Document, fact: Fact) -> Document:
    known = [PlatformAccount.model_validate(one) for one in doc["accounts"]]
    return {**doc, **_accounts(with_account(known, PlatformAccount.model_validate(fact.data["account"])))}


def _measured(doc: Document, fact: Fact) -> Document:
    performance = {**UNMEASURED, **fact.data["performance"]}
    if performance["followers"] is not None:
        taken = Performance.model_validate(performance)
        doc = {**doc, **_accounts(tuple(counted(PlatformAccount.model_validate(one), taken) for one in doc["accounts"]))}
    return {**doc, "performance": performance, "history": _history(doc["history"], performance, doc["accounts"])}


def _watched(doc: Document, fact: Fact) -> Document:
    return {**doc, "audience": {**UNWATCHED, **fact.data["audience"]}}


def _awarded(doc: Document, fact: Fact) -> Document:
    return {**doc, "badges": {**doc["badges"], fact.data["badge"]: fact.data["evidence"]}}


def _revoked(doc: Document, fact: Fact) -> Document:
    return {**doc, "badges": {badge: shown for badge, shown in doc["badges"].items() if badge != fact.data["badge"]}}


_CHANGES: Mapping[type[Any], Callable[[Document, Fact], Document | None]] = {
    CreatorJoined: _joined,
    CreatorProfileUpdated: _updated,
    PlatformAccountConnected: _connected,
    RateCardChanged: lambda doc, fact: {**doc, "rate_card": fact.data["rate_card"]},
    AvailabilityChanged: lambda doc, fact: {**doc, "absence": fact.data["absence"]},
    AudienceSnapshotRecorded: _watched,
    PerformanceSnapshotRecorded: _measured,
    CreatorSuspended: lambda doc, fact: {**doc, "status": "suspended"},
    CreatorReinstated: lambda doc, fact: {**doc, "status": "joined"},
    CreatorErased: lambda doc, fact: None,
    BadgeAwarded: _awarded,
    BadgeRevoked: _revoked,
}


def _defaults(kind: type[BaseModel]) -> Document:
    """Of fields that may be missing in what was written before they were there."""
    fields = kind.model_fields.items()
    made = {name: field.get_default(call_default_factory=True) for name, field in fields if not field.is_required()}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in made.items()}


UNMEASURED, UNWATCHED, _SILENT = _defaults(Performance), _defaults(Audience), _defaults(CreatorJoined)


def _accounts(accounts: tuple[PlatformAccount, ...]) -> Document:
    return {"accounts": [one.model_dump(mode="json") for one in accounts], "followers": largest_following(accounts)}


def _history(history: list[Document], performance: Document, accounts: Sequence[Document]) -> list[Document]:
    """With what the snapshot counted, or else with what the largest account is said to have."""
    largest = max(accounts, key=lambda account: account["followers"], default=None)
    counted = performance if performance["followers"] is not None and performance["platform"] is not None else largest
    if counted is None:
        return history
    point = {"captured_at": performance["captured_at"], "followers": counted["followers"], "platform": counted["platform"]}
    return [*history[1 - KEPT :], point]


def _whole(doc: Document) -> Document:
    """With what follows from the rest."""
    believed = credibility(doc["performance"], doc["audience"], doc["history"])
    lacking = list(_lacking(doc))
    badges = doc["badges"]
    if lacking and Badge.COMPLETE.value in badges:
        badges = {name: shown for name, shown in badges.items() if name != Badge.COMPLETE.value}
    elif not lacking:
        badges = {**badges, Badge.COMPLETE.value: {}}
    return {**doc, "credibility": believed, "lacking": lacking, "badges": badges}


def _lacking(doc: Document) -> Iterator[str]:
    """What a complete profile has."""
    for what in ("bio", "niches", "languages", "accounts", "rate_card", "portfolio", "audience"):
        if not doc[what]:
            yield what


class _Changes(Mapping[str, Document | None]):
    """Creator -> its entry after the news. Made where it is looked at, so that of thousands one at a time is in memory, and
    whoever writes them does not keep others waiting meanwhile."""

    def __init__(self, before: Mapping[str, Document], news: Mapping[str, Sequence[Fact]]) -> None:
        self._before, self._news = before, news

    def __getitem__(self, creator: str) -> Document | None:
        changed: Document | None = self._before.get(creator)
        for fact in self._news[creator]:
            changed = _changed(changed or {}, fact)
        return changed and _whole(changed)

    def __iter__(self) -> Iterator[str]:
        return iter(self._news)

    def __len__(self) -> int:
        return len(self._news)


# --- Keeping it --------------------------------------------------------------------------------------------------------


class Directory:
    """The index of the directory, kept up to date (a follower's `Kept`)."""

    name = "directory"
    of = LISTED

    def __init__(self, index: CreatorIndex) -> None:
        self.index = index

    async def open(self) -> int:
        return await self.index.open()

    async def take(self, events: Sequence[Fact], position: int) -> None:
        """Each creator's entry is read and written once, however many of the events are its own. Where replicas share an index
        another may have been faster: what an entry holds already is not folded in again."""
        joining = {fact.data["creator_id"] for fact in events if fact.kind is CreatorJoined}  # there is no entry of these yet
        known = {fact.data["creator_id"] for fact in events} - joining
        found = await self.index.get(sorted(known))
        news: dict[str, list[Fact]] = {}
        for fact in events:
            creator = fact.data["creator_id"]
            if creator not in found or found[creator]["changed"] < fact.position:
                news.setdefault(creator, []).append(fact)
        await self.index.write(_Changes(found, news), position)

    async def settled(self) -> None:
        await self.index.forget_others()

    async def close(self) -> None:
        await self.index.close()
