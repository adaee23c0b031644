"""What a local run consists of: which programs, on which ports, told what."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cli.console import SERVICES
from deploy.local.embedded import HOST, free_port, listens, mongo_argv
from deploy.local.kafka import Kafka
from libs.chassis.settings import DEVELOPMENT_ISSUER

OPS_DISTANCE = 100
"""A service's /healthz, /readyz and /metrics are this far above its rpcs."""


class PortTaken(Exception):
    """Something else listens where one of our programs should."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where everything is. A port of None: the server is not ours to start."""

    http_port: int
    kafka_port: int | None
    mongo_port: int | None
    grpc_ports: dict[str, int]
    ops_ports: dict[str, int]
    kafka: str
    """Bootstrap servers."""
    mongo: str
    """URL."""

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.http_port}"

    @classmethod
    def fixed(cls, http: int, kafka: int, mongo: int, services: int, environment: Mapping[str, str]) -> Addresses:
        """`services`: the first service's rpc port; the others follow it."""
        grpc = {name: services + place for place, name in enumerate(SERVICES)}
        ops = {name: port + OPS_DISTANCE for name, port in grpc.items()}
        return cls._with_stores(http, kafka, mongo, grpc, ops, environment)

    @classmethod
    def automatic(cls, environment: Mapping[str, str]) -> Addresses:
        """Ports that nobody listens on now."""
        ports = _free_ports(3 + 2 * len(SERVICES))
        http, kafka, mongo = next(ports), next(ports), next(ports)
        grpc = {name: next(ports) for name in SERVICES}
        ops = {name: next(ports) for name in SERVICES}
        return cls._with_stores(http, kafka, mongo, grpc, ops, environment)

    @classmethod
    def _with_stores(
        cls, http: int, kafka: int, mongo: int, grpc: dict[str, int], ops: dict[str, int], environment: Mapping[str, str]
    ) -> Addresses:
        given_kafka, given_mongo = environment.get("KAFKA_BOOTSTRAP_SERVERS"), environment.get("MONGO_URL")
        return cls(
            http,
            None if given_kafka else kafka,
            None if given_mongo else mongo,
            grpc,
            ops,
            given_kafka or f"{HOST}:{kafka}",
            given_mongo or f"mongodb://{HOST}:{mongo}",
        )

    def claims(self) -> Iterator[tuple[int, str, str]]:
        """Every port that is needed, who needs it and which option changes it."""
        yield self.http_port, "the gateway", "--port (HTTP_PORT)"
        if self.kafka_port:
            yield self.kafka_port, "Kafka", "--kafka-port (KAFKA_PORT)"
        if self.mongo_port:
            yield self.mongo_port, "MongoDB", "--mongo-port (MONGO_PORT)"
        for name in SERVICES:
            yield self.grpc_ports[name], f"{name} (rpcs)", "--services-port (SERVICES_PORT)"
            yield self.ops_ports[name], f"{name} (health, metrics)", "--services-port (SERVICES_PORT)"

    def check(self) -> None:
        """Raises `PortTaken` with one sentence for each port that cannot be had."""
        claimed: dict[int, str] = {}
        taken = []
        for port, who, option in self.claims():
            if port in claimed:
                taken.append(f"port {port} is wanted by {claimed[port]} and by {who}: set {option}")
            elif listens(port):
                taken.append(f"port {port} is taken, {who} wants it: set {option}, or take free ones with --ports auto")
            claimed[port] = who
        if taken:
            raise PortTaken("; ".join(taken))

    def as_json(self) -> dict[str, Any]:
        """For state.json: an address that was given to us may hold a password, and is left out."""
        body = {**asdict(self), "url": self.url}
        body["kafka"] = self.kafka if self.kafka_port else None
        body["mongo"] = self.mongo if self.mongo_port else None
        return body


@dataclass(frozen=True, slots=True)
class Program:
    """One child of the supervisor. `probe`: answers 200 when it is ready; None:
    it is ready when its port listens."""

    name: str
    group: str
    argv: list[str]
    environment: dict[str, str]
    port: int
    probe: str | None
    stop_seconds: int


def programs(addresses: Addresses, data: Path, kafka: Kafka = Kafka.EMBEDDED) -> list[Program]:
    """In the order in which they are shown. Raises `NotInstalled`."""
    return [*_stores(addresses, data, kafka), *_services(addresses), _gateway(addresses)]


def environment(addresses: Addresses, data: Path) -> dict[str, str]:
    """What every program is told; addresses with passwords stay in here and are written to no file."""
    return {
        **os.environ,
        "ENVIRONMENT": "development",
        "KAFKA_BOOTSTRAP_SERVERS": addresses.kafka,
        "MONGO_URL": addresses.mongo,
        "OIDC_ISSUER": DEVELOPMENT_ISSUER,
        "OIDC_AUDIENCE": "limelight",
        "OIDC_JWKS": str(data / "issuer" / "jwks.json"),
        "INDEX_DIRECTORY": str(data / "index"),
        "INSTANCE": "local",  # one process of each service: after a crash it takes its place again at once
        "PYTHONUNBUFFERED": "1",
        **{f"{name.upper()}_ADDRESS": f"{HOST}:{port}" for name, port in addresses.grpc_ports.items()},
    }


def _stores(addresses: Addresses, data: Path, kafka: Kafka) -> Iterator[Program]:
    if addresses.kafka_port:
        argv = kafka.argv(addresses.kafka_port, data / "kafka")
        yield Program("kafka", "stores", argv, {}, addresses.kafka_port, None, 15)
    if addresses.mongo_port:
        argv = mongo_argv(addresses.mongo_port, data / "mongo")
        yield Program("mongo", "stores", argv, {}, addresses.mongo_port, None, 15)


def _services(addresses: Addresses) -> Iterator[Program]:
    for name in SERVICES:
        grpc, ops = addresses.grpc_ports[name], addresses.ops_ports[name]
        argv = [sys.executable, "-m", f"services.{name}.main", "all"]
        told = {"GRPC_PORT": str(grpc), "OPS_PORT": str(ops)}
        yield Program(name, "services", argv, told, grpc, f"http://{HOST}:{ops}/readyz", 30)


def _gateway(addresses: Addresses) -> Program:
    argv = [sys.executable, "-m", "services.gateway.main"]
    told = {"HTTP_HOST": HOST, "HTTP_PORT": str(addresses.http_port)}
    return Program("gateway", "edge", argv, told, addresses.http_port, f"{addresses.url}/healthz", 30)


def _free_ports(count: int) -> Iterator[int]:
    ports: set[int] = set()
    while len(ports) < count:
        ports.add(free_port())
    return iter(sorted(ports))
