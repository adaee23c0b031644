"""What is decided in the append and decide rows: a post and its cumulative metrics, the marketplace's most frequent fact. The
events are the catalog's; the rules are as small as rules can be, so that the rows show the kernel."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from libs.events.catalog.analytics import MetricsReported, PostTracked
from libs.events.catalog.values import Metrics, MetricsSource, Platform, PostId, Time
from libs.events.decider import Actor, Command, Decider, Decision, Role, illegal
from libs.events.envelope import GENESIS, Commit, Meta, NewCommit, store_events
from libs.events.ids import compose, derive
from libs.events.registry import Event

ACTOR = Actor("bench", Role.SERVICE)
SINCE = datetime(2026, 11, 22, 14, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Untracked:
    """No such post yet."""


@dataclass(frozen=True, slots=True)
class Tracked:
    views: int = 0


Post: TypeAlias = Untracked | Tracked


class TrackPost(Command):
    post_id: PostId


class ReportMetrics(Command):
    post_id: PostId
    captured_at: Time
    views: int


def decide(command: TrackPost | ReportMetrics, state: Post) -> Decision:
    match command, state:
        case TrackPost(), Untracked():
            return [tracked(command.post_id)]
        case ReportMetrics(), Tracked(views=views):
            return [reported(command.post_id, command.captured_at, max(command.views, views))]
        case _:
            raise illegal(command, state)


def evolve(_: Post, event: PostTracked | MetricsReported) -> Post:
    return Tracked(event.organic.views or 0) if isinstance(event, MetricsReported) else Tracked()


post: Decider[TrackPost | ReportMetrics, Post, PostTracked | MetricsReported] = Decider(
    name="post",
    prefix="pst",
    initial=Untracked(),
    decide=decide,
    evolve=evolve,
    commands=TrackPost | ReportMetrics,
    legal={Untracked: (TrackPost,), Tracked: (ReportMetrics,)},
)


def tracked(post_id: str) -> PostTracked:
    return PostTracked(
        post_id=post_id,
        contract_id=derive("ctr", post_id),
        campaign_id=derive("cmp", post_id),
        brand_id=derive("brd", post_id),
        creator_id=derive("crt", post_id),
        platform=Platform.TIKTOK,
        url=f"https://www.tiktok.com/@ana/video/{post_id}",
        posted_at=SINCE,
    )


def reported(post_id: str, captured_at: datetime, views: int) -> MetricsReported:
    return MetricsReported(
        post_id=post_id,
        campaign_id=derive("cmp", post_id),
        brand_id=derive("brd", post_id),
        creator_id=derive("crt", post_id),
        captured_at=captured_at,
        source=MetricsSource.PLATFORM_API,
        organic=Metrics(views=views, likes=views // 10, comments=views // 100, shares=views // 200, reach=views // 2),
    )


def post_ids(count: int) -> list[str]:
    """Ids never used before."""
    return [compose("pst", SINCE, uuid.uuid4().int) for _ in range(count)]


def report(post_id: str, number: int) -> ReportMetrics:
    return ReportMetrics(post_id=post_id, captured_at=_captured(number), views=number * 1000)


def past(post_id: str, events: int) -> list[Event]:
    """A post's first `events` events: tracked, then reported again and again."""
    return [tracked(post_id), *(reported(post_id, _captured(number), number * 1000) for number in range(1, events))]


def history(streams: Sequence[str], events: int) -> Iterator[Commit]:
    """The log that holds these posts' pasts, a commit per event, from position 1; the posts take turns."""
    pasts = {stream: past(stream, events) for stream in streams}
    heads = dict.fromkeys(streams, GENESIS)
    position = 0
    for version in range(events):
        for stream in streams:
            position += 1
            commit = alone(stream, version, heads[stream], pasts[stream][version]).at_position(position)
            heads[stream] = commit.hash
            yield commit


def alone(stream: str, expected: int, prev: str, event: Event) -> NewCommit:
    """A commit of one event."""
    commit_id = str(uuid.uuid4())
    return NewCommit(stream, expected, prev, commit_id, SINCE, Meta(str(ACTOR), commit_id), store_events(commit_id, [event]))


def _captured(number: int) -> datetime:
    return SINCE + timedelta(minutes=number)
