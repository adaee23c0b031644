"""Whose a thing is that a brand keeps: its team's."""

from __future__ import annotations

from libs.events.decider import Actor, Kind, Refusal, Role


def brand_of(actor: Actor) -> str:
    """The brand that someone acts for. Raises `Refusal` for whoever acts for none."""
    if actor.role is not Role.BRAND or actor.party is None:
        raise Refusal("NOT_A_BRAND", "only a brand's team may begin one", kind=Kind.PERMISSION_DENIED)
    return actor.party
