"""Everything that can go wrong with processes, stores and the network between them, under traffic that does not wait."""

from __future__ import annotations

import pytest

from tests.chaos.schedule import TOXICS, Form, schedule
from tests.chaos.stack import Stack
from tests.chaos.storm import Storm, rage
from tests.chaos.traffic import Traffic, told
from tests.scoreboard import Row

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(5_400)]


async def test_nothing_accepted_is_lost_and_nothing_is_done_twice(
    stack: Stack, form: Form, seed: int, shown: list[Row], command: str
) -> None:
    traffic = Traffic(stack, seed, form.rate)
    storm = await rage(stack, form, schedule(seed, form, stack.processes(), sorted(stack.edges)), traffic)
    assert {"released", "refunded", "declined", "expired"} <= set(traffic.seen.ended), "every ending was seen"
    assert storm.tally.kills >= form.kills + form.store_kills, "what was to be killed was running"
    shown += _rows(storm, traffic, command)


def _rows(storm: Storm, traffic: Traffic, command: str) -> list[Row]:
    kills, faults, audited = storm.tally.kills, storm.tally.faults, storm.audited
    assert audited is not None
    accepted, deals = len(traffic.seen.accepted), sum(traffic.seen.ended.values())
    cut, again = sum(faults.get(toxic, 0) for toxic in TOXICS), audited.published - audited.events
    frozen, rebuilt, stops = (faults.get(kind, 0) for kind in ("freeze", "rebuild", "terminate"))
    slowest = max(storm.tally.stops)
    outages, wipes, full, starved = (faults.get(kind, 0) for kind in ("take down", "wipe", "fill disk of", "starve"))
    return [
        Row(
            "kill -9 of any process or store: every accepted command stands once, its event is published, nothing of the money "
            "is done twice",
            "Jepsen kills a member every second for 120 s; Wolverine's chaos tests only stop gracefully",
            f"{kills} kills, {accepted} accepted commands in {deals} deals: 0 lost, 0 twice",
            command,
        ),
        Row(
            "every read model equals a rebuild from the first event on, by checksum",
            "Marten rebuilds and compares",
            f"{audited.documents} documents of {audited.events} events: 0 differ; {again} messages came more than once",
            command,
        ),
        Row(
            "processes frozen, told to stop, and read models rebuilt in the midst of it",
            "Temporal: restart 20–30 % of the workers every few minutes",
            f"{frozen} frozen, {rebuilt} services rebuilt, {stops} SIGTERMs, at most {slowest:.1f} s to be gone",
            command,
        ),
        Row(
            "every edge of the network cut, blacked out, slowed or half closed",
            "Temporal, toxiproxy",
            f"{cut} faults, every second one of two edges at once: 0 wrong answers",
            command,
        ),
        Row(
            "broker or database away, the broker wiped, no room for data or logs, no memory for a process",
            "Kafka is distribution, not truth; Vortex has disks on its list to do",
            f"{outages} outages, {wipes} wipes, {full} full disks, {starved} starved: 0 lost",
            command,
        ),
        Row(
            "after the last fault everything comes to rest by itself",
            "TigerBeetle Vortex: 180 s",
            f"at most {max(storm.settled):.0f} s until every deal had ended and every check held",
            command,
        ),
        Row(
            "latency from the intended time of each command, open loop (a shared machine of two cores)",
            "Hyperswitch measures open loop",
            f"without faults {told(storm.calm)}; amid them {told(storm.rough)}",
            command,
        ),
    ]
