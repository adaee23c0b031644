"""How a creator's track record is shown: the figures that its badges are judged by, and the badges with their evidence."""

from __future__ import annotations

from libs.chassis.rpcs import Reads, Request
from libs.events.catalog.values import CreatorId
from libs.events.decider import not_found
from libs.events.ids import derive
from libs.events.ports import Document
from services.discovery.domain.badges import BadgePolicy, median
from services.discovery.domain.creator import Absent, creator
from services.discovery.domain.eligibility import Policy
from services.discovery.domain.track_record import TrackRecord, track_record
from services.discovery.streams import state_of


class GetTrackRecord(Request):
    creator_id: CreatorId


async def get_track_record(request: GetTrackRecord, reads: Reads) -> Document:
    """For whoever may see the creator. Of one that nobody has worked with yet it is empty."""
    rules = creator(Policy())
    whose = await state_of(rules, reads.log, request.creator_id)
    if isinstance(whose, Absent) or not rules.visible(whose, reads.actor):
        raise not_found("creator")
    stream = derive("trk", request.creator_id)
    return show_track_record(stream, await state_of(track_record(BadgePolicy()), reads.log, stream))


def show_track_record(id: str, state: TrackRecord) -> Document:
    hours, on_time = tuple(state.answers.values()), tuple(state.deliveries.values())
    return {
        "creator_id": derive("crt", id),
        "answers": len(hours),
        "median_hours": median(hours) if hours else None,
        "collaborations": state.collaborations,
        "deliveries": len(on_time),
        "on_time": sum(on_time) / len(on_time) if on_time else None,
        "badges": [{"badge": badge, "evidence": dict(evidence)} for badge, evidence in state.badges.items()],
    }
