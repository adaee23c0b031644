"""What the database answers when it cannot, as the kernel is told of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pymongo import MongoClient as Driver

from deploy.local.embedded import HOST, Embedded
from libs.chassis.mongo import MongoClient, MongoDatabase
from libs.events.database import Swap
from libs.events.ports import Unavailable

INTERNAL_ERROR, OUT_OF_DISK_SPACE, TYPE_MISMATCH = 1, 14031, 14


@pytest.fixture
async def failing(tmp_path: Path) -> AsyncIterator[tuple[MongoDatabase, Driver[dict[str, object]]]]:
    """A database, and a way to have it fail."""
    server = Embedded.mongo(tmp_path / "data")
    server.argv.append("--enable-test-commands")
    server.start()
    url = f"mongodb://{HOST}:{server.port}"
    client, driver = MongoClient(url), Driver(url)
    yield client.database("trial"), driver
    client.close()
    driver.close()
    server.stop(grace=3.0)


def fail(driver: Driver[dict[str, object]], code: int) -> None:
    data = {"failCommands": ["find", "insert", "update"], "errorCode": code}
    driver.admin.command({"configureFailPoint": "failCommand", "mode": "alwaysOn", "data": data})


@pytest.mark.parametrize("code", [INTERNAL_ERROR, OUT_OF_DISK_SPACE])
async def test_a_failure_of_the_server_is_an_outage_and_nobodys_fault(
    failing: tuple[MongoDatabase, Driver[dict[str, object]]], code: int
) -> None:
    """Found by the chaos suite, seed 2: a database without room answered so, events were taken for unreadable, and clients got
    500 in the place of 503."""
    database, driver = failing
    await database.insert_in_order("things", [{"_id": "a"}])
    fail(driver, code)
    with pytest.raises(Unavailable):
        await database.find("things", {})
    with pytest.raises(Unavailable):
        await database.insert_in_order("things", [{"_id": "b"}])
    with pytest.raises(Unavailable):
        await database.swap("things", [Swap({"_id": "a"}, {"_id": "a", "n": 1})])


async def test_a_request_that_can_never_be_answered_is_no_outage(
    failing: tuple[MongoDatabase, Driver[dict[str, object]]],
) -> None:
    database, driver = failing
    fail(driver, TYPE_MISMATCH)
    with pytest.raises(Exception) as failed:
        await database.find("things", {})
    assert not isinstance(failed.value, Unavailable)
