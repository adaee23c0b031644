"""The deal's steps, mirrored into its thread."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from libs.events.envelope import Recorded
from libs.events.ids import derive
from libs.events.reactions import Intent, reaction
from services.messaging.domain.cards import CARDS, sentence
from services.messaging.domain.thread import PostCard


@reaction("mirror the deal's steps as cards", to=tuple(CARDS))
def post_card(event: Recorded[Any]) -> Iterable[Intent]:
    """Engagement, contract and thread of a deal are derived from each other, so each event leads to its thread. Events of
    different streams come in any order: whichever is first opens the thread."""
    step = event.data
    deal = getattr(step, "engagement_id", None) or step.contract_id
    yield PostCard(
        thread_id=derive("thr", deal),
        engagement_id=derive("eng", deal),
        campaign_id=step.campaign_id,
        brand_id=step.brand_id,
        creator_id=step.creator_id,
        kind=CARDS[type(step)].kind,
        text=sentence(step),
        source_event_id=event.id,
        occurred_at=event.at,
    )


REACTIONS = (post_card,)
