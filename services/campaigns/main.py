"""campaigns: what is agreed."""

from __future__ import annotations

from libs.chassis.lifecycle import run
from libs.chassis.service import Service
from libs.events.ports import Ports
from services.campaigns.projections import PROJECTIONS
from services.campaigns.reactions import REACTIONS
from services.campaigns.servicer import contents
from services.campaigns.settings import Settings


def build(settings: Settings, ports: Ports) -> Service:
    """The service, on whatever it is given."""
    rpcs, aggregates = contents(settings.policy())
    return Service(
        "campaigns",
        rpcs=rpcs,
        aggregates=aggregates,
        reactions=REACTIONS,
        projections=PROJECTIONS,
        settings=settings,
        ports=ports,
    )


if __name__ == "__main__":
    run(build, Settings)
