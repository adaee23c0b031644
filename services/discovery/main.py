"""discovery: who can be hired."""

from __future__ import annotations

from libs.chassis.lifecycle import run
from libs.chassis.service import Service
from libs.events.ports import Ports
from services.discovery.projections import PROJECTIONS
from services.discovery.reactions import REACTIONS
from services.discovery.servicer import contents
from services.discovery.settings import Settings


def build(settings: Settings, ports: Ports) -> Service:
    """The service, on whatever it is given."""
    rpcs, aggregates = contents(settings.policy(), settings.badge_policy())
    return Service(
        "discovery",
        rpcs=rpcs,
        aggregates=aggregates,
        reactions=REACTIONS,
        projections=PROJECTIONS,
        settings=settings,
        ports=ports,
    )


if __name__ == "__main__":
    run(build, Settings)
