"""The story of `limelight demo` on virtual time: the same plot, the same gateway and services, no wire."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.story import Deal, Silent, play
from libs.events.memory import SeededIds
from libs.events.store import MongoCommitLog
from libs.events.verify import verify_log
from libs.events.virtual_time import run_virtual
from tests.simulation.marketplace import SERVICES, Marketplace


async def _story(directory: Path, seed: int) -> tuple[Deal, dict[str, list[str]]]:
    async with Marketplace(directory, seed) as marketplace:
        deal = await play(marketplace.api, Silent(), seed=seed, creators=200, now=marketplace.clock.now)
        hashes = {}
        for name in SERVICES:
            log = MongoCommitLog(marketplace.databases[name], marketplace.clock, SeededIds())
            assert await verify_log(log) is None
            hashes[name] = [commit.hash for commit in await log.read(0, 100_000)]
        return deal, hashes


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Deal, dict[str, list[str]]]:
    return run_virtual(_story(tmp_path_factory.mktemp("issuer"), 1))


def test_the_story_holds_in_memory(told: tuple[Deal, dict[str, list[str]]]) -> None:
    deal, hashes = told
    assert len(deal.facts) >= 40
    assert all(hashes[name] for name in SERVICES)
