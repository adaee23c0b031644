"""Members of a group come, go and freeze while coins flow: nothing is skipped, and every coin counts once."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections import deque

import pytest

from libs.chassis.mongo import MongoDatabase
from libs.chassis.system import SystemIds
from libs.events.documents import MongoDocuments
from libs.events.testing import eventually
from tests.infra.kafka.cluster import Cluster
from tests.infra.kafka.conftest import Report
from tests.infra.kafka.flow import Flow, bus_of, group_of

pytestmark = [pytest.mark.apache, pytest.mark.timeout(300)]

CHANGES = 20


async def test_members_join_and_leave_in_a_storm(cluster: Cluster, service_name: str, report: Report) -> None:
    flow = Flow(cluster.bootstrap, service_name)
    buses = deque(bus_of(cluster.bootstrap) for _ in range(CHANGES))
    async with flow.running():
        guests = deque()
        for change in range(CHANGES):
            if change % 4 < 2:
                guests.append(flow.member(buses[change]))
                await guests[-1].start()
            else:
                await guests.popleft().stop()
            await flow.goes_on(20)
        assert not guests
    for bus in buses:
        await bus.stop()
    await flow.check()
    again = flow.delivered - flow.added
    report(
        "rebalance storm: members join and leave while events flow",
        "Jepsen (Redpanda): no gap or inversion inside a poll; order per key",
        f"{flow.added:,} events over {CHANGES} changes of the group: 0 skipped, 0 out of order per key, {again} handled again, "
        f"longest silence {flow.longest_silence:.1f} s; the view equals the fold of the log",
    )


async def test_a_frozen_member_that_comes_back_changes_nothing(
    cluster: Cluster, service_name: str, mongo: str, database: MongoDatabase, report: Report
) -> None:
    """It is stopped with a batch in hand until the group has given it up, and goes on with that batch when others are ahead."""
    flow = Flow(cluster.bootstrap, service_name, MongoDocuments(database, SystemIds()))
    zombie = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.infra.kafka.member_process", cluster.bootstrap, mongo, service_name),
        stdout=asyncio.subprocess.PIPE,
    )
    assert zombie.stdout is not None
    try:
        async with flow.running():
            await asyncio.wait_for(zombie.stdout.readline(), 60)
            zombie.send_signal(signal.SIGSTOP)
            await eventually(lambda: _members(cluster, service_name, 1), timeout=60.0, every=0.2)
            await flow.goes_on()
            frozen = flow.added
            zombie.send_signal(signal.SIGCONT)
            await eventually(lambda: _members(cluster, service_name, 2), timeout=60.0, every=0.2)
            await asyncio.wait_for(zombie.stdout.readline(), 60)
            await flow.goes_on()
            zombie.kill()
            await zombie.wait()
    finally:
        if zombie.returncode is None:
            zombie.kill()
    report(
        "zombie: a member frozen (SIGSTOP) with a batch in hand past its session comes back",
        "reliability row 14: the late write is refused by the high-water mark, 0 regressions",
        f"{flow.added:,} events, {frozen:,} of them before it came back: 0 lost, 0 counted twice; the view equals the fold of "
        "the log",
    )


async def _members(cluster: Cluster, service: str, amount: int) -> bool:
    return await cluster.members(group_of(service)) == amount
