"""What facts make analytics count."""

from __future__ import annotations

from collections.abc import Iterable

from libs.events.catalog.campaigns import ContentPosted
from libs.events.envelope import Recorded
from libs.events.reactions import Intent, reaction
from services.analytics.domain.post import TrackPost


@reaction("count a post from when it is out", to=ContentPosted)
def track_post(event: Recorded[ContentPosted]) -> Iterable[Intent]:
    fields = set(TrackPost.model_fields) - {"actor", "at"}
    yield TrackPost(**event.data.model_dump(include=fields))


REACTIONS = (track_post,)
