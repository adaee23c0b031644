"""A table of contents that does not fit its protos stops the start."""

from __future__ import annotations

import pytest

from libs.chassis.descriptors import Protos
from libs.chassis.issuer import DevelopmentIssuer
from libs.chassis.rpcs import Rpc, command, get, query, webhook
from libs.chassis.table import TableError
from libs.events.memory import ManualClock
from tests.unit.chassis.notes import (
    RPCS,
    CountNotes,
    EditNote,
    ListNotes,
    NameShelf,
    WriteNote,
    count_notes,
    hear_note,
    list_notes,
    shelf,
    world,
)

HEARS = webhook(hear_note)


def misfit(protos: Protos, issuer: DevelopmentIssuer, clock: ManualClock, **changed: Rpc | None) -> str:
    table = {name: rpc for name, rpc in {**RPCS, **changed}.items() if rpc is not None}
    with pytest.raises(TableError) as error:
        world(protos, issuer, clock, table)
    return str(error.value)


def test_a_table_that_does_not_fit_the_protos_stops_the_start(
    protos: Protos, issuer: DevelopmentIssuer, clock: ManualClock
) -> None:
    assert misfit(protos, issuer, clock, GetNote=None) == "GetNote: in the protos, not in the table"
    assert misfit(protos, issuer, clock, More=command(WriteNote)) == "More: in the table, not in the protos"
    assert "only a watch" in misfit(protos, issuer, clock, WatchNotes=query(CountNotes, count_notes))
    assert "NameShelf: the request lacks text" in misfit(protos, issuer, clock, NameShelf=command(WriteNote))
    assert "WriteNote does not take name" in misfit(protos, issuer, clock, NameShelf=command(WriteNote))
    assert "comes from the token" in misfit(protos, issuer, clock, EditNote=command(EditNote, id="party"))
    assert "request lacks shelf_id" in misfit(protos, issuer, clock, GetNote=get(shelf))
    assert "names no read model" in misfit(protos, issuer, clock, ListNotes=query(ListNotes, list_notes))
    assert "CountNotes: the request lacks headers, payload, sender" in misfit(protos, issuer, clock, CountNotes=HEARS)
    assert "must be public" in misfit(protos, issuer, clock, WriteNote=HEARS)
    assert "has not: others" in misfit(protos, issuer, clock, ListNotes=query(ListNotes, list_notes, "others"))


def test_all_misfits_are_told_at_once(protos: Protos, issuer: DevelopmentIssuer, clock: ManualClock) -> None:
    said = misfit(protos, issuer, clock, GetNote=None, EditNote=command(NameShelf))
    assert said.count("\n") == 2
