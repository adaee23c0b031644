"""Which Kafka is started on this machine."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from deploy.local import embedded
from deploy.local.apache import node
from deploy.local.embedded import Embedded


class Kafka(StrEnum):
    """`embedded` comes with pip; `apache` is Apache Kafka itself and needs Java and Maven. Both raise `NotInstalled`."""

    EMBEDDED = "embedded"
    APACHE = "apache"

    @property
    def ready_after(self) -> float:
        """Seconds that a start may take on a loaded machine."""
        return node.READY_AFTER if self is Kafka.APACHE else embedded.READY_AFTER

    def argv(self, port: int, data: Path) -> list[str]:
        return node.one_broker_argv(port, data) if self is Kafka.APACHE else embedded.kafka_argv(port, data)

    def server(self, data: Path, port: int | None = None) -> Embedded:
        return node.one_broker(data, port) if self is Kafka.APACHE else Embedded.kafka(data, port)
