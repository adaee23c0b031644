"""Which Kafka is started on this machine."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from deploy.local.apache.node import one_broker, one_broker_argv
from deploy.local.embedded import Embedded, kafka_argv


class Kafka(StrEnum):
    """`embedded` comes with pip; `apache` is Apache Kafka itself and needs Java and Maven. Both raise `NotInstalled`."""

    EMBEDDED = "embedded"
    APACHE = "apache"

    def argv(self, port: int, data: Path) -> list[str]:
        return one_broker_argv(port, data) if self is Kafka.APACHE else kafka_argv(port, data)

    def server(self, data: Path, port: int | None = None) -> Embedded:
        return one_broker(data, port) if self is Kafka.APACHE else Embedded.kafka(data, port)
