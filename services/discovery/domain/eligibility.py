"""Who may join: a pure function of the application and the policy. It names every reason, not only the first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from libs.events.catalog.values import EngagementRateMethod, Performance, PlatformAccount, Reason


def _one_percent() -> Mapping[EngagementRateMethod, float]:
    return dict.fromkeys(EngagementRateMethod, 0.01)


@dataclass(frozen=True, slots=True)
class Policy:
    """What a creator must bring. All counts are of the last 30 days; `version` is pinned in the events it decided."""

    version: int = 1
    least_age: int = 18
    least_followers: int = 10_000
    """On at least one account."""
    least_views: int = 1_000
    least_posts: int = 3
    least_engagement: Mapping[EngagementRateMethod, float] = field(default_factory=_one_percent)
    """Floor of the engagement rate, for the method by which it was taken: rates by different methods do not compare."""
    reapply_after: timedelta = timedelta(days=30)


def largest_following(accounts: Sequence[PlatformAccount]) -> int | None:
    """Followers of the largest account: audiences of several accounts overlap, so they do not add up. None: no account."""
    return max((account.followers for account in accounts), default=None)


def reasons_against(
    policy: Policy, *, age: int, accounts: Sequence[PlatformAccount], performance: Performance
) -> tuple[Reason, ...]:
    """Every reason why this application does not meet the policy; empty: it does."""
    return tuple(_reasons(policy, age, accounts, performance))


def _reasons(policy: Policy, age: int, accounts: Sequence[PlatformAccount], performance: Performance) -> Iterator[Reason]:
    if age < policy.least_age:
        yield _reason("AGE_TOO_LOW", f"age is {age}: at least {policy.least_age} is needed")
    followers = largest_following(accounts)
    yield from _short_of("FOLLOWERS", "TOO_LOW", "followers on one account", followers, policy.least_followers)
    yield from _short_of("VIEWS", "TOO_LOW", "views in 30 days", performance.views, policy.least_views)
    yield from _short_of("POSTS", "TOO_FEW", "posts in 30 days", performance.posts, policy.least_posts)
    yield from _engagement(policy, performance)


def _short_of(figure: str, lack: str, what: str, measured: int | None, least: int) -> Iterator[Reason]:
    if measured is None:
        yield _reason(f"{figure}_MISSING", f"{what} were not measured: at least {least:,} are needed")
    elif measured < least:
        yield _reason(f"{figure}_{lack}", f"{measured:,} {what}: at least {least:,} are needed")


def _engagement(policy: Policy, performance: Performance) -> Iterator[Reason]:
    rate, method = performance.engagement_rate, performance.engagement_rate_method
    if rate is None:
        yield _reason("ENGAGEMENT_MISSING", "the engagement rate was not measured")
    elif method is None:
        yield _reason("ENGAGEMENT_METHOD_MISSING", "the engagement rate says nothing without its method")
    elif rate < (least := policy.least_engagement[method]):
        said = f"engagement rate {method.replace('_', ' ')} is {rate:.2%}: at least {least:.2%} is needed"
        yield _reason("ENGAGEMENT_TOO_LOW", said)


def _reason(code: str, message: str) -> Reason:
    return Reason(code=code, message=message)
