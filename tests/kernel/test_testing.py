"""The testing kit: specifications hold where the rules do, and fail where they do not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from libs.events.testing import check_legal, given
from tests.kernel.jars import (
    ANN,
    BEN,
    JAR,
    Absent,
    AddCoin,
    AddPair,
    Closed,
    CloseIfEmpty,
    CloseJar,
    CoinAdded,
    JarClosed,
    JarOpened,
    Open,
    OpenJar,
    jar,
)

OPENED = JarOpened(jar_id=JAR, party=ANN.party or "")
COIN = CoinAdded(jar_id=JAR, cents=5, currency="EUR")


def test_the_specification_of_a_jar() -> None:
    given(jar).when(OpenJar(jar_id=JAR), actor=ANN).then(OPENED)
    given(jar, OPENED, COIN).when(CloseJar(jar_id=JAR)).then(JarClosed(jar_id=JAR, cents=5))
    given(jar, OPENED).when(AddCoin(jar_id=JAR, cents=0)).then_nothing()
    given(jar, OPENED).when(AddCoin(jar_id=JAR, cents=-1)).then_refused("COIN_NEGATIVE", cents=-1)
    given(jar, OPENED).when(CloseJar(jar_id=JAR), actor=BEN).then_refused("NOT_FOUND")
    given(jar).when(CloseJar(jar_id=JAR)).then_refused("NOT_FOUND")
    closed = JarClosed(jar_id=JAR, cents=0)
    given(jar, OPENED, closed).when(CloseJar(jar_id=JAR)).then_refused("ILLEGAL_TRANSITION", state="Closed", legal=[])


@pytest.mark.parametrize("events", [(), (COIN, COIN), (OPENED,)])
def test_a_specification_fails_on_other_events(events: tuple[CoinAdded, ...]) -> None:
    with pytest.raises(AssertionError):
        given(jar, OPENED).when(AddCoin(jar_id=JAR, cents=5)).then(*events)


def test_a_specification_fails_on_another_refusal_and_on_none() -> None:
    with pytest.raises(AssertionError, match="COIN_NEGATIVE"):
        given(jar, OPENED).when(AddCoin(jar_id=JAR, cents=-1)).then_refused("OTHER")
    with pytest.raises(AssertionError, match="not refused"):
        given(jar, OPENED).when(AddCoin(jar_id=JAR, cents=1)).then_refused("OTHER")


STATES = (Absent(), Open(ANN.party or ""), Closed(ANN.party or "", 5))
COMMANDS = (
    OpenJar(jar_id=JAR),
    AddCoin(jar_id=JAR, cents=1),
    AddPair(jar_id=JAR, cents=1),
    CloseJar(jar_id=JAR),
    CloseIfEmpty(jar_id=JAR),
)


def test_legal_agrees_with_decide() -> None:
    check_legal(jar, STATES, COMMANDS, ignored=(CloseIfEmpty,))


def test_a_legal_table_that_disagrees_is_found_out() -> None:
    too_much = replace(jar, legal={**jar.legal, Absent: (OpenJar, CloseJar)})
    too_little = replace(jar, legal={**jar.legal, Open: (AddCoin, AddPair, CloseIfEmpty)})
    for wrong, told in ((too_much, "CloseJar while Absent is in"), (too_little, "CloseJar while Open is not in")):
        with pytest.raises(AssertionError, match=told):
            check_legal(wrong, STATES, COMMANDS, ignored=(CloseIfEmpty,))
    with pytest.raises(AssertionError, match="no CloseJar was offered"):
        check_legal(jar, STATES, COMMANDS[:3], ignored=(CloseIfEmpty,))
