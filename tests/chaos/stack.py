"""The marketplace as `limelight up` starts it, with every edge of its network behind a proxy that can be cut, and with payments
split into its roles: an api, two workers and two relays, so that one can be taken for dead while it lives."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import struct
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx

from cli import people, state
from cli.console import SERVICES
from cli.local import ROOT
from cli.supervision import NotRunning, Supervision
from cli.topology import OPS_DISTANCE, Addresses, PortTaken, Program, environment, programs
from deploy.local.embedded import HOST, listens
from deploy.local.kafka import Kafka
from libs.chassis import build_protos
from libs.events.testing import eventually
from tests.chaos.clocks import Clocks
from tests.chaos.proxy import FaultProxy
from tests.e2e.marketplace import Marketplace

SPLIT = "payments"
SPLIT_ROLES = ("api", "worker-1", "worker-2", "relay-1", "relay-2")
SPARE = 50
"""The split roles' ports are this far above their service's."""
STORES = ("kafka", "mongo")
DEADLINE = 2.0
"""Seconds that the gateway gives a request."""
POLICY = {
    "DEADLINE": f"{DEADLINE}",
    "RECONCILE_AFTER_SECONDS": "1",
    "LONGEST_WAIT_SECONDS": "2",
    "APPLICATION_STANDS_DAYS": "0.00005",  # 4.3 s: the application that nobody answers expires within a run
    "TZ": "America/St_Johns",  # who took local time for the time would be wrong by hours, and in winter by others
}
"""What the processes are told beyond their addresses, so that what takes days is seen in a run."""


@dataclass(frozen=True)
class Stack(Marketplace):
    """Runs between `started` and the end of its block."""

    edges: dict[str, FaultProxy] = field(default_factory=dict)
    """By name, e.g. `gateway-campaigns`, `campaigns-mongo`, `campaigns-kafka`."""
    names: list[str] = field(default_factory=list)
    """Of all programs."""
    ready_after: float = 0.0
    """Seconds that its Kafka may take to start: a Java program takes longer than the embedded one."""
    gateways: Sequence[str] = ()
    """URLs, where there are several."""

    @property
    def patience(self) -> float:
        """Seconds after which a deal that does not go on is broken: longer than the longest outage and what the broker's groups
        take to find together again."""
        return 180.0 + 2 * self.ready_after

    @property
    def settles(self) -> float:
        """Seconds within which everything must have come everywhere once the last deal has ended."""
        return 120.0 + 2 * self.ready_after

    @property
    def supervision(self) -> Supervision:
        return Supervision(self.data)

    def processes(self) -> list[str]:
        """All but the stores."""
        return [name for name in self.names if name not in STORES]

    async def restarted(self, name: str, before: int, timeout: float = 60.0) -> int:
        """The pid under which it runs again."""

        def other() -> int:
            pid = self.pid(name)
            return pid if pid != before else 0

        return int(await eventually(other, timeout=timeout, every=0.05))

    def signal(self, name: str, number: signal.Signals) -> int:
        """Also to what it has started. Returns the pid that was signalled; 0: it does not run just now."""
        pid = self.pid(name)
        if pid:
            os.killpg(pid, number)
        return pid

    async def take_down(self, name: str) -> None:
        """kill -9, and it is not started again."""
        self.signal(name, signal.SIGKILL)

        def stopped() -> bool:
            with contextlib.suppress(NotRunning):  # while the supervisor has not noticed its end yet
                self.supervision.stop_program(name)
            return not self.pid(name)

        await eventually(lambda: asyncio.to_thread(stopped), timeout=30)

    async def bring_up(self, name: str) -> None:
        """Returns when it is ready."""
        await asyncio.to_thread(self.supervision.start_program, name)
        await self.ready(self.settles, [name])

    async def ready(self, timeout: float, names: Sequence[str] = ()) -> None:
        """Returns when each of them (default: every part) has said that it is."""

        async def is_ready(name: str) -> bool:
            why = await self.why_not_ready(name)
            assert not why, f"{name}: {why}"
            return True

        for name in names or self.names:
            await eventually(lambda name=name: is_ready(name), timeout=timeout, every=0.2)

    async def why_not_ready(self, name: str) -> str:
        """What it says itself; empty: it is ready."""
        found = state.read(self.data)
        assert found is not None
        part = next(part for part in found.body["programs"] if part["name"] == name)
        if part["probe"] is None:
            return "" if await asyncio.to_thread(listens, part["port"]) else "does not listen"
        try:
            async with httpx.AsyncClient(timeout=5.0, trust_env=False) as client:
                answer = await client.get(part["probe"])
        except httpx.TransportError as silent:
            return repr(silent)
        return "" if answer.status_code == 200 else answer.text


@asynccontextmanager
async def started(data: Path, kafka: Kafka, clocks: Clocks | None = None) -> AsyncIterator[Stack]:
    """A stack on free ports, ready. `clocks`: its processes', where they are to be set. Raises `NotInstalled`."""
    addresses = fixed_addresses()
    stack = Stack(data, ready_after=kafka.ready_after)
    await _raise_proxies(stack, addresses)
    parts = list(_behind_proxies(programs(addresses, data, kafka), stack.edges))
    if clocks is not None:
        parts = [part if part.name in STORES else _with_its_own_clock(part, clocks) for part in parts]
    async with running(stack, parts, addresses):
        yield stack


@asynccontextmanager
async def running(stack: Stack, parts: Sequence[Program], addresses: Addresses) -> AsyncIterator[None]:
    """These programs, all ready, until the end of its block."""
    stack.names.extend(part.name for part in parts)
    people.issuer(stack.data)
    if not build_protos.OUTPUT.exists():
        build_protos.build()
    parent = stack.supervision.start(parts, {**environment(addresses, stack.data), **POLICY}, ROOT)
    shown = [{"name": part.name, "port": part.port, "probe": part.probe} for part in parts]
    state.write(stack.data, {**addresses.as_json(), "supervisor": parent.pid, "programs": shown})
    try:
        await stack.ready(stack.settles)
        yield
    finally:
        for name in stack.names:
            stack.signal(name, signal.SIGCONT)
        for proxy in stack.edges.values():
            proxy.heal()
        await asyncio.to_thread(stack.supervision.stop)
        for proxy in stack.edges.values():
            await proxy.stop()


def fixed_addresses() -> Addresses:
    """Below the ports that systems give to outgoing connections: one of those could take a killed process's port."""
    while True:
        first = random.randrange(20_000, 30_000, 2 * OPS_DISTANCE)
        addresses = Addresses.fixed(first + SPARE - 1, first + SPARE - 2, first + SPARE - 3, first, {})
        with contextlib.suppress(PortTaken):
            addresses.check()
            return addresses


async def _raise_proxies(stack: Stack, addresses: Addresses) -> None:
    assert addresses.kafka_port is not None
    assert addresses.mongo_port is not None
    for service in SERVICES:
        stack.edges[f"gateway-{service}"] = await FaultProxy(HOST, addresses.grpc_ports[service]).start()
        stack.edges[f"{service}-mongo"] = await FaultProxy(HOST, addresses.mongo_port).start()
        kafka = FaultProxy(HOST, addresses.kafka_port, lambda data: data)
        stack.edges[f"{service}-kafka"] = await kafka.start()
        kafka.rewrite = _advertising(addresses.kafka_port, kafka.port)


def _advertising(broker: int, proxy: int) -> Callable[[bytes], bytes]:
    """A broker tells its clients where brokers and coordinators are, as a name and a port of four bytes: they are to come
    through the proxy every time."""
    theirs, ours = (HOST.encode() + struct.pack(">i", port) for port in (broker, proxy))
    return lambda data: data.replace(theirs, ours)


def _behind_proxies(parts: list[Program], edges: dict[str, FaultProxy]) -> Iterator[Program]:
    """Every program told to go through its edges' proxies."""
    for part in parts:
        if part.name == "gateway":
            told = {f"{service.upper()}_ADDRESS": f"{HOST}:{edges[f'gateway-{service}'].port}" for service in SERVICES}
            yield replace(part, environment={**part.environment, **told})
        elif part.name in SERVICES:
            told = {
                "MONGO_URL": f"mongodb://{HOST}:{edges[f'{part.name}-mongo'].port}",
                "KAFKA_BOOTSTRAP_SERVERS": f"{HOST}:{edges[f'{part.name}-kafka'].port}",
            }
            service = replace(part, environment={**part.environment, **told})
            yield from _split(service) if part.name == SPLIT else [service]
        else:
            yield part


def _with_its_own_clock(part: Program, clocks: Clocks) -> Program:
    return replace(part, environment={**part.environment, **clocks.environment(part.name)})


def _split(service: Program) -> Iterator[Program]:
    """A process per role; the api keeps the service's ports."""
    for name in SPLIT_ROLES:
        role, _, number = name.partition("-")
        argv = [sys.executable, "-m", f"services.{service.name}.main", role]
        if role == "api":
            yield replace(service, name=f"{service.name}-{name}", argv=argv)
            continue
        grpc = service.port + SPARE + SPLIT_ROLES.index(name)
        ops = grpc + OPS_DISTANCE
        told = {**service.environment, "GRPC_PORT": str(grpc), "OPS_PORT": str(ops), "INSTANCE": f"{role}-{number}"}
        probe = f"http://{HOST}:{ops}/readyz"
        yield replace(service, name=f"{service.name}-{name}", argv=argv, environment=told, port=ops, probe=probe)
