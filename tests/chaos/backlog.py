"""What is stored and has not come everywhere yet: not published, or published and not yet handled by a consumer."""

from __future__ import annotations

import time
from collections import Counter

from cli.console import SERVICES
from cli.opening import Opened, opened
from libs.chassis.system import SystemClock, SystemIds
from libs.events.builds import read_builds
from libs.events.bus import KafkaBus
from libs.events.envelope import topic
from libs.events.ports import Page
from libs.events.progress import PROGRESS
from libs.events.reactions import reaction_group
from libs.events.relay import RELAYS
from libs.events.testing import eventually
from tests.chaos.stack import Stack
from tests.e2e.read_models import projections_of

Ends = dict[str, dict[int, int]]
"""Topic -> partition -> the offset behind its last message."""


async def heads(stack: Stack) -> Counter[str]:
    """Each service's last position."""
    found: Counter[str] = Counter()
    for service in SERVICES:
        async with opened(service, stack.data) as store:
            found[service] = await store.log.head()
    return found


async def published(stack: Stack) -> Counter[str]:
    """The position up to which each service's commits are published."""
    found: Counter[str] = Counter()
    for service in SERVICES:
        async with opened(service, stack.data) as store:
            lease = (await store.documents.get(RELAYS, [service])).get(service)
            found[service] = int(lease.body["position"]) if lease else 0
    return found


async def ends(stack: Stack) -> Ends:
    bus = KafkaBus(stack.kafka, SystemClock(), SystemIds())
    return {topic(service): await bus.ends(topic(service)) for service in SERVICES}


async def lag(stack: Stack, ends: Ends) -> int:
    """Messages before these ends that some group has not handled yet, summed over all groups."""
    behind = 0
    for service in SERVICES:
        async with opened(service, stack.data) as store:
            groups = await _groups(store)
            for stored in await store.documents.find(PROGRESS, {}, Page(limit=100_000)):
                group, name, partition = stored.id.rsplit("/", 2)
                if group in groups:
                    behind += max(0, ends[name].get(int(partition), 0) - int(stored.body["offset"]))
    return behind


async def held_up(stack: Stack) -> int:
    """Commits that are stored and not published, and messages that a group has not handled."""
    behind = await lag(stack, await ends(stack))
    out_there = await published(stack)
    return behind + (await heads(stack) - out_there).total()


async def drained(stack: Stack) -> float:
    """Seconds until all that is stored now has come everywhere."""
    since, stored = time.monotonic(), await heads(stack)

    async def is_published() -> bool:
        return not stored - await published(stack)

    await eventually(is_published, timeout=stack.settles, every=0.1)
    there = await ends(stack)

    async def is_handled() -> bool:
        return not await lag(stack, there)

    await eventually(is_handled, timeout=stack.settles, every=0.1)
    return time.monotonic() - since


async def _groups(store: Opened) -> set[str]:
    """Of the read models that are served, and of the reactions."""
    builds = [await read_builds(store.documents, projection.name) for projection in projections_of(store.service)]
    return {reaction_group(store.service), *(found.live.group for found in builds if found)}
