"""What the tests of read models share: jars with coins, their documents, and the builds and views of a world."""

from __future__ import annotations

import asyncio
from typing import Any

from libs.events.builds import ProjectionBuilds
from libs.events.envelope import Recorded, recorded
from libs.events.ports import Document, Page
from libs.events.projection import Projection
from libs.events.views import LiveViews
from tests.kernel.jars import ANN, JARS, SERVICE, savings
from tests.kernel.memory_world import Faulty, World

OWNER = ANN.party or ""


async def events_of(world: World) -> list[Recorded[Any]]:
    return [event for commit in await world.log.read(0, 10_000) for event in recorded(commit, SERVICE, JARS)]


async def contents(documents: Any, collection: str) -> dict[str, Document]:
    return {stored.id: stored.body for stored in await documents.find(collection, {}, Page(limit=1_000))}


async def filled(jars: int = 4, coins: int = 5) -> World:
    world = World()
    await world.open(*range(jars))
    for number in range(jars):
        await world.add(number, *range(1, coins + 1))
    return world


def builds(world: World, *projections: Projection) -> ProjectionBuilds:
    return ProjectionBuilds(SERVICE, projections or (savings,), world.ports, known=JARS)


def views(world: World) -> LiveViews:
    return LiveViews(world.documents, [savings], world.clock)


async def shows(world: World, id: str, **fields: Any) -> bool:
    document = await views(world).one("savings", id)
    return document is not None and all(document.get(name) == value for name, value in fields.items())


class Yielding(Faulty):
    async def at(self, point: str) -> None:
        await asyncio.sleep(0)
