"""The marketplace with two replicas of each service and of the gateway, as a cluster runs it: one answers while the other is
restarted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from cli.console import SERVICES
from cli.topology import OPS_DISTANCE, Addresses, Program, programs
from deploy.local.embedded import HOST
from deploy.local.kafka import Kafka
from tests.chaos.stack import SPARE, STORES, Stack, fixed_addresses, running


@asynccontextmanager
async def replicated(data: Path, kafka: Kafka) -> AsyncIterator[Stack]:
    """Ready. Raises `NotInstalled`."""
    addresses = fixed_addresses()
    parts = [replica for part in programs(addresses, data, kafka) for replica in _replicas(part, addresses)]
    gateways = [f"http://{HOST}:{part.port}" for part in parts if part.group == "edge"]
    stack = Stack(data, ready_after=kafka.ready_after, gateways=gateways)
    async with running(stack, parts, addresses):
        yield stack


def _replicas(part: Program, addresses: Addresses) -> Iterator[Program]:
    """The first keeps the port that is known."""
    if part.name in STORES:
        yield part
        return
    known = part
    if part.name not in SERVICES:
        known = replace(part, environment={**part.environment, **_both(addresses)})
    yield _numbered(known, 1)
    yield _numbered(_elsewhere(known), 2)


def _both(addresses: Addresses) -> dict[str, str]:
    """Where a gateway finds each service's replicas."""
    return {
        f"{name.upper()}_ADDRESS": f"ipv4:{HOST}:{port},{HOST}:{port + SPARE}" for name, port in addresses.grpc_ports.items()
    }


def _elsewhere(part: Program) -> Program:
    port = part.port + SPARE
    if part.name in SERVICES:
        ops = port + OPS_DISTANCE
        told, probe = {"GRPC_PORT": str(port), "OPS_PORT": str(ops)}, f"http://{HOST}:{ops}/readyz"
    else:
        told, probe = {"HTTP_PORT": str(port)}, f"http://{HOST}:{port}/healthz"
    return replace(part, environment={**part.environment, **told}, port=port, probe=probe)


def _numbered(part: Program, number: int) -> Program:
    return replace(part, name=f"{part.name}-{number}", environment={**part.environment, "INSTANCE": f"local-{number}"})
