"""discovery: who can be hired."""

from __future__ import annotations

from libs.chassis.lifecycle import run
from libs.chassis.service import Service
from libs.events.ports import Ports
from libs.events.views import LiveViews
from services.discovery.directory import VERSION, Directory
from services.discovery.ports import CreatorIndex
from services.discovery.projections import PROJECTIONS
from services.discovery.reactions import reactions
from services.discovery.servicer import contents
from services.discovery.settings import Settings
from services.discovery.tantivy_index import TantivyCreatorIndex


def build(settings: Settings, ports: Ports, index: CreatorIndex | None = None) -> Service:
    """The service, on whatever it is given. `index`: in the place of the one that the settings choose."""
    index = index or TantivyCreatorIndex(settings.own_index, VERSION, heap=settings.index_heap)
    rpcs, aggregates = contents(settings.policy(), settings.badge_policy(), index, settings.weights())
    return Service(
        "discovery",
        rpcs=rpcs,
        aggregates=aggregates,
        reactions=reactions(ports.log, LiveViews(ports.documents, PROJECTIONS, ports.clock)),
        projections=PROJECTIONS,
        kept=[Directory(index)],
        settings=settings,
        ports=ports,
    )


if __name__ == "__main__":
    run(build, Settings)
