"""The composition root of messaging: how they talk."""

from __future__ import annotations

from libs.chassis.lifecycle import run
from libs.chassis.service import Service
from libs.events.ports import Ports
from services.messaging.projections import PROJECTIONS
from services.messaging.reactions import REACTIONS
from services.messaging.servicer import AGGREGATES, RPCS
from services.messaging.settings import Settings


def build(settings: Settings, ports: Ports) -> Service:
    return Service(
        "messaging",
        rpcs=RPCS,
        aggregates=AGGREGATES,
        reactions=REACTIONS,
        projections=PROJECTIONS,
        settings=settings,
        ports=ports,
    )


if __name__ == "__main__":
    run(build, Settings)
