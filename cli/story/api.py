"""A frontend's view of the gateway: JSON over HTTP, a token per person, and the same `Idempotency-Key` on every retry."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

Json = dict[str, Any]
RETRIED = frozenset({429, 502, 503, 504})
"""What a good frontend tries again, under the same key: the request may or may not have been carried out."""
PATIENCE = 30.0
"""Seconds after which a story that does not go on is broken, unless one is told otherwise."""
LONGEST_PAUSE = 1.0
"""Seconds between two tries, which begin close together: an outage is not made worse by those who wait for its end."""


class Refused(Exception):
    """The marketplace said no, with a problem (RFC 9457)."""

    def __init__(self, status: int, problem: Json) -> None:
        super().__init__(f"{status} {problem.get('code', '')}: {problem.get('detail', '')}")
        self.status, self.problem = status, problem

    @property
    def code(self) -> str:
        return str(self.problem.get("code", ""))


class Broken(Exception):
    """The story did not go on as it must."""


@dataclass(frozen=True)
class Person:
    """Somebody with a token."""

    name: str
    role: str
    party: str | None
    token: str


@dataclass
class Answer:
    body: Json
    etag: str = ""
    position: str = ""


@dataclass
class Api:
    """Calls as one person or another. `mint(subject, role, party)` makes a token."""

    client: httpx.AsyncClient
    mint: Callable[[str, str, str | None], str]
    run: str = field(default_factory=lambda: uuid.uuid4().hex)
    patience: float = PATIENCE
    calls: int = 0

    def person(self, name: str, role: str, party: str | None = None) -> Person:
        return Person(name, role, party, self.mint(name, role, party))

    async def get(self, who: Person, path: str, **params: Any) -> Json:
        return (await self.call("GET", who, path, params=params)).body

    async def post(self, who: Person, path: str, body: Json | None = None) -> Json:
        return (await self.call("POST", who, path, body=body or {})).body

    async def call(
        self,
        method: str,
        who: Person,
        path: str,
        *,
        body: Json | None = None,
        params: Json | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """One intent, however often it has to be sent: the key stays the same; `headers` may bring one."""
        self.calls += 1
        send = {"authorization": f"Bearer {who.token}", **(headers or {})}
        if method != "GET":
            send.setdefault("idempotency-key", f"{self.run}-{self.calls}")
        loop = asyncio.get_running_loop()
        deadline, pause = loop.time() + self.patience, 0.1
        while True:
            problem, told = "no answer", 0.0
            try:
                reply = await self.client.request(method, path, json=body, params=params, headers=send)
                if reply.status_code < 300:
                    return Answer(reply.json(), reply.headers.get("etag", ""), reply.headers.get("limelight-position", ""))
                if reply.status_code not in RETRIED:
                    raise Refused(reply.status_code, _json(reply))
                problem, told = reply.text, _retry_after(reply)
            except httpx.TransportError as error:
                problem = repr(error)
            if loop.time() > deadline:
                raise Broken(f"{method} {path} has not been answered for {self.patience:.0f} s: {problem}")
            await asyncio.sleep(max(pause, min(told, self.patience)))
            pause = min(LONGEST_PAUSE, 2 * pause)

    async def until(
        self, what: str, ask: Callable[[], Awaitable[Json]], holds: Callable[[Json], bool] = lambda _: True
    ) -> Json:
        """Asks again until it holds: facts travel through Kafka in milliseconds, not at once. Not-found counts as not yet."""
        loop = asyncio.get_running_loop()
        deadline, pause = loop.time() + self.patience, 0.02
        last: object = None
        while loop.time() < deadline:
            try:
                last = await ask()
                if holds(last):
                    return last
            except Refused as refused:
                if refused.status != 404:
                    raise
                last = refused
            await asyncio.sleep(pause)
            pause = min(LONGEST_PAUSE, 1.2 * pause)
        raise Broken(f"{what}: not within {self.patience:.0f} s; last seen: {last}")


def _retry_after(reply: httpx.Response) -> float:
    """Seconds that the gateway asks us to wait."""
    told = reply.headers.get("retry-after", "")
    return float(told) if told.isascii() and told.isdigit() else 0.0


def _json(reply: httpx.Response) -> Json:
    try:
        parsed = reply.json()
    except ValueError:
        return {"detail": reply.text}
    return parsed if isinstance(parsed, dict) else {"detail": reply.text}
