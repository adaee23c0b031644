"""What clients were told, against what is stored."""

from __future__ import annotations

from collections import Counter

from cli.console import SERVICES
from tests.chaos.traffic import Seen
from tests.e2e.marketplace import Marketplace


async def what_was_told_stands(marketplace: Marketplace, seen: Seen) -> None:
    """Every accepted command is one commit, at the position and version that it was answered with; of a refused one nothing
    is stored."""
    logs = {service: await marketplace.commits(service) for service in SERVICES}
    counted = Counter(commit.commit_id for commits in logs.values() for commit in commits)
    for told in seen.accepted:
        assert counted[told.commit_id] == 1, f"{told} is stored {counted[told.commit_id]} times"
        commit = logs[told.service][told.position - 1]
        assert commit.commit_id == told.commit_id, f"{told} is not where it was said to be: {commit}"
        assert told.version in (0, commit.last), f"{told} left version {commit.last}"
    written = [refused for refused in seen.refused if counted[refused[1]]]
    assert not written, f"refused, and yet stored: {written}"
