"""A cluster for all tests in here, whole again before each of them; and what they report."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from deploy.local.kafka import Kafka
from libs.events.testing import eventually
from tests.infra.kafka.cluster import BROKERS, Cluster
from tests.scoreboard import Row, read_rows, write_report

REPORT = Path(__file__).with_name("report.json")
COMMAND = "make test KAFKA=apache ARGS=tests/infra/kafka"

Report = Callable[[str, str, str], None]
"""Property, anchor's figure, ours."""


@pytest.fixture(scope="session")
def three_brokers(local_kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    if local_kafka is not Kafka.APACHE:
        pytest.skip("needs Apache Kafka: KAFKA=apache")
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    cluster.start()
    try:
        yield cluster
    finally:
        cluster.destroy()


@pytest.fixture
async def cluster(three_brokers: Cluster) -> AsyncIterator[Cluster]:
    three_brokers.start()

    async def has_all_brokers() -> bool:
        async with three_brokers.admin() as admin:
            return len((await admin.describe_cluster())["brokers"]) == len(BROKERS)

    await eventually(has_all_brokers, timeout=60.0, every=0.1)
    yield three_brokers
    three_brokers.thaw(*BROKERS)


@pytest.fixture(scope="session")
def report() -> Iterator[Report]:
    """Rows replace those of an earlier run, so that a part of the suite keeps the others'."""
    rows = {row.property: row for row in (read_rows(REPORT) if REPORT.exists() else ())}

    def tell(property: str, anchor: str, ours: str) -> None:
        rows[property] = Row(property, anchor, ours, COMMAND)

    yield tell
    if rows:
        write_report(REPORT, rows.values())
