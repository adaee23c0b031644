"""Who of a group consumes what. It follows from the topics and the names of the members alone, so that whoever is asked, and
whenever, says the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from aiokafka.cluster import ClusterMetadata
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata

from libs.events.partitions import PARTITIONS


class ByName(RoundRobinPartitionAssignor):  # type: ignore[misc]
    """Round robin in the order of the members' names, which outlive a restart; the ids that the broker gives do not. Members
    without a name stand in the order of their ids. A topic has all its partitions, also while the broker does not tell of them:
    it was lost just now, or is being made.

    A leader that comes back under its name may assign while no rebalance is under way (the embedded broker lets it, and tells
    only itself). It must come to what all others already have, or there are partitions that nobody consumes."""

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
        return {member: assigned for (_, member), assigned in super().assign(_Whole(), named).items()}


class _Whole:
    """What the assignment asks of a cluster."""

    def partitions_for_topic(self, topic: str) -> range:
        return range(PARTITIONS)


def by_name(instance: str | None) -> type[ByName]:
    """aiokafka takes a class and asks it what a member says of itself, so each member has one of its own."""
    return type("ByName", (ByName,), {"instance": instance or ""})
