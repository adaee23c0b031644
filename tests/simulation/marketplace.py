"""The whole marketplace in one process: real gateway, services, relays, consumers and deadlines on the ports' in-memory twins.
What is twinned is the four ports, the gRPC transport and the process boundary; everything else is what production runs."""

from __future__ import annotations

from contextlib import AsyncExitStack
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
from libs.events.memory import LoopClock, MemoryBus, MemoryCommitLog, MemoryDocuments, SeededIds
from libs.events.ports import Ports
from services.gateway.app import create_app
from services.gateway.settings import Settings as GatewaySettings

SERVICES = ("discovery", "campaigns", "messaging", "payments", "analytics")


class Marketplace:
    """Runs between `async with`; `api` calls its gateway as a frontend would. `directory` holds the issuer's key."""

    def __init__(self, directory: Path, seed: int = 0) -> None:
        self.clock, self.bus = LoopClock(), MemoryBus()
        issuer = DevelopmentIssuer(directory, clock=self.clock)
        self.ports = {
            name: Ports(MemoryCommitLog(), MemoryDocuments(), self.bus, self.clock, SeededIds(f"{seed}/{name}"))
            for name in SERVICES
        }
        self.services = {name: _service(name, issuer.jwks, self.ports[name]) for name in SERVICES}
        keys = keys_at(str(issuer.jwks), self.clock)
        self.gateway = create_app(
            self.services,
            GatewaySettings(oidc_jwks=str(issuer.jwks)),
            Verifier(DEVELOPMENT_ISSUER, "limelight", keys, self.clock),
            clock=self.clock,
            ids=SeededIds(f"{seed}/gateway"),
        )
        self._transport = httpx.ASGITransport(self.gateway)
        self._client = httpx.AsyncClient(transport=self._transport, base_url="http://limelight.test")
        self.api = Api(self._client, lambda sub, role, party: issuer.mint(sub, Role(role), party), run=f"run-{seed}")
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._client)
        for service in self.services.values():
            await service.start("all")
            self._stack.push_async_callback(service.stop)
        return self

    async def __aexit__(self, *about: object) -> None:
        await self._stack.aclose()


def _service(name: str, jwks: Path, ports: Ports) -> Service:
    main: Any = import_module(f"services.{name}.main")
    settings: Any = import_module(f"services.{name}.settings").Settings(oidc_jwks=str(jwks))
    built = main.build(settings, ports)
    assert isinstance(built, Service)
    return built
