from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from libs.chassis import build_protos, descriptors
from libs.chassis.issuer import DevelopmentIssuer
from libs.events.memory import ManualClock
from tests.unit.chassis.notes import HERE, World, world


@pytest.fixture(scope="session")
def protos(tmp_path_factory: pytest.TempPathFactory) -> descriptors.Protos:
    """The tiny service's descriptors, compiled like the real ones."""
    directory = tmp_path_factory.mktemp("protos")
    shutil.copytree(build_protos.PROTOS / "limelight" / "access", directory / "limelight" / "access")
    notes = directory / "limelight" / "notes" / "v1"
    notes.mkdir(parents=True)
    shutil.copy(HERE / "notes.proto", notes)
    return descriptors.load(build_protos.build(directory, tmp_path_factory.mktemp("build") / "notes.binpb"))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 11, 22, 14, tzinfo=UTC))


@pytest.fixture
def issuer(tmp_path: Path, clock: ManualClock) -> DevelopmentIssuer:
    return DevelopmentIssuer(tmp_path / "issuer", clock=clock)


@pytest.fixture
def notes(protos: descriptors.Protos, issuer: DevelopmentIssuer, clock: ManualClock) -> World:
    return world(protos, issuer, clock)
