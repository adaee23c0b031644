"""The protos keep the house's rules; `buf lint` reads the compiled set, so no network is needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from libs.chassis import build_protos

CONFIG = build_protos.PROTOS / "buf.yaml"
BUF = Path(sys.executable).parent / "buf"


def lint(descriptor_set: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BUF, "lint", descriptor_set, "--config", CONFIG], capture_output=True, text=True, timeout=60)


def test_buf_finds_nothing_to_say(tmp_path: Path) -> None:
    found = lint(build_protos.build(output=tmp_path / "limelight.binpb"))
    assert (found.returncode, found.stdout) == (0, ""), found.stdout + found.stderr


@pytest.mark.parametrize(
    ("proto", "rule"),
    [
        ("message Undescribed { string a = 1; }", "should have a non-empty comment"),
        ("// A kind.\nenum Kind { NOVEL = 0; }", "KIND_"),
        ("// A book.\nmessage Book {\n  // Its id.\n  string bookId = 1;\n}", "lower_snake_case"),
    ],
)
def test_a_rule_that_is_broken_is_found(tmp_path: Path, proto: str, rule: str) -> None:
    place = tmp_path / "protos" / "limelight" / "broken" / "v1"
    place.mkdir(parents=True)
    (place / "broken.proto").write_text(f'syntax = "proto3";\npackage limelight.broken.v1;\n{proto}\n')
    found = lint(build_protos.build(tmp_path / "protos", tmp_path / "broken.binpb"))
    assert found.returncode != 0
    assert rule in found.stdout
