"""How old events are read: as the newest version, by pure steps, from whatever version was stored."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as some
from pydantic import ValidationError

from libs.events.envelope import GENESIS, NO_MARK, Meta, NewCommit, StoredEvent, from_cloudevent, recorded, to_cloudevent
from libs.events.handler import CommandHandler
from libs.events.memory import EPOCH, LoopClock, MemoryCommitLog
from libs.events.registry import Event, Registry, UnknownEventType, UnknownEventVersion, event, upcaster
from libs.events.testing import run_virtual
from tests.kernel.jars import ANN, JAR, JARS, AddCoin, CoinAdded, Open, jar, key

TYPE = "limelight.shop.Sold"
SHOP = Registry()


@event(TYPE, version=3, into=SHOP)
class Sold(Event):
    shop_id: str
    amount: int
    currency: str
    gift: bool = False


@upcaster(TYPE, from_version=1, into=SHOP)
def price_was_in_euros(data: dict[str, Any]) -> dict[str, Any]:
    return {"shop_id": data["shop_id"], "cents": round(data["price"] * 100)}


@upcaster(TYPE, from_version=2, into=SHOP)
def cents_were_euros(data: dict[str, Any]) -> dict[str, Any]:
    return {"shop_id": data["shop_id"], "amount": data["cents"], "currency": "EUR"}


GOLDEN = {
    1: {"shop_id": "s", "price": 12.34},
    2: {"shop_id": "s", "cents": 1234},
    3: {"shop_id": "s", "amount": 1234, "currency": "EUR"},
}
"""One event as each version stored it."""


@pytest.mark.parametrize("version", GOLDEN)
def test_every_version_ever_stored_is_read_as_the_newest(version: int) -> None:
    assert SHOP.decode(TYPE, version, GOLDEN[version]) == Sold(shop_id="s", amount=1234, currency="EUR")


@for_all(some.floats(min_value=0, max_value=1e12))
def test_upcasters_are_total_and_leave_what_they_are_given_alone(price: float) -> None:
    data = {"shop_id": "s", "price": price}
    assert isinstance(SHOP.decode(TYPE, 1, data), Sold)
    assert data == {"shop_id": "s", "price": price}


def test_fields_of_a_later_compatible_writer_are_ignored() -> None:
    assert SHOP.decode(TYPE, 3, {**GOLDEN[3], "colour": "red"}) == SHOP.decode(TYPE, 3, GOLDEN[3])


def test_what_cannot_be_read_is_told_apart() -> None:
    with pytest.raises(UnknownEventType):
        SHOP.decode("limelight.shop.Painted", 1, {})
    with pytest.raises(UnknownEventVersion, match="newest known here is 3"):
        SHOP.decode(TYPE, 4, {})
    with pytest.raises(ValidationError):
        SHOP.decode(TYPE, 3, {"shop_id": "s"})


def test_a_type_or_a_step_is_registered_once() -> None:
    with pytest.raises(ValueError, match="registered twice"):
        event(TYPE, version=4, into=SHOP)(type("Sold", (Event,), {}))
    with pytest.raises(ValueError, match="registered twice"):
        SHOP.add_upcaster(TYPE, 1, dict)


def test_events_are_frozen() -> None:
    with pytest.raises(ValidationError):
        Sold(shop_id="s", amount=1, currency="EUR").gift = True  # type: ignore[misc]


# --- where old events come from ---------------------------------------------------------------------------------------

OLD_COIN = StoredEvent("e-2", "limelight.jars.CoinAdded", 1, {"jar_id": JAR, "cents": 5})


async def old_history(log: MemoryCommitLog) -> None:
    """A jar as it was stored before coins had a currency."""
    opened = StoredEvent("e-1", "limelight.jars.JarOpened", 1, {"jar_id": JAR, "party": ANN.party})
    await log.append(NewCommit(JAR, 0, GENESIS, key("old"), EPOCH, Meta(str(ANN), "c"), (opened, OLD_COIN)))


def test_rules_decide_on_old_events_as_on_new_ones() -> None:
    async def main() -> None:
        log = MemoryCommitLog()
        await old_history(log)
        handler = CommandHandler(log, LoopClock(), known=JARS)
        done = await handler.handle(jar, AddCoin(jar_id=JAR, cents=1), actor=ANN, commit_id=key("coin"))
        assert (done.version, done.state) == (3, Open(ANN.party or "", 6))
        assert [stored.v for commit in await log.read(0, 10) for stored in commit.events] == [1, 1, 2]

    run_virtual(main())


def test_old_events_are_published_as_they_were_and_read_as_the_newest() -> None:
    async def main() -> None:
        log = MemoryCommitLog()
        await old_history(log)
        commit = (await log.read(0, 1))[0]
        headers, value = to_cloudevent(commit, 1, "jars", NO_MARK)
        read = from_cloudevent(dict(headers), value, JARS)
        assert dict(headers)["ce_type"] == b"limelight.jars.CoinAdded.v1"
        assert read.data == CoinAdded(jar_id=JAR, cents=5, currency="EUR")
        assert [event.data for event in recorded(commit, "jars", JARS)][1] == read.data

    run_virtual(main())
