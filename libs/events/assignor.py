"""Who of a group consumes what: partitions follow the names of the members, which outlive a restart, and not the ids that the
broker gives them anew every time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from aiokafka.cluster import ClusterMetadata
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata


class ByName(RoundRobinPartitionAssignor):  # type: ignore[misc]
    """Round robin in the order of the members' names. A leader that comes back under its name may assign while no rebalance is
    under way (the embedded broker lets it, and tells only itself): it must come to what all others already have, or there are
    partitions that nobody consumes. Members without a name stand in the order of their ids."""

    name = "roundrobin-by-name"
    instance = ""

    @classmethod
    def metadata(cls, topics: Iterable[str]) -> ConsumerProtocolMemberMetadata:
        return ConsumerProtocolMemberMetadata(cls.version, sorted(topics), cls.instance.encode())

    @classmethod
    def assign(
        cls, cluster: ClusterMetadata, members: Mapping[str, ConsumerProtocolMemberMetadata]
    ) -> dict[str, ConsumerProtocolMemberAssignment]:
        named = {(metadata.user_data, member): metadata for member, metadata in members.items()}
        return {member: assigned for (_, member), assigned in super().assign(cluster, named).items()}


def by_name(instance: str | None) -> type[ByName]:
    """aiokafka takes a class and asks it what a member says of itself, so each member has one of its own."""
    return type("ByName", (ByName,), {"instance": instance or ""})
