"""A post: what is measured of it, and what was sold through it. Snapshots are cumulative; the newest capture counts."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeAlias, assert_never

from libs.events.catalog.analytics import ConversionRecorded, ConversionReversed, MetricsReported, PostTracked
from libs.events.catalog.values import (
    CLOCK_SKEW,
    BrandId,
    CampaignId,
    ContractId,
    ConversionId,
    CreatorId,
    Label,
    Metrics,
    MetricsSource,
    Money,
    Platform,
    PostId,
    Text,
    Time,
    Url,
)
from libs.events.decider import Command, Decider, Decision, Kind, Refusal, Role, illegal, not_found
from libs.events.ids import derive
from services.analytics.domain.snapshots import Snapshot

REMEMBERED = 256
"""Snapshots whose repetition is noticed, the latest ones; an older one that is repeated is kept twice and counts once."""


# --- State -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Untracked:
    """No such post yet."""


@dataclass(frozen=True, slots=True)
class Conversion:
    order_id: str
    value: Money
    reversed: bool = False


@dataclass(frozen=True, slots=True)
class Tracked:
    """`posted_at` is when it first went out: a mended post keeps it. `newest` is the snapshot that counts."""

    contract_id: ContractId
    campaign_id: CampaignId
    brand_id: BrandId
    creator_id: CreatorId
    platform: Platform
    url: Url
    posted_at: datetime
    newest: Snapshot | None = None
    snapshots: int = 0
    remembered: tuple[str, ...] = ()
    conversions: Mapping[ConversionId, Conversion] = field(default_factory=dict)


Post: TypeAlias = Untracked | Tracked


# --- Commands --------------------------------------------------------------------------------------------------------


class TrackPost(Command):
    """The content is out: count from here. Content that is posted anew keeps its numbers."""

    post_id: PostId
    contract_id: ContractId
    campaign_id: CampaignId
    brand_id: BrandId
    creator_id: CreatorId
    platform: Platform
    url: Url
    posted_at: Time


class ReportMetrics(Command):
    """A cumulative snapshot of the post. It may come late, out of order or twice."""

    post_id: PostId
    captured_at: Time
    source: MetricsSource
    organic: Metrics
    paid: Metrics | None = None


class RecordConversion(Command):
    """A sale that came through the post's code or link. The same order counts once."""

    post_id: PostId
    order_id: Label
    value: Money
    occurred_at: Time


class ReverseConversion(Command):
    """The sale was returned or is a mistake. A second reversal changes nothing."""

    post_id: PostId
    conversion_id: ConversionId
    reason: Text = ""


PostCommand: TypeAlias = TrackPost | ReportMetrics | RecordConversion | ReverseConversion
PostEvent: TypeAlias = PostTracked | MetricsReported | ConversionRecorded | ConversionReversed


# --- Rules -----------------------------------------------------------------------------------------------------------


def decide(command: PostCommand, state: Post) -> Decision:
    match command, state:
        case TrackPost(url=url), Tracked(url=known) if url == known:
            return []
        case TrackPost(), _:
            return [PostTracked(**command.model_dump(exclude={"actor", "at"}))]
        case ReportMetrics(), Tracked():
            return _report(command, state)
        case RecordConversion(), Tracked():
            return _record(command, state)
        case ReverseConversion(conversion_id=conversion), Tracked(conversions=conversions):
            if conversion not in conversions:
                raise not_found("conversion")
            sale = conversions[conversion]
            if sale.reversed:
                return []
            return [
                ConversionReversed(
                    conversion_id=conversion,
                    post_id=command.post_id,
                    campaign_id=state.campaign_id,
                    value=sale.value,
                    reason=command.reason,
                )
            ]
        case _:
            raise illegal(command, state)


def _report(command: ReportMetrics, state: Tracked) -> Decision:
    if command.actor.role is Role.CREATOR and command.source is not MetricsSource.CREATOR_REPORT:
        raise Refusal(
            "SOURCE_NOT_YOURS",
            "a creator reports as creator_report: the other sources are read by the house",
            kind=Kind.PERMISSION_DENIED,
            field="source",
        )
    _plausible_time(command.captured_at, "captured_at", command.at, state)
    if _nothing_in(command.organic) and (command.paid is None or _nothing_in(command.paid)):
        raise _invalid("NOTHING_MEASURED", "a snapshot has at least one measurement", "organic")
    if _fingerprint(command) in state.remembered:
        return []
    return [
        MetricsReported(
            post_id=command.post_id,
            campaign_id=state.campaign_id,
            brand_id=state.brand_id,
            creator_id=state.creator_id,
            captured_at=command.captured_at,
            source=command.source,
            organic=command.organic,
            paid=command.paid,
        )
    ]


def _record(command: RecordConversion, state: Tracked) -> Decision:
    conversion = derive("cnv", command.post_id, command.order_id)
    if (known := state.conversions.get(conversion)) is not None:
        if known.value != command.value:
            raise Refusal(
                "ORDER_RECORDED_OTHERWISE",
                "this order was recorded with another value: reverse it first, then record the right one under another id",
                kind=Kind.ALREADY_EXISTS,
                field="order_id",
                recorded=known.value.model_dump(),
            )
        return []
    if command.value.amount < 0:
        raise _invalid("VALUE_NEGATIVE", "a conversion is worth zero or more; a return is a reversal", "value.amount")
    _plausible_time(command.occurred_at, "occurred_at", command.at, state)
    return [
        ConversionRecorded(
            conversion_id=conversion,
            post_id=command.post_id,
            campaign_id=state.campaign_id,
            brand_id=state.brand_id,
            creator_id=state.creator_id,
            order_id=command.order_id,
            value=command.value,
            occurred_at=command.occurred_at,
        )
    ]


def _plausible_time(at: datetime, name: str, now: datetime, state: Tracked) -> None:
    if at < state.posted_at:
        raise _invalid("BEFORE_POST", "nothing happened to the post before it went out", name)
    if at > now + CLOCK_SKEW:
        raise _invalid("IN_THE_FUTURE", "this has not happened yet", name)


def _invalid(code: str, message: str, name: str) -> Refusal:
    return Refusal(code, message, kind=Kind.INVALID_ARGUMENT, field=name)


def _nothing_in(metrics: Metrics) -> bool:
    return all(value is None for _, value in metrics)


def _fingerprint(of: ReportMetrics | MetricsReported) -> str:
    content = of.model_dump_json(include={"captured_at", "source", "organic", "paid"})
    return hashlib.sha256(content.encode()).hexdigest()[:16]


# --- Evolution -------------------------------------------------------------------------------------------------------


def evolve(state: Post, event: PostEvent) -> Post:
    if isinstance(event, PostTracked):
        if isinstance(state, Tracked):
            return replace(state, url=event.url, platform=event.platform)
        ids = (event.contract_id, event.campaign_id, event.brand_id, event.creator_id)
        return Tracked(*ids, event.platform, event.url, event.posted_at)
    assert isinstance(state, Tracked), f"{event.type} cannot be a post's first event"
    match event:
        case MetricsReported():
            snapshot = Snapshot.of(event)
            return replace(
                state,
                newest=snapshot if state.newest is None else max(state.newest, snapshot, key=Snapshot.rank),
                snapshots=state.snapshots + 1,
                remembered=(*state.remembered, _fingerprint(event))[-REMEMBERED:],
            )
        case ConversionRecorded(conversion_id=id_, order_id=order, value=value):
            return replace(state, conversions={**state.conversions, id_: Conversion(order, value)})
        case ConversionReversed(conversion_id=id_):
            undone = replace(state.conversions[id_], reversed=True)
            return replace(state, conversions={**state.conversions, id_: undone})
        case _:
            assert_never(event)


LEGAL: Mapping[type[Post], tuple[type[Command], ...]] = {
    Untracked: (TrackPost,),
    Tracked: (TrackPost, ReportMetrics, RecordConversion, ReverseConversion),
}

post: Decider[PostCommand, Post, PostEvent] = Decider(
    name="post",
    prefix="pst",
    initial=Untracked(),
    decide=decide,
    evolve=evolve,
    commands=PostCommand,
    legal=LEGAL,
    owners=lambda state: frozenset({state.brand_id, state.creator_id}) if isinstance(state, Tracked) else frozenset(),
)
