"""What a contract is about: who, what, for how much. It does not change once it is drafted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from libs.events.catalog.values import Brief, Party, Terms
from libs.events.decider import Actor
from services.campaigns.domain.parties import only, side


class Names(TypedDict):
    """What every event of a contract names."""

    contract_id: str
    campaign_id: str
    brand_id: str
    creator_id: str


@dataclass(frozen=True, slots=True)
class Deal:
    names: Names
    engagement_id: str
    terms: Terms
    brief: Brief
    terms_hash: str
    policy_version: int
    sign_by: datetime

    def side(self, actor: Actor) -> Party:
        return side(actor, self.names["brand_id"], self.names["creator_id"])

    def only(self, party: Party, actor: Actor) -> None:
        """Raises a refusal unless the actor is on that side of the deal."""
        only(party, actor, self.names["brand_id"], self.names["creator_id"])
