"""Every command in README.md and ARCHITECTURE.md is run: what make does by its plan, everything else for real."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.marketplace import Marketplace

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    """The lines of all `sh` blocks, without their remarks."""
    pages = [(ROOT / name).read_text() for name in ("README.md", "ARCHITECTURE.md")]
    lines = [line for page in pages for block in BLOCK.findall(page) for line in block.splitlines()]
    return [line.split("  #")[0].rstrip() for line in lines if line.strip()]


def test_the_readme_sets_everything_up_by_two_commands() -> None:
    assert [line.split()[:2] for line in commands() if line.startswith("make")] == [["make", "run"], ["make", "test"]]


@pytest.mark.timeout(150)
@pytest.mark.parametrize("command", commands())
def test_a_command_of_the_pages_works(marketplace: Marketplace, command: str) -> None:
    if command.startswith("make"):
        command = command.replace("make", "make --dry-run", 1)
    told = subprocess.run(
        ["bash", "-c", command.replace("http://127.0.0.1:8080", marketplace.url)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=ROOT,
        env={
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "LIMELIGHT_DATA_DIR": str(marketplace.data),
        },
    )
    assert told.returncode == 0, told.stdout + told.stderr
    assert told.stdout.strip(), "it says something"
