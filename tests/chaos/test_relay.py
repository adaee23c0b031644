"""Row 12: a relay that is killed again and again while events come loses none, turns none around, repeats no more than it had
in hand, and goes on soon."""

from __future__ import annotations

import asyncio
import random
import statistics
import sys
import time
from collections import Counter

import pytest

from libs.chassis.mongo import MongoDatabase
from libs.chassis.system import SystemClock, SystemIds
from libs.events.documents import MongoDocuments
from libs.events.envelope import Commit, topic
from libs.events.relay import RELAYS
from libs.events.store import MongoCommitLog
from libs.events.testing import eventually
from tests.chaos.schedule import Form
from tests.infra.kafka.checks import read_all, streams_skip_nothing
from tests.kernel.commits import new_commit
from tests.scoreboard import Row

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1_200)]
STREAMS, EVENTS, EVERY = 20, 2, 0.01
"""Streams; events of a commit; seconds between two commits."""
PAGE = 20 * EVENTS
"""Messages that the relay process has in hand at most."""
RESUMED = 5.0
"""Seconds from a kill to the next published event, the process's start included."""


class Log:
    """Written to by this process, published by another."""

    def __init__(self, database: MongoDatabase, service: str) -> None:
        clock, ids = SystemClock(), SystemIds()
        self.log, self.documents = MongoCommitLog(database, clock, ids), MongoDocuments(database, ids)
        self.service, self.stored = service, list[Commit]()
        self._last: dict[int, Commit] = {}

    async def append(self, enough: asyncio.Event) -> None:
        while not enough.is_set():
            stream = len(self.stored) % STREAMS
            placed = await self.log.append(new_commit(f"jar_{stream}", after=self._last.get(stream), events=EVENTS))
            self._last[stream] = placed.commit
            self.stored.append(placed.commit)
            await asyncio.sleep(EVERY)

    async def published(self) -> int:
        found = (await self.documents.get(RELAYS, [self.service])).get(self.service)
        return int(found.body["position"]) if found else 0

    async def all_is_published(self) -> bool:
        return await self.published() == len(self.stored)

    async def moves_on(self, writing: asyncio.Future[None]) -> None:
        """Returns when something more is published than now."""
        before = await self.published()

        async def has_moved() -> bool:
            if writing.done():
                writing.result()
            return await self.published() > before

        await eventually(has_moved, timeout=60, every=0.01)


async def test_a_relay_that_is_killed_again_and_again_loses_nothing_and_repeats_little(
    mongo: str, kafka: str, database: MongoDatabase, service_name: str, form: Form, seed: int, shown: list[Row], command: str
) -> None:
    log, chance, resumed = Log(database, service_name), random.Random(seed), list[float]()
    argv = (sys.executable, "-m", "tests.kernel.relay_process", mongo, kafka, service_name, "one")
    relay, enough = await asyncio.create_subprocess_exec(*argv), asyncio.Event()
    writing = asyncio.ensure_future(log.append(enough))
    try:
        for _ in range(form.relay_kills):
            await log.moves_on(writing)
            await asyncio.sleep(chance.uniform(0, 0.3))
            relay.kill()
            await relay.wait()
            killed = time.monotonic()
            relay = await asyncio.create_subprocess_exec(*argv)
            await log.moves_on(writing)
            resumed.append(time.monotonic() - killed)
        enough.set()
        await writing
        await eventually(log.all_is_published, timeout=60, every=0.05)
    finally:
        enough.set()
        if relay.returncode is None:
            relay.kill()
        await relay.wait()
        await asyncio.gather(writing, return_exceptions=True)
    read = await read_all(kafka, topic(service_name))
    streams_skip_nothing(read)
    kinds = Counter((message.key, int(message.headers["ce_streamversion"])) for message in read)
    wanted = {(commit.stream, version) for commit in log.stored for version in range(commit.first, commit.last + 1)}
    repeated = kinds.total() - len(kinds)
    assert kinds.keys() == wanted, f"lost: {sorted(wanted - kinds.keys())[:5]}, unknown: {sorted(kinds.keys() - wanted)[:5]}"
    assert repeated <= PAGE * form.relay_kills, f"{repeated} repeated"
    assert statistics.median(resumed) <= RESUMED, f"{resumed}"
    ours = (
        f"{form.relay_kills} kills during {len(wanted):,} events: 0 lost, 0 turned around, {repeated} repeated (at most {PAGE} "
        f"a kill), published again after {statistics.median(resumed):.1f} s, at most {max(resumed):.1f} s"
    )
    shown.append(Row("a relay killed again and again, under appending", "Debezium; 5 s", ours, command))
