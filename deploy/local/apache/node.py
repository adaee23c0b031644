"""One node of an Apache Kafka cluster in KRaft mode, as a process: `python -m deploy.local.apache.node DATA KEY=VALUE …`
formats DATA if it is new and becomes the broker, under the same process id: whoever starts it can stop and kill it."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.local.apache.libraries import classpath, java
from deploy.local.embedded import HOST, Embedded, free_port, listens

CLUSTER = "bGltZWxpZ2h0LWxvY2FsMQ"
"""Every local cluster's id: sixteen bytes in base64, as Kafka wants it."""
READY_AFTER = 90.0
"""Seconds that the first start may take on a loaded machine: formatting and starting are a Java program each."""
LASTING_PORTS = range(10_000, 20_000)
"""Below those that systems give to outgoing connections: one of them could take a node's port while it is down."""
SPARING = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"]
"""A node starts in half the time, and leaves the cores to what is tested."""
SETTINGS = {
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "controller.listener.names": "CONTROLLER",
    "auto.create.topics.enable": "false",
    # a killed broker may come back, and its partitions find another leader, this soon
    "broker.session.timeout.ms": "4000",
    "broker.heartbeat.interval.ms": "500",
    # a group is complete when its first member has joined
    "group.initial.rebalance.delay.ms": "0",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "1",
}
"""Of every node."""


def one_broker(data: Path, port: int | None = None) -> Embedded:
    """A broker that is its own controller. Raises `NotInstalled`."""
    port = port or free_port()
    return Embedded(one_broker_argv(port, data), port, data, READY_AFTER)


def one_broker_argv(port: int, data: Path) -> list[str]:
    """Raises `NotInstalled`."""
    controller = f"{HOST}:{_lasting_port()}"
    settings = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{controller}",
        "listeners": f"PLAINTEXT://{HOST}:{port},CONTROLLER://{controller}",
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
    }
    return node_argv(data, settings, heap="256m")


def _lasting_port() -> int:
    while listens(port := secrets.choice(LASTING_PORTS)):
        pass
    return port


def node_argv(data: Path, settings: Mapping[str, str], heap: str) -> list[str]:
    """What is missing is fetched now, so that a start is only a start. `settings`: as in server.properties, beside `SETTINGS`.
    Raises `NotInstalled`."""
    java()
    classpath()
    pairs = [f"{name}={value}" for name, value in {**SETTINGS, **settings}.items()]
    return [sys.executable, "-m", "deploy.local.apache.node", heap, str(data), *pairs]


def main(heap: str, data: Path, settings: Sequence[str]) -> None:
    """Does not return."""
    properties, segments = data / "server.properties", data / "segments"
    data.mkdir(parents=True, exist_ok=True)
    properties.write_text("\n".join([*settings, f"log.dirs={segments}", ""]))
    run = [java(), f"-Xmx{heap}", *SPARING, "-cp", classpath()]
    if not (segments / "meta.properties").exists():
        subprocess.run([*run, "kafka.tools.StorageTool", "format", "-t", CLUSTER, "-c", str(properties)], check=True)  # noqa: S603
    os.execv(run[0], [*run, "kafka.Kafka", str(properties)])  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
