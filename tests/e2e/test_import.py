"""A directory from a file: killed in the middle and repeated, everyone is there once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from cli.directory import creators
from cli.imports.place import Memory
from libs.events.testing import eventually
from tests.e2e.marketplace import Marketplace

COUNT = 600
FEW_REFUSED = (
    (b'{"handle": "nobody.sim", "bio": ', "MALFORMED_JSON"),
    (b'{"handle": "nobody.sim", "shoeSize": 38}', "UNKNOWN_FIELD"),
)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A directory with two lines in the middle that are not right."""
    made = [orjson.dumps(creator) for creator in creators(COUNT, 20_261_101, datetime.now(UTC))]
    middle = [line for line, _ in FEW_REFUSED]
    path = tmp_path / "creators.jsonl"
    path.write_bytes(b"\n".join([*made[: COUNT // 2], *middle, *made[COUNT // 2 :]]) + b"\n")
    return path


@pytest.mark.timeout(300)
async def test_an_import_that_was_killed_goes_on_and_one_that_is_repeated_changes_nothing(
    marketplace: Marketplace, directory: Path
) -> None:
    memory = Memory(marketplace.data, marketplace.url, directory)
    first = start(marketplace, directory)
    await eventually(lambda: memory.recall().lines > 0 or first.poll() is not None, timeout=60)
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert 0 < (there := memory.recall().lines) < COUNT, "killed in the middle"

    told = finished(start(marketplace, directory))
    assert f"{COUNT} creators are taken over, 2 rows are refused" in told
    assert "301   –" in told
    assert refused(directory) == [(301, "MALFORMED_JSON"), (302, "UNKNOWN_FIELD")]
    commits = await imported(marketplace)
    assert (len(commits), set(commits.values())) == (COUNT, {1}), f"went on after line {there}"

    assert finished(start(marketplace, directory)) == told
    assert refused(directory) == [(301, "MALFORMED_JSON"), (302, "UNKNOWN_FIELD")]
    assert await imported(marketplace) == commits


def start(marketplace: Marketplace, path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "cli.main", "import", "creators", str(path), "--data-dir", str(marketplace.data)]
    environment = {**os.environ, "COLUMNS": "120"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)


def finished(importing: subprocess.Popen[str]) -> str:
    told, _ = importing.communicate(timeout=120)
    assert importing.returncode == 1, told
    return told


def refused(path: Path) -> list[tuple[int, str]]:
    report = path.with_name(f"{path.name}.refused.jsonl").read_bytes().splitlines()
    return [(row["line"], row["code"]) for row in map(orjson.loads, report)]


async def imported(marketplace: Marketplace) -> Counter[str]:
    """Commits by creator, of those that an import brought."""
    return Counter(one.stream for one in await marketplace.commits("discovery") if "limelight-import" in one.meta.actor)
