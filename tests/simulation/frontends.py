"""What frontends do with an intent: send it under its key until it is answered, sometimes twice at once, and remember what they
were told. What they remember is held against the logs."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import httpx

from libs.events.ids import commit_id_of
from tests.simulation.broken import hold
from tests.simulation.invariants import Watch
from tests.simulation.marketplace import Marketplace
from tests.simulation.network import HttpReply

Json = dict[str, Any]
RETRIED = frozenset({429, 502, 503, 504})
UNKNOWN_CALLER = 401
"""A clock that jumped makes a token invalid: that says nothing of what was sent before."""
TRIES = 8
LONGEST_PAUSE = 3.0


@dataclass(frozen=True, slots=True)
class Person:
    """Who sends. `party`: the brand or creator."""

    role: str
    party: str | None = None

    @property
    def subject(self) -> str:
        return f"{self.role}-{self.party or 'one'}"


@dataclass(slots=True)
class Sent:
    """A command, and what its sender was told: `status` 0 where it never learnt it."""

    who: Person
    path: str
    key: str
    verb: str
    status: int = 0
    version: int = 0
    position: str = ""
    code: str = ""

    @property
    def commit_id(self) -> str:
        """Under which it is committed, unless it is one of a batch or changed nothing."""
        return commit_id_of(self.who.subject, self.who.party or "", self.key)


@dataclass
class Frontends:
    """All people's frontends. `asked`: calls so far."""

    marketplace: Marketplace
    watch: Watch
    chance: random.Random
    sent: list[Sent] = field(default_factory=list)
    asked: int = 0
    _tokens: dict[str, tuple[str, float]] = field(default_factory=dict)

    async def get(self, who: Person, target: str) -> Json | None:
        """None: it is not there, or nobody answers."""
        self.asked += 1
        path, _, asked = target.partition("?")
        try:
            reply = await self._request("GET", who, path, params=dict(parse_qsl(asked)))
        except httpx.TransportError:
            return None
        self._check(reply, path)
        return reply.json() if reply.status_code < 300 else None

    async def post(self, who: Person, path: str, body: Json, verb: str = "POST") -> HttpReply | None:
        """The last answer; None: there was none."""
        self.asked += 1
        sent = Sent(who, path, f"k{len(self.sent)}", verb)
        self.sent.append(sent)
        if self.chance.random() < 0.06:
            twice = await asyncio.gather(self._answer(sent, body), self._answer(sent, body))
            self._happened["the same command twice at once"] += 1
            self._same(sent, [reply for reply, recorded in twice if recorded])
            answered = [(not recorded, one.status_code, -_version(one), one) for one, recorded in twice if one is not None]
            reply = min(answered, key=lambda one: one[:3])[3] if answered else None  # of two the later one: see `_same`
        else:
            reply = await self._insist(sent, body)
        if reply is not None:
            self._remember(sent, reply)
            if reply.status_code < 300 and self.chance.random() < 0.04:
                await self._repeat(sent, body)
        return reply

    async def peek(self, who: Person, path: str) -> None:
        """Opens a live stream and leaves it again."""
        self.asked += 1
        try:
            await self.marketplace.frontend.first_event(path, self._headers(who))
        except httpx.TransportError:
            return

    # --- one intent --------------------------------------------------------------------------------------------------

    async def _answer(self, sent: Sent, body: Json) -> tuple[HttpReply | None, bool]:
        """And whether the command was recorded when it came. One that changed nothing is not: sent again, it is decided anew,
        and may find that there is something to change by now."""
        reply = await self._insist(sent, body)
        return reply, reply is not None and self._committed(sent)

    async def _insist(self, sent: Sent, body: Json) -> HttpReply | None:
        """Again and again under the same key, as long as nobody can say what became of it."""
        reply: HttpReply | None = None
        for attempt in range(TRIES):
            try:
                reply = await self._request(sent.verb, sent.who, sent.path, body=body, key=sent.key)
            except httpx.TransportError:
                reply = None
            if reply is not None and reply.status_code not in RETRIED:
                self._check(reply, sent.path)
                return reply if reply.status_code != UNKNOWN_CALLER else None
            self._happened["a command sent again"] += 1
            await asyncio.sleep(min(LONGEST_PAUSE, 0.1 * 2**attempt) * self.chance.uniform(0.5, 1))
        return None

    async def _repeat(self, sent: Sent, body: Json) -> None:
        """Much later, the same once more, or another request under the same key."""
        if not self._committed(sent):  # it changed nothing, and may find something to change by now: see `_answer`
            sent.status = 0
            if (reply := await self._insist(sent, body)) is not None:
                self._remember(sent, reply)
        elif self.chance.random() < 0.5:
            reply = await self._insist(sent, body)
            if reply is not None:
                hold("the same key, the same answer", reply.status_code < 300, f"{sent.path}: {reply.status_code} {reply.text}")
                hold("the same key, the same answer", _version(reply) == sent.version, f"{sent.path} moved on")
                self._happened["an answer given again"] += 1
        elif (reply := await self._insist(sent, {**body, "reason": "another request"})) is not None:
            hold("a key is for one request", reply.status_code in (400, 409), f"{sent.path}: {reply.status_code} {reply.text}")
            self._happened["a key reused"] += 1

    def _same(self, sent: Sent, replies: list[HttpReply | None]) -> None:
        """A command that was done is done for whoever sends it again. What is older than it was said before it was done."""
        done = self.watch.logs.ids.get(sent.commit_id)
        told = {(reply.status_code, _version(reply)) for reply in replies if reply is not None and reply.status_code < 300}
        told = {(status, version) for status, version in told if done is None or version >= done[1].last}
        hold("the same key, the same answer", len(told) <= 1, f"{sent.path}: {told}")

    def _committed(self, sent: Sent) -> bool:
        self.watch.look()
        return sent.commit_id in self.watch.logs.ids

    def _remember(self, sent: Sent, reply: HttpReply) -> None:
        sent.status = reply.status_code
        if reply.status_code < 300:
            sent.version, sent.position = _version(reply), reply.headers.get("limelight-position", "")
        else:
            sent.code = str(reply.json().get("code", ""))
        self._happened[f"commands {'accepted' if reply.status_code < 300 else 'refused'}"] += 1

    # --- the wire ----------------------------------------------------------------------------------------------------

    async def _request(
        self, method: str, who: Person, path: str, *, body: Json | None = None, params: Json | None = None, key: str = ""
    ) -> HttpReply:
        headers = self._headers(who) | ({"idempotency-key": key} if key else {})
        self._happened["requests"] += 1
        reply = await self.marketplace.frontend.request(method, path, json=body, params=params, headers=headers)
        told = f"{method} {path} {key} {reply.status_code}"
        self.marketplace.trace.note(who.subject, told + (f" {reply.text}" if reply.status_code >= 400 else ""))
        return reply

    def _headers(self, who: Person) -> dict[str, str]:
        now = self.marketplace.clock.now().timestamp()
        token, until = self._tokens.get(who.subject, ("", 0.0))
        if not token or not until - 12 * 3600 - 5 < now < until - 60:
            token, until = self.marketplace.mint(who.subject, who.role, who.party), now + 12 * 3600
            self._tokens[who.subject] = (token, until)
        return {"authorization": f"Bearer {token}"}

    def _check(self, reply: HttpReply, path: str) -> None:
        hold("no internal error", reply.status_code != 500, f"{path}: {reply.text}")

    @property
    def _happened(self) -> Counter[str]:
        return self.marketplace.happened


def _version(reply: HttpReply) -> int:
    etag = reply.headers.get("etag", "").strip('"')
    return int(etag) if etag.isdigit() else 0
