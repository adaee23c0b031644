"""`limelight up --kafka apache`: a run keeps the Kafka that it began with, and another Kafka is given everything again."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli import state
from cli.console import SERVICES
from deploy.local.kafka import Kafka
from libs.events.testing import eventually
from tests.e2e.marketplace import Marketplace

pytestmark = [pytest.mark.apache, pytest.mark.timeout(400)]


async def test_a_run_keeps_its_kafka_and_fills_another(
    local_kafka: Kafka, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if local_kafka is not Kafka.APACHE:
        pytest.skip("needs Apache Kafka: KAFKA=apache")
    marketplace = Marketplace(tmp_path)
    marketplace.up()
    try:
        await has_everything(marketplace)
        marketplace.down()
        monkeypatch.delenv("KAFKA")
        marketplace.up()
        assert (found := state.running(tmp_path)) is not None
        assert found.kafka is Kafka.APACHE
        await has_everything(marketplace)
        marketplace.down()
        monkeypatch.setenv("KAFKA", Kafka.EMBEDDED)
        marketplace.up()
        await has_everything(marketplace)
    finally:
        marketplace.down()


async def has_everything(marketplace: Marketplace) -> None:
    """Every stored event of the seed data stands in Kafka."""

    async def published() -> bool:
        for service in SERVICES:
            stored = {event.id for commit in await marketplace.commits(service) for event in commit.events}
            heard = {dict(record.headers)["ce_id"].decode() for record in await marketplace.published(service)}
            if not stored <= heard:
                return False
        return await marketplace.stored() > 0

    await eventually(published, timeout=60.0, every=0.5)
