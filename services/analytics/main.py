"""The composition root of analytics: what it brought."""

from __future__ import annotations

from libs.chassis.lifecycle import run
from libs.chassis.service import Service
from libs.events.ports import Ports
from services.analytics.projections import PROJECTIONS
from services.analytics.reactions import REACTIONS
from services.analytics.servicer import AGGREGATES, RPCS
from services.analytics.settings import Settings


def build(settings: Settings, ports: Ports) -> Service:
    return Service(
        "analytics",
        rpcs=RPCS,
        aggregates=AGGREGATES,
        reactions=REACTIONS,
        projections=PROJECTIONS,
        settings=settings,
        ports=ports,
    )


if __name__ == "__main__":
    run(build, Settings)
