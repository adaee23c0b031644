"""What is true of the repository as a whole."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.scoreboard import PAGE, page, reports

ROOT = Path(__file__).resolve().parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock")
MACHINE_PATH = re.compile(r"(?<![\w.$}/-])/(?:home|root|Users|work|mnt)/[\w.-]+")


def files() -> list[Path]:
    """Tracked files, and new ones that are not ignored."""
    argv = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    result = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        pytest.skip("not a git checkout: nothing says which files belong to it")
    return [ROOT / name for name in result.stdout.split("\0") if name and (ROOT / name).is_file()]


def pinned(lock: str) -> dict[str, str]:
    """Name -> version of a lock file."""
    return dict(re.findall(r"^([a-z0-9.-]+)(?:\[[^]]*\])?==(\S+)", (ROOT / lock).read_text(), re.MULTILINE))


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_versions_and_hashes_but_no_registry(lock: str) -> None:
    text = (ROOT / lock).read_text()

    assert "://" not in text
    assert not re.search(r"^\s*--(?!hash)", text, re.MULTILINE)
    for requirement in re.split(r"\n(?=\S)", text.strip()):
        assert re.match(r"[a-z0-9.-]+(\[[^]]*\])?==", requirement), requirement
        assert "--hash=sha256:" in requirement, requirement


def test_the_locks_agree_and_hold_what_the_project_asks_for() -> None:
    runtime, development = (pinned(lock) for lock in LOCKS)
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    names = {re.split(r"[\[<>=;~ ]", requirement)[0].lower().replace("_", "-") for requirement in asked}

    assert names <= runtime.keys()
    assert runtime.items() <= development.items()
    assert not {"noida-db", "secantusdb", "pytest"} & runtime.keys()


def test_no_file_names_a_place_on_somebodys_machine() -> None:
    found = []
    for file in files():
        try:
            text = file.read_text()
        except UnicodeDecodeError:
            continue
        found += [f"{file.relative_to(ROOT)}: {match.group()}" for match in MACHINE_PATH.finditer(text)]

    assert found == []


def test_every_make_target_that_a_page_names_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    pages = [file for file in files() if file.suffix == ".md"]
    named = {(page.name, target) for page in pages for target in re.findall(r"`make ([a-z]+)", page.read_text())}
    named |= {
        (page.name, target)
        for page in pages
        for target in re.findall(r"^(?:\$ )?make ([a-z]+)", page.read_text(), re.MULTILINE)
    }

    assert {(page, target) for page, target in named if target not in targets} == set()


def test_every_make_target_is_explained() -> None:
    makefile = (ROOT / "Makefile").read_text()

    assert set(re.findall(r"^\.PHONY: ([a-z]+)", makefile, re.MULTILINE)) == set(
        re.findall(r"^([a-z]+):.* ## ", makefile, re.MULTILINE)
    )


def test_the_scoreboard_is_what_the_reports_say() -> None:
    assert PAGE.read_text() == page(reports()), "make scoreboard"
