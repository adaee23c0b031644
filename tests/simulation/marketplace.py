"""The whole marketplace in one process: gateway, services, relays, consumers and deadlines as production runs them, on virtual
time. Twinned are the ports (the database below the store, the broker, the clock, the payment provider), the two transports and
the boundary between processes; all else is the real thing."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Self

import httpx

from cli.story.api import Api
from libs.chassis.auth import Verifier, keys_at
from libs.chassis.issuer import DevelopmentIssuer
from libs.chassis.service import Service
from libs.chassis.settings import DEVELOPMENT_ISSUER
from libs.events.decider import Role
from libs.events.documents import MongoDocuments
from libs.events.memory import LoopClock, SeededIds
from libs.events.ports import Ports
from libs.events.projection import Projection
from libs.events.store import MongoCommitLog
from libs.events.testing import eventually
from services.discovery.index.memory_index import MemoryCreatorIndex
from services.gateway.app import Gateway, create_app
from services.gateway.settings import Settings as GatewaySettings
from tests.simulation.broker import Broker, Membership
from tests.simulation.database import Database
from tests.simulation.network import Edges, Frontend, Wire
from tests.simulation.process import Process, owned_tasks
from tests.simulation.provider import Provider
from tests.simulation.replica import Anything, Replica
from tests.simulation.trace import Trace
from tests.simulation.weather import CALM, Weather

SERVICES = ("discovery", "campaigns", "messaging", "payments", "analytics")
LAYOUTS = (("all",), ("all", "all"), ("api", "worker", "relay"), ("api", "api", "worker", "relay", "relay"))
"""Roles of a service's replicas; each seed draws one for each service."""


class WorldClock(LoopClock):
    """The world's time, which may jump, as one process sees it: a little early or late."""

    def __init__(self, world: LoopClock, drift: float) -> None:
        super().__init__()
        self._world, self._drift = world, drift

    def now(self) -> datetime:
        self.skew = self._world.skew + self._drift
        return super().now()


class Marketplace:
    """Runs between `async with`. `directory` holds the issuer's key. A calm one has one replica of each service and no faults;
    `stormy` draws replicas and habits from the seed, and leaves it to `Nemesis` to begin."""

    def __init__(self, directory: Path, seed: int = 0, *, stormy: bool = False, trace: Trace | None = None) -> None:
        self.seed, self.trace, self.happened = seed, trace or Trace(), Counter[str]()
        self.clock = LoopClock()
        self.weathers = {name: self._weather(name) for name in (*SERVICES, "broker")}
        self.databases = {name: Database(self.weathers[name], self.happened) for name in SERVICES}
        self.documents = {name: MongoDocuments(self.databases[name], SeededIds(f"{seed}/{name}")) for name in SERVICES}
        """As an operator's command sees them."""
        self.broker = Broker(self.weathers["broker"], self.chance("broker"), self.happened)
        self.provider = Provider(
            self.chance("provider"), self.chance("webhooks"), self.clock, self.happened, self._post_webhook
        )
        self.edges = Edges(self.chance("network"), self.happened)
        self._issuer = issuer_in(directory, self.clock)
        self._drifts = self.chance("drift") if stormy else None
        self.disks: dict[str, MemoryCreatorIndex] = {}
        self.replicas: dict[str, Anything] = {}
        layouts = self.chance("layout")
        for name in SERVICES:
            roles = layouts.choice(LAYOUTS) if stormy else ("all",)
            for number, role in enumerate(roles):
                self._add(f"{name}-{number}-{role}", role, name)
        gateways = 2 if stormy and layouts.random() < 0.5 else 1
        for number in range(gateways):
            self._add(f"gateway-{number}", "gateway", "gateway")
        self.frontend = Frontend(_Serving(self), self.edges)
        self.api = Api(self.frontend, self.mint, run=f"run-{seed}")
        self._life: list[asyncio.Task[None]] = []
        self._restarts = self.chance("restarts")

    def chance(self, what: str) -> random.Random:
        """A stream of chance of its own, so that a draw more in one place changes nothing in another."""
        return random.Random(f"{self.seed}/{what}")

    def mint(self, subject: str, role: str, party: str | None) -> str:
        return self._issuer.mint(subject, Role(role), party)

    async def __aenter__(self) -> Self:
        asyncio.get_running_loop().set_task_factory(owned_tasks)
        for replica in self.replicas.values():
            life = replica.live(lambda: self._restarts.uniform(0.05, 2), lambda: self._restarts.choice((0.1, 1, 5)))
            self._life.append(asyncio.get_running_loop().create_task(life, name=f"life of {replica.name}"))
        await eventually(lambda: all(replica.up for replica in self.replicas.values()), timeout=60)
        return self

    async def __aexit__(self, *about: object) -> None:
        for life in self._life:
            life.cancel()
        await asyncio.gather(*self._life, return_exceptions=True)
        for replica in self.replicas.values():
            replica.kill()
        asyncio.get_running_loop().set_task_factory(None)

    def of(self, service: str, *roles: str) -> list[Anything]:
        """Replicas of a service in one of these roles."""
        return [one for name, one in self.replicas.items() if name.startswith(f"{service}-") and one.role in roles]

    def calm(self) -> None:
        """No more faults."""
        for weather in self.weathers.values():
            weather.climate = CALM
        self.broker.restless = False
        self.provider.troubled = self.edges.lost = 0.0
        for replica in self.replicas.values():
            replica.keep_down(False)

    async def _post_webhook(self, told: dict[str, Any], headers: Mapping[str, str]) -> int:
        try:
            reply = await self.frontend.request(
                "POST", f"/v1/webhooks/payments/{self.provider.name}", json=told, headers=headers
            )
        except httpx.TransportError:
            return 0
        self.trace.note("provider", f"told {told} {reply.status_code}")
        return reply.status_code

    # --- building ------------------------------------------------------------------------------------------------

    def _weather(self, name: str) -> Weather:
        return Weather(name, CALM, self.chance(f"weather/{name}"), self.trace, self.happened)

    def _add(self, name: str, role: str, service: str) -> None:
        drift = self._drifts.uniform(-2, 2) if self._drifts else 0.0
        clock = WorldClock(self.clock, drift)

        def make(process: Process) -> tuple[Any, Membership | None]:
            ids = SeededIds(f"{self.seed}/{name}/{self.replicas[name].starts}")
            if service == "gateway":
                return self._gateway(clock, ids), None
            membership = Membership(self.broker)
            database = self.databases[service]
            ports = Ports(MongoCommitLog(database, clock, ids), MongoDocuments(database, ids), membership, clock, ids)
            return self._service(service, name, ports), membership

        self.replicas[name] = Replica(name, role, make, self.trace)

    def _service(self, service: str, name: str, ports: Ports) -> Service:
        main: Any = import_module(f"services.{service}.main")
        settings = settings_of(service, str(self._issuer.jwks)).model_copy(update={"instance": name})
        built = main.build(settings, ports, *self._twins(service, name))
        assert isinstance(built, Service)
        return built

    def _twins(self, service: str, name: str) -> tuple[Any, ...]:
        """Of what the service needs from outside on top. A replica's disk outlives its processes."""
        match service:
            case "payments":
                return (self.provider,)
            case "discovery":
                return (self.disks.setdefault(name, MemoryCreatorIndex()),)
            case _:
                return ()

    def _gateway(self, clock: LoopClock, ids: SeededIds) -> Gateway:
        settings = GatewaySettings(oidc_jwks=str(self._issuer.jwks))
        verifier = Verifier(DEVELOPMENT_ISSUER, "limelight", keys_at(str(self._issuer.jwks), clock), clock)
        wires = {name: Wire(_Answering(self, name), self.edges) for name in SERVICES}
        return create_app(wires, settings, verifier, clock=clock, ids=ids)


class _Answering:
    """The replicas of one service that answer, in turns drawn from the seed."""

    def __init__(self, marketplace: Marketplace, service: str) -> None:
        self._marketplace, self._service = marketplace, service
        self._chance = marketplace.chance(f"balance/{service}")

    def answering(self) -> tuple[Process, Service] | None:
        up = [one for one in self._marketplace.of(self._service, "api", "all") if one.up and one.process.alive]
        if not up:
            return None
        chosen = self._chance.choice(up)
        return chosen.process, chosen.running


class _Serving:
    def __init__(self, marketplace: Marketplace) -> None:
        self._marketplace, self._chance = marketplace, marketplace.chance("balance/gateway")

    def serving(self) -> tuple[Process, Gateway] | None:
        up = [one for one in self._marketplace.of("gateway", "gateway") if one.up and one.process.alive]
        if not up:
            return None
        chosen = self._chance.choice(up)
        return chosen.process, chosen.running


@cache
def projections_of(service: str) -> tuple[Projection, ...]:
    return tuple(import_module(f"services.{service}.projections").PROJECTIONS)


@cache
def settings_of(service: str, jwks: str) -> Any:
    """Read once: the environment does not change."""
    return import_module(f"services.{service}.settings").Settings(oidc_jwks=jwks)


def issuer_in(directory: Path, clock: LoopClock) -> DevelopmentIssuer:
    return DevelopmentIssuer(directory, clock=clock)
