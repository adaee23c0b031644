"""discovery: who can be hired."""

from __future__ import annotations

from libs.chassis.lifecycle import run
from libs.chassis.service import Service
from libs.events.ports import Clock, Ports
from libs.events.views import LiveViews
from services.discovery.directory import VERSION, Directory
from services.discovery.index.tantivy_index import TantivyCreatorIndex
from services.discovery.ports import CreatorIndex
from services.discovery.projections import PROJECTIONS
from services.discovery.reactions import reactions
from services.discovery.servicer import contents
from services.discovery.settings import Settings


def build(settings: Settings, ports: Ports, index: CreatorIndex | None = None) -> Service:
    """The service, on whatever it is given. `index`: in the place of the one that the settings choose."""
    index = index or index_of(settings, ports.clock)
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


def index_of(settings: Settings, clock: Clock) -> CreatorIndex:
    """The one that the settings choose."""
    if settings.index_url is None:
        return TantivyCreatorIndex(settings.own_index, VERSION, heap=settings.index_heap)
    from services.discovery.index.opensearch_index import OpenSearchCreatorIndex  # an extra, which not every installation has

    return OpenSearchCreatorIndex(settings.index_url, VERSION, clock, name=settings.index_name)


if __name__ == "__main__":
    run(build, Settings)
