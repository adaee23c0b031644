"""Contacts: told to the creator itself, to operators, and to brands that it is engaged with; to nobody else."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from libs.chassis.rpcs import Reads
from libs.events.catalog.discovery import CreatorContactsChanged, CreatorErased
from libs.events.catalog.values import Party
from libs.events.decider import Actor, Refusal, Role
from libs.events.memory import ManualClock, MemoryCommitLog
from libs.events.registry import Event
from libs.events.testing import AT, OPERATOR, projected
from services.discovery.projections import contacts
from services.discovery.queries import GetContacts, get_contacts
from tests.unit.campaigns.examples import GLOW, opened
from tests.unit.discovery.examples import ANA, AS_ANA, AS_BEA
from tests.unit.read_models import views_of

told = CreatorContactsChanged(creator_id=ANA, legal_name="Ana Muster", email="ana@example.com")
engaged = opened(Party.BRAND).model_copy(update={"creator_id": ANA})
AS_GLOW, AS_OTHER = Actor("glow", Role.BRAND, GLOW), Actor("other", Role.BRAND, "brd_other00000")


async def asked(actor: Actor, *events: Event) -> Any:
    clock = ManualClock(AT)
    reads = Reads(actor, await views_of(clock, {contacts: events}), MemoryCommitLog(), clock)
    return await get_contacts(GetContacts(creator_id=ANA), reads)


@pytest.mark.parametrize("actor", [AS_ANA, OPERATOR, AS_GLOW], ids=["itself", "operator", "brand"])
async def test_contacts_are_told_to_whom_they_concern(actor: Actor) -> None:
    assert (await asked(actor, told, engaged))["legal_name"] == "Ana Muster"


@pytest.mark.parametrize("actor", [AS_BEA, AS_OTHER, AS_GLOW], ids=["creator", "brand", "too early"])
async def test_to_all_others_they_are_not_there(actor: Actor) -> None:
    facts = (told,) if actor is AS_GLOW else (told, engaged)
    with pytest.raises(Refusal, match="NOT_FOUND"):
        await asked(actor, *facts)


def test_an_erased_creator_has_none_in_whatever_order_its_engagements_come() -> None:
    """Found by the simulation: its own stream keeps its order, but others' come in between anywhere."""
    folded = {
        str(projected(contacts, *order)[ANA])
        for order in permutations((told, CreatorErased(creator_id=ANA), engaged))
        if order.index(told) < order.index(CreatorErased(creator_id=ANA))
    }
    assert folded == {str({"creator_id": ANA, "brands": [GLOW]})}
