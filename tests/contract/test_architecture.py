"""The import rules of pyproject.toml hold, and each of them can fail."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = [
    contract["id"] for contract in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
]

PLANTED = {
    "independent-services": ("services/campaigns/queries.py", "import services.payments.settings"),
    "pure-domain": ("services/payments/domain/payment.py", "import random"),
    "kernel-below": ("libs/events/handler.py", "import libs.chassis.settings"),
    "driver-in-one-place": ("libs/events/relay.py", "import pymongo"),
    "libraries-below": ("libs/chassis/errors.py", "import services.gateway.settings"),
    "services-without-cli": ("services/gateway/app.py", "import cli.console"),
    "embedded-servers-are-processes": ("libs/chassis/system.py", "import noida_db"),
}
"""Contract -> a file and the import in it that breaks the contract."""


def lint_imports(directory: Path, *options: str) -> subprocess.CompletedProcess[str]:
    argv = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", *options]
    return subprocess.run(argv, cwd=directory, capture_output=True, text=True, check=False, timeout=100)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code that the rules are about, to be damaged."""
    directory = tmp_path_factory.mktemp("architecture")
    shutil.copy(ROOT / "pyproject.toml", directory)
    for package in ("libs", "services", "cli", "tests/contract"):
        shutil.copytree(ROOT / package, directory / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "tests" / "__init__.py", directory / "tests")
    return directory


def test_every_import_rule_is_kept() -> None:
    result = lint_imports(ROOT)

    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("contract", CONTRACTS)
def test_a_planted_import_breaks_the_rule(contract: str, copy: Path) -> None:
    name, line = PLANTED[contract]
    file = copy / name
    kept = file.read_text()
    file.write_text(f"{kept}\n{line}\n")
    try:
        result = lint_imports(copy, "--contract", contract)
    finally:
        file.write_text(kept)

    assert result.returncode == 1, result.stdout + result.stderr
    assert "0 kept, 1 broken" in result.stdout
