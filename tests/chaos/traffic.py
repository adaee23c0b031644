"""Open-loop traffic: deals begin at a fixed rate and each of their steps has its time, whatever became of those before. What
is sent late is stamped with the time at which it was meant to be sent: an outage is seen by everyone who would have come."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from cli import people
from cli.story.api import Answer, Api, Broken, Json, Person, Refused
from libs.events.ids import commit_id_of
from tests.chaos.deals import play
from tests.chaos.stack import Stack

PACE = 0.4
"""Seconds between two steps of a deal."""
GIVES_UP = 10.0
"""Seconds after which a client stops waiting for an answer."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A command that was answered with success: it must stand."""

    path: str
    key: str
    commit_id: str
    service: str
    position: int
    version: int


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds on the loop's clock."""

    intended: float
    answered: float

    @property
    def latency(self) -> float:
        return self.answered - self.intended


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request of many that a call may take. Seconds on the loop's clock; `status` 0: no answer came."""

    path: str
    began: float
    ended: float
    status: int

    @property
    def took(self) -> float:
        return self.ended - self.began


@dataclass
class Seen:
    """What the traffic's clients have seen."""

    accepted: list[Accepted] = field(default_factory=list)
    refused: list[tuple[str, str, str]] = field(default_factory=list)
    """Path, commit id, code."""
    timings: list[Timing] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    ended: dict[str, int] = field(default_factory=dict)
    """How deals ended: as meant, by the name of their ending."""
    broken: list[str] = field(default_factory=list)

    def latencies(self, since: float = -math.inf, until: float = math.inf) -> list[float]:
        return [timing.latency for timing in self.timings if since <= timing.intended < until]


class Balanced(httpx.AsyncHTTPTransport):
    """As a cluster's Service does: to each gateway in turn, and where a connection is refused to the next one."""

    def __init__(self, gateways: Sequence[str]) -> None:
        super().__init__(trust_env=False)
        self._count, self._turns = len(gateways), itertools.cycle(map(httpx.URL, gateways))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        for _ in range(self._count - 1):
            with contextlib.suppress(httpx.ConnectError):
                return await self._sent(request)
        return await self._sent(request)

    async def _sent(self, request: httpx.Request) -> httpx.Response:
        gateway = next(self._turns)
        request.url = request.url.copy_with(host=gateway.host, port=gateway.port)
        return await super().handle_async_request(request)


class Timed(httpx.AsyncClient):
    """Notes how long each request took, whatever came of it."""

    def __init__(self, stack: Stack, seen: Seen) -> None:
        gateways = stack.gateways or [stack.url]
        super().__init__(base_url=stack.url, timeout=GIVES_UP, trust_env=False, transport=Balanced(gateways))
        self._seen = seen

    async def request(self, method: str, url: Any, **more: Any) -> httpx.Response:
        loop, status = asyncio.get_running_loop(), 0
        began = loop.time()
        try:
            reply = await super().request(method, url, **more)
            status = reply.status_code
            return reply
        finally:
            self._seen.attempts.append(Attempt(str(url), began, loop.time(), status))


@dataclass
class Client(Api):
    """A frontend of one deal: it keeps to the deal's timetable, and to what it was told."""

    seen: Seen = field(default_factory=Seen)
    began: float = 0.0
    steps: int = 0

    async def call(self, method: str, who: Person, path: str, **more: Any) -> Answer:
        if method == "GET":
            return await super().call(method, who, path, **more)
        intended = self.began + self.steps * PACE
        self.steps += 1
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, intended - loop.time()))
        key = f"{self.run}-{self.calls + 1}"
        part = ("0",) if path == "/v1/metrics:report" else ()
        commit_id = commit_id_of(who.name, who.party or "", key, *part)
        try:
            answer = await super().call(method, who, path, **more)
        except Refused as refusal:
            self.seen.refused.append((path, commit_id, refusal.code))
            raise
        self.seen.timings.append(Timing(intended, loop.time()))
        service, position, _ = answer.position.split(".")
        version = int(answer.etag.strip('"') or 0)
        self.seen.accepted.append(Accepted(path, key, commit_id, service, int(position), version))
        return answer

    async def post(self, who: Person, path: str, body: Json | None = None) -> Json:
        return (await self.call("POST", who, path, body=body or {})).body


class Traffic:
    """`rate`: deals that begin per second. What they are follows from the seed."""

    def __init__(self, stack: Stack, seed: int, rate: float) -> None:
        self.seen = Seen()
        self._stack, self._seed, self._rate = stack, seed, rate
        self._mint = people.minter(stack.data)
        self._number = 0
        self._deals: set[asyncio.Task[None]] = set()
        self._beginning: asyncio.Task[None] | None = None

    @property
    def in_hand(self) -> int:
        return len(self._deals)

    async def __aenter__(self) -> Traffic:
        self._beginning = asyncio.create_task(self._begin_deals())
        return self

    async def __aexit__(self, *about: object) -> None:
        """No deal begins any more; returns when those in hand have ended."""
        assert self._beginning is not None
        self._beginning.cancel()
        await asyncio.gather(self._beginning, return_exceptions=True)
        await asyncio.gather(*self._deals)

    async def _begin_deals(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            await asyncio.sleep(max(0.0, due - loop.time()))
            self._number += 1
            deal = asyncio.create_task(self._deal(self._number, due))
            self._deals.add(deal)
            deal.add_done_callback(self._deals.discard)
            due += 1 / self._rate

    async def _deal(self, number: int, due: float) -> None:
        chance = random.Random(f"{self._seed}/{number}")
        async with Timed(self._stack, self.seen) as http:
            client = Client(http, self._mint, f"chaos-{self._seed}-{number}", self._stack.patience, seen=self.seen, began=due)
            try:
                ending = await play(client, chance)
                self.seen.ended[ending] = self.seen.ended.get(ending, 0) + 1
            except (Broken, Refused) as failure:
                self.seen.broken.append(f"deal {number}: {failure}")


def percentile(latencies: Sequence[float], share: float) -> float:
    """The latency that this share of all did not exceed; NaN of none."""
    return sorted(latencies)[math.ceil(share * len(latencies)) - 1] if latencies else math.nan


def told(latencies: Sequence[float]) -> str:
    p50, p95, p99 = (f"{1000 * percentile(latencies, share):,.0f}" for share in (0.5, 0.95, 0.99))
    return f"p50 {p50} ms, p95 {p95} ms, p99 {p99} ms of {len(latencies)}"
