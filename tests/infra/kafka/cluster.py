"""Three brokers of Apache Kafka and their controller, as processes of this machine."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.record.memory_records import MemoryRecords

from deploy.local.apache.node import READY_AFTER, node_argv
from deploy.local.embedded import HOST, Embedded, free_port
from libs.events.testing import eventually

BROKERS = (1, 2, 3)
CONTROLLER = 100
"""Apart, so that any number of brokers can be lost and the rest still learn of it."""
SETTINGS = {
    "offsets.topic.replication.factor": "3",
    "transaction.state.log.replication.factor": "3",
    "group.min.session.timeout.ms": "1000",
    # a broker that came back leads its partitions again after a second or two
    "leader.imbalance.check.interval.seconds": "1",
    "leader.imbalance.per.broker.percentage": "0",
}


class Cluster:
    """The nodes keep their data and their ports when they are stopped or killed."""

    def __init__(self, data: Path) -> None:
        """Raises `NotInstalled`."""
        controller = free_port()
        voters = {"controller.quorum.voters": f"{CONTROLLER}@{HOST}:{controller}"}
        roles = {"process.roles": "controller", "listeners": f"CONTROLLER://{HOST}:{controller}"}
        self._controller = _node(data, CONTROLLER, controller, {**voters, **roles})
        self._brokers = dict[int, Embedded]()
        for number in BROKERS:
            port = free_port()
            roles = {"process.roles": "broker", "listeners": f"PLAINTEXT://{HOST}:{port}"}
            self._brokers[number] = _node(data, number, port, {**voters, **roles})

    @property
    def bootstrap(self) -> str:
        return ",".join(f"{HOST}:{server.port}" for server in self._brokers.values())

    # --- what happens to it ------------------------------------------------------------------------------------------

    def start(self, *numbers: int) -> None:
        """The brokers (none: all, and the controller) that do not run."""
        servers = [self._brokers[number] for number in numbers] or [self._controller, *self._brokers.values()]
        with ThreadPoolExecutor(len(servers)) as pool:
            list(pool.map(Embedded.start, (server for server in servers if server.process is None)))

    def stop(self, number: int) -> None:
        """SIGTERM: it hands its partitions over first."""
        self._brokers[number].stop(grace=20.0)

    def kill(self, *numbers: int) -> None:
        for number in numbers:
            self._brokers[number].kill()

    def destroy(self) -> None:
        for server in (*self._brokers.values(), self._controller):
            server.kill()

    def freeze(self, *numbers: int) -> None:
        self._signal(signal.SIGSTOP, numbers)

    def thaw(self, *numbers: int) -> None:
        self._signal(signal.SIGCONT, numbers)

    def _signal(self, number: signal.Signals, brokers: tuple[int, ...]) -> None:
        for process in (self._brokers[broker].process for broker in brokers):
            if process is not None:
                os.kill(process.pid, number)

    # --- what it says ------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap, request_timeout_ms=5_000)
        try:
            await admin.start()
            yield admin
        finally:
            await admin.close()

    async def partitions(self, topic: str) -> dict[int, dict[str, Any]]:
        """Number -> `leader`, `replicas`, `isr` (in sync)."""
        async with self.admin() as admin:
            [described] = await admin.describe_topics([topic])
            return {one["partition"]: one for one in described["partitions"]}

    async def leaders(self, topic: str) -> dict[int, int]:
        """Partition -> broker."""
        return {number: one["leader"] for number, one in (await self.partitions(topic)).items()}

    async def members(self, group: str) -> int:
        async with self.admin() as admin:
            [answer] = await admin.describe_consumer_groups([group])
            [(_, _, _, _, _, members, *_)] = answer.groups
            return len(members)

    async def in_sync(self, topic: str, replicas: int = len(BROKERS)) -> None:
        """Returns when each partition of the topic has a leader and so many replicas in sync."""

        async def are() -> bool:
            try:
                found = (await self.partitions(topic)).values()
            except (KafkaError, OSError, TimeoutError):
                return False  # the broker that was asked is down
            return all(len(one["isr"]) == replicas and one["leader"] > 0 for one in found)

        await eventually(are, timeout=60.0, every=0.2)

    def batches(self, broker: int, topic: str, partition: int) -> Iterator[Any]:
        """The record batches that a broker has on its disk."""
        segment = self._brokers[broker].data / "segments" / f"{topic}-{partition}" / f"{0:020}.log"
        records = MemoryRecords(segment.read_bytes())
        while records.has_next():
            yield records.next_batch()


def _node(data: Path, number: int, port: int, settings: dict[str, str]) -> Embedded:
    where = data / f"node-{number}"
    return Embedded(node_argv(where, {**SETTINGS, **settings, "node.id": str(number)}, heap="256m"), port, where, READY_AFTER)
