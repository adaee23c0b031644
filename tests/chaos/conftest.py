"""One stack for all of it, behind proxies; `CHAOS` says how long it is tormented, `SEED` which schedule it is, `KAFKA` on which
Kafka."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from cli.console import out
from deploy.local.kafka import Kafka
from libs.chassis import build_protos
from tests.chaos.schedule import LONG, SHORT, Form
from tests.chaos.stack import Stack, started
from tests.scoreboard import Row, write_report

REPORT = Path(__file__).with_name("report.json")


@pytest.fixture(scope="session")
def form() -> Form:
    return LONG if os.environ.get("CHAOS") == "long" else SHORT


@pytest.fixture(scope="session")
def seed() -> int:
    given = os.environ.get("SEED")
    return int(given) if given else secrets.randbelow(1_000_000)


@pytest.fixture(scope="session", autouse=True)
def command(local_kafka: Kafka, form: Form, seed: int) -> str:
    """What has this run again. Printed, also should none end."""
    chosen = "" if local_kafka is Kafka.EMBEDDED else f" KAFKA={local_kafka}"
    told = f"make chaos CHAOS={form.name} SEED={seed}{chosen}"
    out.print(f"\nThis run again: {told}")
    return told


@pytest.fixture(scope="session")
def shown(request: pytest.FixtureRequest, form: Form, seed: int) -> Iterator[list[Row]]:
    """What the tests have shown. The long form's is the suite's report; the short form's does not take its place."""
    rows: list[Row] = []
    yield rows
    if rows and not request.session.testsfailed:
        path = REPORT if form is LONG else build_protos.OUTPUT.with_name("chaos-report.json")
        write_report(path, rows, seed=seed, form=form.name)


@pytest.fixture(scope="session")
async def stack(local_kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    async with started(tmp_path_factory.mktemp("chaos"), local_kafka) as running:
        yield running
