"""Requests at a fixed rate, each an intent of its own that waits for no other: commands and questions to every service in turn.
Each is stamped with the time at which it was meant to be sent, and lasts until it is answered, however often it is sent."""

from __future__ import annotations

import asyncio
import math
import random
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Self

from cli import people
from cli.story.api import Api, Broken, Json, Person, Refused
from libs.events.envelope import iso
from tests.chaos.deals import Deal, begun, draft, is_launched
from tests.chaos.stack import Stack
from tests.chaos.traffic import Client, Seen, Timed, Timing

WANTED = {"niches": ["cooking"], "order": "followers", "pageSize": 10}
DEPOSIT = {"amount": {"amount": 10_000, "currency": "USD"}}


@dataclass(frozen=True, slots=True)
class Request:
    """`changes`: whether it is a command."""

    who: Person
    method: str
    path: str
    body: Json | None = None
    changes: bool = False


@dataclass
class Load:
    """Runs between `async with`. `rate`: requests that begin per second."""

    stack: Stack
    seed: int
    rate: float
    seen: Seen = field(default_factory=Seen)
    timings: list[Timing] = field(default_factory=list)
    """Of all requests; `seen.timings` has those of commands only."""
    _parts: AsyncExitStack = field(default_factory=AsyncExitStack)
    _over: bool = False

    async def __aenter__(self) -> Self:
        self._http = await self._parts.enter_async_context(Timed(self.stack, self.seen))
        self._mint = people.minter(self.stack.data)
        self._sending = asyncio.create_task(self._send_all(await asked_about(self._api("load"), self.seed)))
        return self

    async def __aexit__(self, *about: object) -> None:
        """Nothing is sent any more; returns when what was sent is answered."""
        self._over = True
        await self._sending
        await self._parts.aclose()

    async def _send_all(self, deal: Deal) -> None:
        loop, number = asyncio.get_running_loop(), 0
        due = loop.time()
        async with asyncio.TaskGroup() as requests:
            while not self._over:
                await asyncio.sleep(max(0.0, due - loop.time()))
                requests.create_task(self._send(number, request(deal, number), due))
                number += 1
                due += 1 / self.rate

    async def _send(self, number: int, request: Request, due: float) -> None:
        api = self._client(number, due) if request.changes else self._api(f"load-{number}")
        try:
            await api.call(request.method, request.who, request.path, body=request.body)
        except (Broken, Refused) as failure:
            self.seen.broken.append(f"request {number}, {request.method} {request.path}: {failure}")
        self.timings.append(Timing(due, asyncio.get_running_loop().time()))

    def latencies(self, since: float, until: float = math.inf) -> list[float]:
        return [timing.latency for timing in self.timings if since <= timing.intended < until]

    def _api(self, run: str) -> Api:
        return Api(self._http, self._mint, f"{run}-{self.seed}", self.stack.patience)

    def _client(self, number: int, due: float) -> Client:
        """Keeps what it was told, to be held against what is stored."""
        return Client(self._http, self._mint, f"load-{number}-{self.seed}", self.stack.patience, seen=self.seen, began=due)


async def asked_about(api: Api, seed: int) -> Deal:
    """A deal of which every service knows something."""
    deal = await begun(api, random.Random(seed))
    await is_launched(deal)
    dashboard = f"/v1/campaigns/{deal.campaign}/dashboard"
    await api.until("there is a dashboard", lambda: api.get(deal.brand, dashboard))
    return deal


def request(deal: Deal, number: int) -> Request:
    """What comes at this number. Of each service a question; commands where one can be given again and again."""
    brand, creator, party = deal.brand, deal.creator, deal.brand.party
    now = datetime.now(UTC)
    away = {"absence": {"startsAt": iso(now), "endsAt": iso(now + timedelta(days=1 + number % 90))}}
    requests = (
        Request(brand, "POST", "/v1/campaigns", draft(deal), changes=True),
        Request(brand, "GET", f"/v1/campaigns/{deal.campaign}"),
        Request(creator, "PUT", f"/v1/creators/{creator.party}/availability", away, changes=True),
        Request(brand, "POST", "/v1/creators:search", WANTED),
        Request(brand, "POST", f"/v1/brands/{party}/deposits", DEPOSIT, changes=True),
        Request(brand, "GET", f"/v1/accounts/{party}"),
        Request(brand, "GET", "/v1/threads"),
        Request(brand, "GET", f"/v1/campaigns/{deal.campaign}/dashboard"),
    )
    return requests[number % len(requests)]
