"""The library: a service of one proto, compiled for these tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from libs.chassis import build_protos, descriptors

PROTOS = Path(__file__).parent / "protos"


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> descriptors.Protos:
    return descriptors.load(build_protos.build(PROTOS, tmp_path_factory.mktemp("protos") / "library.binpb"))
