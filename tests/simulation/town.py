"""The people: brands, creators, operators and importers, who do what makes sense, and sometimes what does not."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any

from libs.events.ids import compose
from tests.simulation.broken import hold
from tests.simulation.frontends import Frontends, Json, Person
from tests.simulation.invariants import Watch
from tests.simulation.marketplace import Marketplace
from tests.simulation.moves import LOOKS, MOVES, OPEN, STREAMS, Move, Scene
from tests.simulation.network import HttpReply

BRANDS, CREATORS, AT_ONCE = 2, 5, 4
"""`AT_ONCE`: things that are done at one time. With eight a thousand seeds cost an eighth less, and half as many
deals are paid."""
PATHS = {
    "brand": "/v1/brands",
    "creator": "/v1/creators",
    "campaign": "/v1/campaigns",
    "engagement": "/v1/engagements",
    "contract": "/v1/contracts",
    "post": "/v1/posts",
    "thread": "/v1/threads",
    "shortlist": "/v1/shortlists",
    "savedSearch": "/v1/savedSearches",
}
KINDS = {"cmp": "campaign", "eng": "engagement", "ctr": "contract", "pst": "post", "thr": "thread"}
KINDS |= {"lst": "shortlist", "srh": "savedSearch"}
URGENCY = {"brand": 0.1, "creator": 0.1, "thread": 0.2, "post": 0.3, "shortlist": 0.2, "savedSearch": 0.2}
"""What can always be done waits for what can only be done now."""
USUAL = 4.0
"""A move's weight; what is seldom done is seldom a reason to look at a thing."""
THOUGHTS = 8
INTEREST = {"contract": 60, "engagement": 20, "campaign": 5, "brand": 1, "creator": 1, "post": 5, "thread": 2}
INTEREST |= {"shortlist": 1, "savedSearch": 0.3}
MISTAKES, STRANGERS, LOOKERS, WATCHERS, SEARCHES, REREADS = 0.06, 0.03, 0.08, 0.01, 0.02, 0.2
OPERATOR, IMPORTER = Person("operator"), Person("service")
QUESTIONS = (
    ("search", {"niches": ["cooking"], "followers": {"least": 10_000}, "order": "followers", "facets": ["country"]}),
    ("search", {"engagementRate": {"least": 0.01, "method": "by_views"}, "order": "engagement_rate", "explain": True}),
    ("search", {"text": "ana cookng", "audience": [{"kind": "country", "value": "DE", "least": 0.4}], "available": True}),
    ("search", {"price": {"most": 60_000, "currency": "USD"}, "order": "price", "pageSize": 2}),
)
"""What brands ask the directory."""


@dataclass
class Town:
    """Everybody, and what they have heard of."""

    marketplace: Marketplace
    watch: Watch
    frontends: Frontends = field(init=False)
    chance: random.Random = field(init=False)
    known: dict[str, dict[str, None]] = field(default_factory=lambda: {kind: {} for kind in PATHS})
    seen: dict[str, Json] = field(default_factory=dict)
    """Things as they were last seen, which may be a while ago."""
    _heard: int = 0
    _invited: set[tuple[str | None, str]] = field(default_factory=set)
    """Campaigns and creators that were brought together, or tried to."""

    def __post_init__(self) -> None:
        self.chance = self.marketplace.chance("people")
        self.frontends = Frontends(self.marketplace, self.watch, self.marketplace.chance("frontends"))

    async def live(self, operations: int) -> None:
        """Until so many calls were made, several at once."""
        await self._arrive()

        async def go_on() -> None:
            while self.frontends.asked < operations:
                await self._do_something()
                self.watch.look()
                await asyncio.sleep(self.chance.expovariate(1 / self.chance.choice((0.005, 0.02, 0.1))))

        async with asyncio.TaskGroup() as people:
            for _ in range(AT_ONCE):
                people.create_task(go_on())

    async def _arrive(self) -> None:
        """A few brands and creators, with a campaign each."""
        now, drawn = self.marketplace.clock.now(), self.marketplace.chance("arrivals")
        brands = [compose("brd", now, drawn.getrandbits(80)) for _ in range(BRANDS)]
        creators = [compose("crt", now, drawn.getrandbits(80)) for _ in range(CREATORS)]
        for brand in brands:
            self._hear("brand", brand)
            await self.frontends.post(Person("brand", brand), "/v1/brands", {"name": "Glow", "website": "https://glow.example"})
            second_try = ("RejectBrand", "SubmitVerification") if drawn.random() < 0.1 else ()
            for rpc in ("SubmitVerification", *second_try, "VerifyBrand", "RequestDeposit", "DraftCampaign", "SaveSearch"):
                await self._move("brand", {"brandId": brand}, _named("brand", rpc))
        for creator in creators:
            self._hear("creator", creator)
            await self._move("creator", {"creatorId": creator}, _named("creator", "ApplyToJoin"))
        for campaign in list(self.known["campaign"]):
            owner = {"campaignId": campaign, "brandId": brands[0], "creators": creators}
            found = await self._see("campaign", campaign)
            await self._move("campaign", found or owner, _named("campaign", "LaunchCampaign"))

    # --- one step ----------------------------------------------------------------------------------------------------

    async def _do_something(self) -> None:
        drawn = self.chance.random()
        if drawn < SEARCHES:
            path, asked = self.chance.choice(QUESTIONS)
            await self.frontends.post(self._some("brand"), f"/v1/creators:{path}", asked)
            return
        self._look_around()
        if drawn < SEARCHES + LOOKERS:
            await self._look()
            return
        kinds = [kind for kind in INTEREST if self.known[kind]]
        kind, id_, thing = await self._something(kinds)
        if thing is None:
            return
        if drawn > 1 - WATCHERS and kind in STREAMS:
            await self.frontends.peek(self._party_of(kind, thing), STREAMS[kind].format(id=id_))
        else:
            await self._act(kind, thing)

    async def _look(self) -> None:
        """At what hangs together with a thing of any kind."""
        kind = self.chance.choice([kind for kind in LOOKS if self.known[kind]])
        id_ = self._pick(kind)
        thing = self.seen.get(id_) or await self._see(kind, id_)
        if thing is not None:
            await self.frontends.get(self._party_of(kind, thing), self.chance.choice(LOOKS[kind]).format(id=id_))

    async def _something(self, kinds: list[str]) -> tuple[str, str, Json | None]:
        """A thing to do something with: one with which, as it was last seen, something is to be done, if one comes to mind."""
        for _ in range(THOUGHTS):
            [kind] = self.chance.choices(kinds, [INTEREST[kind] for kind in kinds])
            id_ = self._pick(kind)
            seen = self.seen.get(id_)
            if seen is None or self.chance.random() < REREADS / THOUGHTS:
                return kind, id_, await self._see(kind, id_)
            urgency = URGENCY.get(kind, 1.0) * sum(move.weight for move in self._sensible(kind, seen)) / USUAL
            if self.chance.random() < urgency:
                return kind, id_, seen
        return kind, id_, await self._see(kind, id_)

    async def _act(self, kind: str, thing: Json) -> None:
        sensible = self._sensible(kind, thing)
        if self.chance.random() < MISTAKES:
            sensible = list(MOVES[kind])
            self.marketplace.happened["mistakes"] += 1
        if not sensible:
            return
        [move] = self.chance.choices(sensible, [move.weight for move in sensible])
        await self._move(kind, thing, move, stranger=self.chance.random() < STRANGERS)

    async def _move(self, kind: str, thing: Json, move: Move, *, stranger: bool = False) -> None:
        who = self._stranger(kind, thing, move) if stranger else self._sender(kind, thing, move)
        if who is None:
            return
        deliverable = self._deliverable(thing, move)
        path = move.path.format(
            id=_id(kind, thing),
            deliverable=deliverable,
            offer=self._offer(thing),
            conversion=self.chance.choice(thing.get("conversions") or [{"conversionId": "cnv_0000000000"}])["conversionId"],
        )
        seen = {**thing, "creators": self._uninvited(thing) or list(self.known["creator"])}
        scene = Scene(seen, self.marketplace.clock.now(), self.chance, who.party or "")
        try:
            body = move.body(scene)
        except KeyError:
            return  # nothing was seen yet from which it could be made
        if "may invite" in move.when:
            self._invited.update((thing.get("campaignId"), creator) for creator in body.get("creatorIds", [who.party]))
        reply = await self.frontends.post(who, path, body, move.verb)
        self.marketplace.happened[f"tried {move.rpc}"] += 1
        if reply is None or reply.status_code >= 300:
            self.seen.pop(_id(kind, thing), None)
            self.marketplace.happened[f"refused {move.rpc}: {reply.json()['code'] if reply else 'no answer'}"] += 1
        else:
            self.marketplace.happened[f"did {move.rpc}"] += 1
            hold("what is not yours does not exist", not stranger, f"{who} was let {move.rpc} {path}")
            self._learn(kind, reply)

    # --- who and what ------------------------------------------------------------------------------------------------

    def _sender(self, kind: str, thing: Json, move: Move) -> Person | None:
        role = self.chance.choice(move.who)
        if role in ("operator", "service"):
            return OPERATOR if role == "operator" else IMPORTER
        party = thing.get(f"{role}Id")
        if party is None and role == "creator" and kind == "campaign":
            return Person(role, self.chance.choice(self._uninvited(thing) or list(self.known["creator"])))
        return Person(role, party) if party else None

    def _stranger(self, kind: str, thing: Json, move: Move) -> Person | None:
        """Somebody of a fitting role whose it is not."""
        role = self.chance.choice(move.who)
        if role in ("operator", "service") or (kind == "campaign" and role == "creator") or not thing.get(f"{role}Id"):
            return None
        if move.rpc in ("DraftCampaign", "ApplyToJoin", "CreateShortlist", "SaveSearch"):
            return None
        others = [party for party in self.known[role] if party != thing[f"{role}Id"]]
        return Person(role, self.chance.choice(others)) if others else None

    def _party_of(self, kind: str, thing: Json) -> Person:
        roles = [role for role in ("brand", "creator") if thing.get(f"{role}Id")]
        role = self.chance.choice(roles)
        return Person(role, thing[f"{role}Id"])

    def _some(self, role: str) -> Person:
        return Person(role, self.chance.choice(list(self.known[role])))

    def _pick(self, kind: str) -> str:
        """The latest more often than others."""
        ids = list(self.known[kind])
        return (
            ids[-1 - min(int(self.chance.expovariate(1 / 2)), len(ids) - 1)]
            if self.chance.random() < 0.7
            else (self.chance.choice(ids))
        )

    def _deliverable(self, thing: Json, move: Move) -> str:
        """One that fits the move, if there is one."""
        all_of = thing.get("deliverables") or [{}]
        fitting = [one for one in all_of if one.get("status") in move.when] or all_of
        return str(self.chance.choice(fitting).get("deliverableId", "dlv_0000000000"))

    def _offer(self, thing: Json) -> int:
        """The newest, or a stale one."""
        offers = [one["offerVersion"] for one in thing.get("offers", ())] or [1]
        return int(offers[-1] if self.chance.random() < 0.85 else self.chance.choice(offers))

    def _sensible(self, kind: str, thing: Json) -> list[Move]:
        labels = _labels(kind, thing)
        if kind == "campaign" and "launched" in labels and self._uninvited(thing):
            labels.add("may invite")
        return [move for move in MOVES[kind] if not move.when or move.when & labels]

    def _uninvited(self, campaign: Json) -> list[str]:
        """Creators whom nobody has invited to the campaign, and who have not applied."""
        return [creator for creator in self.known["creator"] if (campaign.get("campaignId"), creator) not in self._invited]

    # --- what is heard of ----------------------------------------------------------------------------------------------

    async def _see(self, kind: str, id_: str) -> Json | None:
        thing = await self.frontends.get(OPERATOR, f"{PATHS[kind]}/{id_}")
        if thing is not None:
            self.seen[id_] = thing
        return thing

    def _learn(self, kind: str, reply: HttpReply) -> None:
        answer: dict[str, Any] = reply.json()
        if f"{kind}Id" in answer and "status" in answer:
            self.seen[answer[f"{kind}Id"]] = answer
        if campaign := answer.get("campaignId"):
            self._hear("campaign", campaign)

    def _hear(self, kind: str, id_: str) -> None:
        self.known[kind].setdefault(id_)

    def _look_around(self) -> None:
        """People are told of what concerns them: the logs know what there is."""
        heads = list(self.watch.logs.heads)
        for _, stream in heads[self._heard :]:
            kind = KINDS.get(stream.partition("_")[0])
            if kind is not None:
                self.known[kind].setdefault(stream)
        self._heard = len(heads)


def _named(kind: str, rpc: str) -> Move:
    return next(move for move in MOVES[kind] if move.rpc == rpc)


def _id(kind: str, thing: Json) -> str:
    return str(thing[f"{kind}Id"])


def _labels(kind: str, thing: Json) -> set[str]:
    """What it is like: its status, those of its parts, and what else moves ask for."""
    labels = {str(thing.get("status", ""))}
    if kind == "contract":
        if thing.get("proposedCancellation"):
            labels.add("cancellation proposed")
        if thing["status"] == "active":
            labels |= {one["status"] for one in thing["deliverables"]}
    if kind == "engagement" and thing["status"] in OPEN and thing.get("offers"):
        labels.add(f"offered by the {thing['offers'][-1]['by']}")
    if kind == "post" and any(not one["reversed"] for one in thing.get("conversions", ())):
        labels.add("converted")
    if kind == "thread" and thing.get("lastMessageId"):
        labels.add("has messages")
        thing["last"] = thing["lastMessageId"]
    return labels
