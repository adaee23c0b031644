"""Every cell of who may call what: an rpc, a caller, and a thing that is there or not. It is asked of the gateway and, past it,
of the service itself."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cli.story.cast import creators
from libs.chassis.descriptors import Method, load
from libs.chassis.messages import converters
from libs.chassis.upstream import AUTHORIZATION
from libs.events.decider import Refusal
from libs.events.envelope import iso
from libs.events.ids import compose
from tests.simulation.marketplace import Marketplace
from tests.simulation.moves import MOVES, Scene
from tests.simulation.network import HttpReply, in_process
from tests.simulation.who_may import ACCOUNTS, BY_SIGNATURE, CALLERS, IN_THE_BODY, LAST, LISTS, NOBODY, ROLES, WHO_MAY

Json = dict[str, Any]
METHODS: Mapping[str, Method] = {method.name: method for method in load().methods()}
MISSING = "0000000000missing"
UNIQUE = "traceId"
"""What differs between two refusals of the same."""
COMMANDS = frozenset(name for name, method in METHODS.items() if method.http[0].verb != "GET") - BY_SIGNATURE
"""Those that change something, and those that are asked by POST."""


@dataclass(frozen=True, slots=True)
class Told:
    """How a call was answered. `said`: the refusal with the thing's id and what is unique taken out; of an answer, its text."""

    status: int
    code: str
    said: Any


@dataclass(frozen=True, slots=True)
class Cell:
    """`line`: of the table."""

    line: str
    caller: str
    there: bool

    @property
    def rpc(self) -> str:
        return self.line.partition(",")[0]

    @property
    def expected(self) -> str:
        """`answer`; or why there is none."""
        if self.caller == NOBODY:
            return "TOKEN_MISSING"
        role, named = ROLES[self.caller], WHO_MAY[self.line]
        if role not in {ROLES[who] for line, whos in WHO_MAY.items() if line.partition(",")[0] == self.rpc for who in whos}:
            return "ROLE_NOT_ALLOWED"
        if self.caller not in named:
            return "another's" if self.rpc in LISTS else "NOT_FOUND"
        all_are_open = self.line in ACCOUNTS and role not in ("brand", "creator")
        return "answer" if self.there or all_are_open else "NOT_FOUND"


def cells() -> Iterator[Cell]:
    """Those that change the thing that others ask about come last, those that are refused first."""
    of_all = [
        Cell(line, caller, there) for line in WHO_MAY for caller in CALLERS for there in (True, False) if there or key(line)
    ]
    return iter(sorted(of_all, key=lambda cell: (cell.expected == "answer", cell.rpc in LAST and LAST.index(cell.rpc) + 1)))


def key(line: str) -> str:
    """The field that says which thing it is about; empty: it is about none."""
    rpc = line.partition(",")[0]
    path = METHODS[rpc].http[0].template
    return IN_THE_BODY.get(rpc) or (path.partition("{")[2].partition("}")[0] if "{" in path else "")


@dataclass
class Things:
    """The ids of one deal's things by field name, and who its people are. `others`: ids of a line's own."""

    ids: dict[str, Any]
    people: dict[str, str | None]
    others: dict[str, tuple[dict[str, Any], dict[str, str | None]]] = field(default_factory=dict)

    def of(self, cell: Cell) -> tuple[dict[str, Any], dict[str, str | None]]:
        ids, people = self.others.get(cell.line, ({}, {}))
        ids = {**self.ids, **ids}
        if not cell.there:
            name = key(cell.line)
            ids[name] = f"{str(ids[name]).partition('_')[0]}_{MISSING}"
        return ids, {**self.people, **people}

    def known(self, cell: Cell) -> bool:
        """Whether the story has come to the thing yet."""
        path = METHODS[cell.rpc].http[0].template
        names = {part.partition("}")[0] for part in path.split("{")[1:]} | {key(cell.line), LISTS.get(cell.rpc, "")} - {""}
        return names <= self.ids.keys() | self.others.get(cell.line, ({}, {}))[0].keys()


@dataclass
class Matrix:
    """Asks, as each of the callers."""

    marketplace: Marketplace
    things: Things

    async def told(self, cell: Cell, under: str = "") -> Told:
        """By the gateway. `under`: an idempotency key."""
        method = METHODS[cell.rpc]
        ids, people = self.things.of(cell)
        verb, path = method.http[0].verb, method.http[0].template.format(**ids)
        body = self._body(cell, ids, people)
        headers = self._headers(cell.caller, people) | ({"idempotency-key": under} if under else {})
        frontend = self.marketplace.frontend
        if method.streaming:
            reply = await frontend.first_event(path, headers)
        elif verb == "GET":
            reply = await frontend.request(verb, path, params=body, headers=headers)
        else:
            reply = await frontend.request(verb, path, json=body, headers=headers)
        return _told(reply, str(ids.get(key(cell.line))))

    async def told_unsigned(self, caller: str) -> Told:
        """Of a webhook of the provider's, by the gateway."""
        path = f"/v1/webhooks/payments/{self.marketplace.provider.name}"
        headers = self._headers(caller, self.things.people)
        reply = await self.marketplace.frontend.request("POST", path, json={"type": "charge"}, headers=headers)
        return _told(reply, "")

    async def told_by_the_service(self, cell: Cell) -> str:
        """The code of its refusal; `answer`, if it answers. As if there were no gateway."""
        method = METHODS[cell.rpc]
        ids, people = self.things.of(cell)
        in_path = {name: ids[name] for name in method.input.fields_by_name if f"{{{name}}}" in method.http[0].template}
        body = {_camel(name): value for name, value in in_path.items()} | self._body(cell, ids, people)
        request = converters(method.input).from_json(body)
        metadata = {AUTHORIZATION: self._headers(cell.caller, people).get("authorization", "")}
        replica = self.marketplace.of(method.owner, "all")[0]
        try:
            if method.streaming:
                await in_process(replica.process, anext(replica.running.stream(method.path, request, metadata)))
            else:
                reply = await in_process(replica.process, replica.running.call(method.path, request, metadata))
                return _fate(converters(method.output).to_json(reply.message)) or "answer"
        except Refusal as refusal:
            return refusal.code
        return "answer"

    def _headers(self, caller: str, people: Mapping[str, str | None]) -> dict[str, str]:
        if caller == NOBODY:
            return {}
        token = self.marketplace.mint(caller, ROLES[caller], people.get(caller))
        return {"authorization": f"Bearer {token}"}

    def _body(self, cell: Cell, ids: Mapping[str, Any], people: Mapping[str, str | None]) -> Json:
        if make := BODIES.get(cell.rpc):
            thing = {_camel(name): value for name, value in ids.items()}
            thing |= {"creators": [ids["creator_id"]], "last": ids.get("message_id")}
            chance = random.Random(f"{cell.line} {cell.caller}")
            return make(Scene(thing, self.marketplace.clock.now(), chance, people.get(cell.caller) or "somebody"))
        return {}


def _told(reply: HttpReply, id_: str) -> Told:
    status, code = reply.status_code, ""
    if status >= 300:
        problem = reply.json()
        code = problem["code"]
        said: Any = {name: value for name, value in problem.items() if name != UNIQUE}
        said |= {"headers": sorted((name, value) for name, value in reply.headers.items() if name != "content-length")}
        return Told(status, code, _without(said, id_))
    if not reply.headers["content-type"].startswith("application/json"):
        return Told(status, code, reply.text)
    answer = reply.json()
    if code := _fate(answer):
        return Told(404 if code == "NOT_FOUND" else 400, code, _without(answer, id_))
    return Told(status, code, reply.text)


def _without(said: Any, id_: str) -> Any:
    return repr(said).replace(id_, "…")


def _fate(answer: Json) -> str:
    """Why the one command of a batch was refused."""
    results = answer.get("results") or [{}]
    return str(results[0].get("code") or "")


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def _imported(scene: Scene) -> Json:
    [(_, application)] = creators(1, 1, 1, scene.now)
    return {"creators": [{"creatorId": compose("crt", scene.now, scene.chance.getrandbits(80)), **application}]}


def _reported(scene: Scene) -> Json:
    """By whoever it is: a creator has no other source."""
    report = {"postId": scene.thing["postId"], "source": "creator_report", "organic": {"views": 1}}
    return {"reports": [{**report, "capturedAt": iso(scene.now)}]}


BODIES: Mapping[str, Callable[[Scene], Json]] = {
    **{move.rpc: move.body for moves in MOVES.values() for move in moves},
    "RegisterBrand": lambda _: {"name": "Glow", "website": "https://glow.example"},
    "ImportCreators": _imported,
    "SearchCreators": lambda _: {"niches": ["cooking"]},
    "BatchGetCreators": lambda scene: {"creatorIds": [scene.thing["creatorId"]]},
    "FindSimilarCreators": lambda scene: {"creatorIds": [scene.thing["creatorId"]]},
    "SuggestWords": lambda _: {"beginning": "an"},
    "GetBenchmarks": lambda _: {"niche": "cooking", "tier": "micro"},
    "ReportMetrics": _reported,
    "AddToShortlist": lambda scene: {"creatorId": scene.thing["creatorId"]},
}
"""A valid request of each: one that is refused is refused for its sender."""
