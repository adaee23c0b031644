"""search: a million creators, asked narrowly, broadly and with facets, through the service; and how fast the index is built."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from itertools import count
from typing import Any

from tantivy import Document as Indexed
from tantivy import Index, Order, Query

from bench.directory import AT, Directories, commits, facts_of
from bench.harness import Contest, Row, timed
from bench.world import World
from libs.chassis.descriptors import load
from libs.chassis.issuer import DevelopmentIssuer
from libs.chassis.messages import converters
from libs.chassis.service import Service
from libs.chassis.system import SystemClock, SystemIds
from libs.chassis.upstream import AUTHORIZATION
from libs.events.decider import Role
from libs.events.memory import MemoryBus, MemoryCommitLog, MemoryDocuments
from libs.events.ports import Ports
from services.discovery.directory import VERSION, Directory, after
from services.discovery.domain.criteria import Criteria
from services.discovery.index.tantivy_index import HEAP, TantivyCreatorIndex, created
from services.discovery.index.tantivy_queries import Queries
from services.discovery.index.tantivy_schema import indexed
from services.discovery.main import build
from services.discovery.ports import FACETS, CreatorOrder, Search
from services.discovery.settings import Settings

METHOD = "/limelight.discovery.v1.DiscoveryService/SearchCreators"
QUESTIONS, PAGE = 40, 20
BUILT, BATCH = 40_000, 20_000

Question = dict[str, Any]


def narrow(chance: random.Random) -> Question:
    """Five filters that a few hundred creators meet, or a few thousand."""
    least = chance.choice((20_000, 50_000, 80_000))
    return {
        "niches": chance.sample(("beauty", "food", "fitness", "fashion", "tech", "travel", "gaming"), 2),
        "countries": chance.sample(("US", "DE", "FR", "GB", "BR", "IN"), 2),
        "followers": {"least": least, "most": 4 * least},
        "engagement_rate": {"least": round(chance.uniform(0.02, 0.05), 3), "method": "by_views"},
        "median_views": {"least": 5_000},
    }


def broad(chance: random.Random) -> Question:
    """Five filters that hundreds of thousands meet."""
    return {
        "platforms": ["tiktok", "instagram"],
        "followers": {"least": chance.choice((10_000, 12_000, 15_000))},
        "engagement_rate": {"least": round(chance.uniform(0.001, 0.004), 4), "method": "by_views"},
        "median_views": {"least": chance.choice((100, 500))},
        "no_niches": [chance.choice(("wine", "yoga"))],
    }


def faceted(chance: random.Random) -> Question:
    return {**broad(chance), "facets": list(FACETS)}


KINDS: Mapping[str, Callable[[random.Random], Question]] = {"narrow": narrow, "broad": broad, "facets": faceted}


def questions(kind: str) -> list[Question]:
    chance = random.Random(kind)
    return [KINDS[kind](chance) for _ in range(QUESTIONS)]


class Served:
    """Through the service: token, checks, index, answer as a message."""

    def __init__(self, world: World, index: TantivyCreatorIndex) -> None:
        clock, ids = SystemClock(), SystemIds()
        issuer = DevelopmentIssuer(world.data / "issuer", clock=clock)
        ports = Ports(MemoryCommitLog(), MemoryDocuments(), MemoryBus(), clock, ids)
        self._service: Service = build(Settings(oidc_jwks=str(issuer.jwks)), ports, index)
        for follower in self._service.workers._followers:
            follower.caught_up = True  # the directory was grown beforehand, there is no log to follow
        self._metadata = {AUTHORIZATION: f"Bearer {issuer.mint('bench', Role.BRAND, 'brd_bench00000')}"}
        methods = {method.path: method for service in load().of("discovery") for method in service.methods.values()}
        self._message = converters(methods[METHOD].input).from_fields

    async def ask(self, asked: Sequence[Question]) -> float:
        messages = [self._message({**question, "order": "followers", "page_size": PAGE}) for question in asked]

        async def work() -> None:
            for message in messages:
                await self._service.call(METHOD, message, self._metadata)

        return await timed(len(messages), work)


class Bare:
    """The same calls of tantivy, their queries made beforehand: hits in order with their number, stored entries, facets."""

    def __init__(self, index: Index, asked: Sequence[Question]) -> None:
        queries = Queries(index)
        self._searcher, self._asked = index.searcher(), []
        for question in asked:
            criteria = Criteria(**{name: value for name, value in question.items() if name != "facets"})
            query = queries.every(Search(criteria, CreatorOrder.FOLLOWERS, PAGE, AT))
            facets = {name: {"terms": {"field": name, "size": 1_000}} for name in question.get("facets", ())}
            self._asked.append((query, facets))

    async def round(self) -> float:
        async def work() -> None:
            for query, facets in self._asked:
                self._ask(query, facets)

        return await timed(len(self._asked), work)

    def _ask(self, query: Query, facets: dict[str, Any]) -> None:
        found = self._searcher.search(query, PAGE, count=True, order_by_field="by_followers", order=Order.Desc)
        for _, place in found.hits:
            self._searcher.doc(place)["source"]
        if facets:
            self._searcher.aggregate(query, facets)


@asynccontextmanager
async def searching(kind: str, world: World) -> AsyncIterator[Contest]:
    directories = Directories(world.data / "directory")
    await directories.grow(lambda index: pace(world, index))
    index, asked = directories.index, questions(kind)
    served, bare = Served(world, index), Bare(index._on_disk.index, asked)
    try:
        yield Contest(partial(served.ask, asked), bare.round)
    finally:
        await directories.close()


async def pace(world: World, index: TantivyCreatorIndex) -> dict[str, float]:
    """Milliseconds that a question of each kind takes through the service, at the size that the directory has now."""
    served, taken = Served(world, index), dict[str, float]()
    for kind in KINDS:
        await served.ask(questions(kind)[:5])
        taken[kind] = 1000 / await served.ask(questions(kind))
    return taken


# --- Building the index ----------------------------------------------------------------------------------------------


class Following:
    """As a replica catches up: events as they are stored, folded into entries, indexed, committed batch by batch."""

    def __init__(self, world: World, batches: Sequence[Sequence[Any]]) -> None:
        self._folder, self._batches, self._rounds = world.data, batches, count()

    async def round(self) -> float:
        index = TantivyCreatorIndex(self._folder / f"following-{next(self._rounds)}", VERSION)
        directory = Directory(index)
        await directory.open()

        async def work() -> None:
            for number, batch in enumerate(self._batches, 1):
                await directory.take(batch, number * BATCH)

        rate = await timed(BUILT, work)
        await directory.close()
        return rate


class Adding:
    """Documents made beforehand, added and committed batch by batch."""

    def __init__(self, world: World, batches: Sequence[Sequence[dict[str, Any]]]) -> None:
        self._folder, self._batches, self._rounds = world.data, batches, count()

    async def round(self) -> float:
        index = created(self._folder / f"adding-{next(self._rounds)}")
        writer = index.writer(HEAP, 1)

        def add() -> None:
            for batch in self._batches:
                for document in batch:
                    writer.add_document(Indexed.from_dict(document, index.schema))
                writer.commit()

        async def work() -> None:
            await asyncio.to_thread(add)

        rate = await timed(BUILT, work)
        await asyncio.to_thread(writer.wait_merging_threads)
        return rate


@asynccontextmanager
async def building(world: World) -> AsyncIterator[Contest]:
    facts = [list(facts_of(commit)) for commit in commits(BUILT)]
    batches = [[fact for one in facts[start : start + BATCH] for fact in one] for start in range(0, BUILT, BATCH)]
    documents = []
    for start in range(0, BUILT, BATCH):
        entries: dict[str, Any] = {}
        for fact in (fact for one in facts[start : start + BATCH] for fact in one):
            entries[fact.data["creator_id"]] = after(entries.get(fact.data["creator_id"]) or {}, fact)
        documents.append([indexed(creator, entry) for creator, entry in entries.items()])
    yield Contest(Following(world, batches).round, Adding(world, documents).round)


def _row(kind: str, work: str) -> Row:
    return Row(
        name=f"search-{kind}",
        work=work,
        limit="the same calls of tantivy on the same index, bare: hits in order, their number, stored entries, facets",
        unit="queries/s",
        target=0.75,
        prepare=partial(searching, kind),
    )


ROWS = (
    _row("narrow", "1,000,000 creators: 5 filters that few meet, sorted, counted, 20 hits"),
    _row("broad", "1,000,000 creators: 5 filters that hundreds of thousands meet, sorted, counted, 20 hits"),
    _row("facets", "the same with 5 facets"),
    Row(
        name="search-index",
        work="40,000 creators from discovery's events into the index, in two batches",
        limit="the same documents, made beforehand, added and committed in the same batches",
        unit="creators/s",
        target=0.5,
        prepare=building,
    ),
)
