"""One marketplace for the tests that leave it running."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deploy.local.kafka import Kafka
from tests.e2e.marketplace import Marketplace


@pytest.fixture(scope="package")
def marketplace(local_kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Marketplace]:
    """On the Kafka that `KAFKA` names, which `limelight up` reads too. Ends with the last test here: even when nobody asks it
    anything it keeps a processor busy."""
    running = Marketplace(tmp_path_factory.mktemp("marketplace"))
    running.up()
    try:
        yield running
    finally:
        running.down()
