"""Which side of a deal an actor is on."""

from __future__ import annotations

from libs.events.catalog.values import Party
from libs.events.decider import Actor, Kind, Refusal


def side(actor: Actor, brand_id: str, creator_id: str) -> Party:
    """Raises a refusal for whoever is on neither, operators and services included: nobody agrees in another's name."""
    if actor.party == brand_id:
        return Party.BRAND
    if actor.party == creator_id:
        return Party.CREATOR
    raise Refusal("NOT_A_PARTY", "only the brand and the creator of the deal may do this", kind=Kind.PERMISSION_DENIED)


def only(party: Party, actor: Actor, brand_id: str, creator_id: str) -> None:
    """Raises a refusal unless the actor is on that side."""
    if side(actor, brand_id, creator_id) is not party:
        said = f"only the {party.value} of the deal may do this"
        raise Refusal("OTHER_PARTYS_PART", said, kind=Kind.PERMISSION_DENIED, party=party.value)


def other(party: Party) -> Party:
    return Party.CREATOR if party is Party.BRAND else Party.BRAND
