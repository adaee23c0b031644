"""What the rows run against: an embedded Kafka and MongoDB of this run's own, started when a row first asks for one; or those
that `KAFKA_BOOTSTRAP_SERVERS` and `MONGO_URL` name."""

from __future__ import annotations

import os
import platform
import tempfile
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Self

from motor.motor_asyncio import AsyncIOMotorClient

from bench.harness import Skipped
from deploy.local.embedded import HOST, Embedded, NotInstalled, NotReady

MONGO_URL, KAFKA = "MONGO_URL", "KAFKA_BOOTSTRAP_SERVERS"


class World:
    """An asynchronous context: what it started is stopped, and its data forgotten, in the end."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="limelight-bench-")
        self._started: dict[str, Embedded] = {}
        self.data = Path(self._folder.name)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in self._started.values():
            server.stop()
        self._folder.cleanup()

    async def mongo(self) -> str:
        """Its address."""
        given = os.environ.get(MONGO_URL)
        return given or f"mongodb://{HOST}:{self._embedded('mongo').port}"

    async def kafka(self) -> str:
        """Its bootstrap servers."""
        given = os.environ.get(KAFKA)
        return given or f"{HOST}:{self._embedded('kafka').port}"

    async def machine(self) -> str:
        """Cores, Python, and the stores' versions; nothing that names the machine."""
        stores = ["an external Kafka" if KAFKA in os.environ else f"noida-db {version('noida-db')}"]
        if MONGO_URL in os.environ:
            client = AsyncIOMotorClient(os.environ[MONGO_URL])
            stores.append(f"MongoDB {(await client.server_info())['version']}")
            client.close()
        else:
            stores.append(f"SecantusDB {version('secantusdb')}")
        return ", ".join([f"{os.cpu_count()} cores", f"Python {platform.python_version()}", *stores])

    def _embedded(self, name: str) -> Embedded:
        if name not in self._started:
            make = Embedded.mongo if name == "mongo" else Embedded.kafka
            try:
                self._started[name] = make(self.data / name).start()
            except (NotInstalled, NotReady) as failed:
                raise Skipped(f"no embedded {name}: {failed}") from failed
        return self._started[name]
