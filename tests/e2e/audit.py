"""What must be true of what is stored and published, whatever happened on the way."""

from __future__ import annotations

from collections import Counter

from cli.console import SERVICES
from libs.events.envelope import Commit
from libs.events.testing import eventually
from libs.events.verify import Chain
from tests.e2e.marketplace import Marketplace

ONCE = frozenset(
    {
        "BrandVerified",
        "CampaignLaunched",
        "CampaignDrafted",
        "EngagementOpened",
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


async def nothing_lost_and_nothing_twice(marketplace: Marketplace) -> None:
    """Every log is gapless and its chains hold; what can happen once happened once; Kafka has every stored event; the ledger
    adds up; nothing is parked."""
    for service in SERVICES:
        commits = await marketplace.commits(service)
        _is_gapless_and_chained(service, commits)
        _happened_once(commits)
        await _is_published(marketplace, service, {event.id for commit in commits for event in commit.events})
    _adds_up(await marketplace.commits("payments"))
    assert "nothing" in marketplace.limelight("dlq", "list").lower()


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


async def _is_published(marketplace: Marketplace, service: str, stored: set[str]) -> None:
    async def all_there() -> bool:
        published = {dict(record.headers)["ce_id"].decode() for record in await marketplace.published(service)}
        assert published <= stored, "an event was published that is not stored"
        return stored <= published

    await eventually(all_there, timeout=30)


def _adds_up(commits: list[Commit]) -> None:
    """Double entry: what left one account reached another, and no account but the world's is below zero."""
    balances: Counter[str] = Counter()
    for commit in commits:
        for event in commit.events:
            for posting in event.data.get("postings", ()):
                assert posting["amount"]["amount"] > 0
                balances[posting["debit"]] -= posting["amount"]["amount"]
                balances[posting["credit"]] += posting["amount"]["amount"]
                below = {name: left for name, left in balances.items() if left < 0 and not name.startswith("world:")}
                assert not below, f"after position {commit.position}: {below}"
    assert sum(balances.values()) == 0
