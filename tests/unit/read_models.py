"""Read models as a service's queries find them, made from events without a worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from libs.events.builds import PROJECTIONS, build_of
from libs.events.envelope import Recorded
from libs.events.memory import MemoryDocuments
from libs.events.ports import Clock, Write
from libs.events.projection import Projection
from libs.events.registry import Event
from libs.events.testing import projected
from libs.events.views import LiveViews


async def views_of(clock: Clock, made: Mapping[Projection, Sequence[Event | Recorded[Any]]]) -> LiveViews:
    """The live views of these projections, of these events."""
    documents = MemoryDocuments()
    for projection, events in made.items():
        build = build_of("test", projection.name, projection.version, 1)
        await documents.put(PROJECTIONS, [Write(projection.name, 0, {"live": asdict(build), "building": None, "retired": []})])
        bodies = projected(projection, *events)
        await documents.put(build.collection, [Write(key, 0, body) for key, body in bodies.items()])
    return LiveViews(documents, made, clock)
