"""The whole marketplace as processes, as `limelight up` starts it, and a look into what it has stored."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from cli import people, state
from cli.console import SERVICES
from cli.opening import opened
from cli.story.api import Api
from cli.supervision import Supervision
from libs.events.envelope import Commit, topic

WEBHOOK_SECRET = "whsec_dGhlIHNlY3JldCBvZiB0aGUgZTJlIHRlc3Rz"
"""That the sandbox signs with."""
UP, DOWN = 90, 60
"""Seconds that a start and a stop may take on a loaded machine."""


@dataclass(frozen=True)
class Marketplace:
    """A run in a data directory of its own, on free ports."""

    data: Path

    def up(self) -> None:
        self.limelight("up", "--detach", "--ports", "auto", timeout=UP)

    def down(self) -> None:
        self.limelight("down", timeout=DOWN)

    def limelight(self, *arguments: str, timeout: float = 60) -> str:
        """Runs a command of the CLI; returns what it prints."""
        done = subprocess.run(
            [sys.executable, "-m", "cli.main", *arguments, "--data-dir", str(self.data)],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env={**os.environ, "COLUMNS": "120", "PAYMENT_WEBHOOK_SECRETS": f'["{WEBHOOK_SECRET}"]'},
        )
        assert done.returncode == 0, f"limelight {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    @property
    def url(self) -> str:
        found = state.running(self.data)
        assert found is not None
        return found.url

    @property
    def kafka(self) -> str:
        return state.kafka_address(self.data)

    def kill(self, name: str) -> None:
        """kill -9; the supervisor starts it again."""
        pid = self.pid(name)
        assert pid, f"{name} does not run"
        os.kill(pid, signal.SIGKILL)

    def pid(self, name: str) -> int:
        """0 while it does not run."""
        return int(Supervision(self.data).processes()[name]["pid"])

    @asynccontextmanager
    async def api(self) -> AsyncIterator[Api]:
        async with httpx.AsyncClient(base_url=self.url, timeout=10.0, trust_env=False) as client:
            yield Api(client, people.minter(self.data))

    async def commits(self, service: str) -> list[Commit]:
        """Everything that the service has stored."""
        async with opened(service, self.data) as store:
            return await store.log.read(0, 1_000_000)

    async def stored(self) -> int:
        """How many commits there are, of all services."""
        heads = 0
        for service in SERVICES:
            async with opened(service, self.data) as store:
                heads += await store.log.head()
        return heads

    async def settled(self) -> int:
        """The same, once nothing more comes: reactions to what a test before did are done."""
        before = -1
        while (now := await self.stored()) != before:
            before = now
            await asyncio.sleep(0.3)
        return now

    async def published(self, service: str) -> list[ConsumerRecord]:
        """Everything that stands in the service's topic, read by a plain client without a group."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.kafka, enable_auto_commit=False, auto_offset_reset="earliest")
        await consumer.start()
        try:
            partitions = [TopicPartition(topic(service), p) for p in consumer.partitions_for_topic(topic(service)) or ()]
            if not partitions:
                partitions = [TopicPartition(topic(service), p) for p in range(12)]
            consumer.assign(partitions)
            ends = await consumer.end_offsets(partitions)
            found: list[ConsumerRecord] = []
            while sum(ends.values()) > len(found):
                for records in (await consumer.getmany(timeout_ms=500)).values():
                    found += records
            return found
        finally:
            await consumer.stop()
