"""What must be true of what is stored and published, whatever happened on the way."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from aiokafka import ConsumerRecord

from cli.console import SERVICES
from cli.opening import opened
from libs.events.deadletter import DeadLetters
from libs.events.envelope import Commit
from libs.events.ports import Delivery, Page
from libs.events.progress import sift
from libs.events.testing import eventually
from libs.events.verify import Chain
from tests.e2e.directory import equal_their_rebuild_from, indexes_in
from tests.e2e.ledger import adds_up, moved_once, provider_agrees
from tests.e2e.marketplace import Marketplace
from tests.e2e.read_models import equal_their_rebuild

ONCE = frozenset(
    {
        "BrandVerified",
        "CampaignLaunched",
        "CampaignDrafted",
        "EngagementOpened",
        "EngagementExpired",
        "OfferAccepted",
        "ContractDrafted",
        "ContractActivated",
        "ContractTerminated",
        "ContractFulfilled",
        "DeliverableAccepted",
        "PostVerified",
        "CreatorApplied",
        "PaymentRequested",
        "FundsHeld",
        "ReleaseApproved",
        "PaymentReleased",
        "RefundIssued",
        "ThreadOpened",
        "PostTracked",
    }
)
"""Facts that a stream can hold only once in the story."""


@dataclass(frozen=True, slots=True)
class Audited:
    """What was looked through."""

    commits: int
    events: int
    published: int
    """Messages, duplicates included."""
    documents: int


async def nothing_lost_and_nothing_twice(marketplace: Marketplace, patience: float = 30) -> Audited:
    """Every log is gapless and its chains hold; what can happen once happened once, and not before its time; Kafka has every
    stored event in its order; every read model, the search index among them, is what the events make of it; the ledger adds up
    and the provider agrees; nothing is parked. `patience`: seconds until what is distributed must have come everywhere."""
    audited: Audited = await eventually(lambda: _is_everywhere(marketplace), timeout=patience, every=0.5)
    entries = await eventually(lambda: _index_is_right(marketplace), timeout=patience, every=0.5)
    audited = replace(audited, documents=audited.documents + entries)
    for service in SERVICES:
        commits = await marketplace.commits(service)
        _is_gapless_and_chained(service, commits)
        _happened_once(commits)
        _expired_when_due(commits)
    await _money_is_right(marketplace)
    return audited


async def _is_everywhere(marketplace: Marketplace) -> Audited:
    logs = {service: await marketplace.commits(service) for service in SERVICES}
    published = documents = 0
    for service in SERVICES:
        stored = {event.id for commit in logs[service] for event in commit.events}
        published += _are_published(service, stored, await marketplace.published(service))
        async with opened(service, marketplace.data) as store:
            documents += await equal_their_rebuild(store, logs)
            letters = await DeadLetters(store.documents, store.clock).list()
            assert not letters, f"{service} has parked {letters[0]}"
    events = sum(len(commit.events) for commits in logs.values() for commit in commits)
    return Audited(sum(map(len, logs.values())), events, published, documents)


async def _index_is_right(marketplace: Marketplace) -> int:
    """The index is looked at before the log, so that it is never ahead of it."""
    replicas = await asyncio.to_thread(indexes_in, marketplace.data / "index")
    return equal_their_rebuild_from(await marketplace.commits("discovery"), replicas)


def _is_gapless_and_chained(service: str, commits: list[Commit]) -> None:
    assert [commit.position for commit in commits] == list(range(1, len(commits) + 1)), f"{service} has a gap"
    chain = Chain()
    for commit in commits:
        assert chain.follow(commit) is None, f"{service}: {commit}"


def _happened_once(commits: list[Commit]) -> None:
    counted = Counter(
        (commit.stream, kind)
        for commit in commits
        for event in commit.events
        if (kind := event.type.rpartition(".")[2]) in ONCE
    )
    assert not [(what, times) for what, times in counted.items() if times > 1]


def _expired_when_due(commits: list[Commit]) -> None:
    """No deadline fires early."""
    due: dict[str, datetime] = {}
    for commit in commits:
        for event in commit.events:
            if event.data.get("expires_at"):
                due[commit.stream] = datetime.fromisoformat(event.data["expires_at"])
            if event.type.endswith(".EngagementExpired"):
                assert commit.at >= due[commit.stream], f"{commit.stream} expired before its time"


def _are_published(service: str, stored: set[str], records: Sequence[ConsumerRecord]) -> int:
    """All that is stored and nothing else, at least once; per key in order and without a gap, but for what was there before and
    comes again, and for what a wiped broker was given too early: consumers pass over the one and leave the other."""
    deliveries = [Delivery(one.topic, one.partition, one.offset, one.key.decode(), b"", dict(one.headers)) for one in records]
    last: Counter[str] = Counter()
    published, sifted = set(), sift(deliveries, {})
    again, early = ({(one.partition, one.offset) for one in some} for some in (sifted.again, sifted.early))
    for one in deliveries:
        place = (one.partition, one.offset)
        if place in early:
            continue
        published.add(one.headers["ce_id"].decode())
        version = int(one.headers["ce_streamversion"])
        assert version <= last[one.key] + 1, f"{service}: version {version} of {one.key} overtook one before it"
        assert place not in again or version <= last[one.key], f"{service}: version {version} of {one.key} is passed over"
        last[one.key] = max(last[one.key], version)
    assert published == stored, f"{service}: {len(stored - published)} are not published, {len(published - stored)} not stored"
    return len(records)


async def _money_is_right(marketplace: Marketplace) -> None:
    async with opened("payments", marketplace.data) as store:
        commits = await store.log.read(0, 1_000_000)
        effects = await store.documents.find("sandbox_provider", {}, Page(limit=1_000_000))
    adds_up(commits)
    moved_once(commits)
    provider_agrees(commits, effects)
