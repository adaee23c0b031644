"""The index on tantivy: on this process's disk, one directory per version of what is indexed.

The position up to which it is written is a document as well, so that one commit moves both. Segments are sorted by followers,
the usual order. What takes long runs on a thread: tantivy lets other threads run meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import orjson
from tantivy import DocAddress, Filter, Index, IndexWriter, Order, Query, Searcher, TextAnalyzerBuilder, Tokenizer
from tantivy import Document as Indexed

from libs.events.ports import Document
from services.discovery.domain.criteria import Criteria
from services.discovery.index.places import DESCENDING, KEYS
from services.discovery.index.tantivy_queries import Queries
from services.discovery.index.tantivy_schema import WORDS, line, schema
from services.discovery.ports import MOST_BUCKETS, CreatorOrder, Found, Place, Search

log = logging.getLogger(__name__)

T = TypeVar("T")
POSITION = "position"
"""The id of the document that says how far the index is."""
HEAP = 20_000_000
"""Bytes. With so few a large batch is written in several segments, each while Python makes the documents of the next; with
enough for all of it Python would wait for the one segment at the end."""
EVERY_BUCKET = 1_000
"""More than any facet has."""


class TantivyCreatorIndex:
    """`CreatorIndex` in `directory`/v<version>. `heap`: bytes that the writer may gather before it writes a segment."""

    def __init__(self, directory: Path, version: int, *, heap: int = HEAP) -> None:
        self._directory, self._version, self._heap = directory, version, heap
        self._opened: _Opened | None = None
        self._writing = ThreadPoolExecutor(
            1, "creator index"
        )  # a write that nobody waits for any more ends before the next step

    async def open(self) -> int:
        if self._opened is None:
            self._opened = await self._in_turn(_Opened, self._directory / f"v{self._version}", self._heap)
        return self._opened.position

    async def write(self, changes: Mapping[str, Document | None], position: int) -> None:
        await self._in_turn(self._on_disk.write, changes, position)

    async def get(self, creators: Sequence[str]) -> dict[str, Document]:
        return await asyncio.to_thread(self._on_disk.get, creators) if creators else {}

    async def search(self, search: Search) -> Found:
        return await asyncio.to_thread(self._on_disk.search, search)

    async def values(self, criteria: Criteria, measures: Sequence[str], at: datetime) -> dict[str, list[float]]:
        return await asyncio.to_thread(self._on_disk.values, Search(criteria, CreatorOrder.FOLLOWERS, 1, at), measures)

    async def complete(self, beginning: str, limit: int) -> list[tuple[str, int]]:
        return await asyncio.to_thread(self._on_disk.complete, beginning, limit)

    async def close(self) -> None:
        """What was written stays; another process may open it."""
        opened, self._opened = self._opened, None
        if opened is not None:
            await self._in_turn(opened.close)

    async def forget_others(self) -> None:
        """Removes what other versions have left on this disk."""
        for path in self._directory.glob("v*"):
            if path.name != f"v{self._version}":
                await self._in_turn(shutil.rmtree, path, True)

    async def _in_turn(self, act: Callable[..., T], *given: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._writing, act, *given)

    @property
    def _on_disk(self) -> _Opened:
        assert self._opened is not None, "the index is not open"
        return self._opened


def created(path: Path) -> Index:
    """The bare index there; made if it is not."""
    path.mkdir(parents=True, exist_ok=True)
    index = Index(schema(), str(path), sort_by_field=KEYS[CreatorOrder.FOLLOWERS], sort_order=Order.Desc)
    index.register_tokenizer(WORDS, TextAnalyzerBuilder(Tokenizer.whitespace()).filter(Filter.remove_long(2**15)).build())
    return index


class _Opened:
    """All of it that waits for the disk or for tantivy."""

    def __init__(self, path: Path, heap: int) -> None:
        self.index = created(path)
        self._schema = self.index.schema
        self.writer: IndexWriter = self.index.writer(heap, 1)
        self._queries = Queries(self.index)
        self.position = self._written()

    def close(self) -> None:
        try:
            self.writer.wait_merging_threads()
        except ValueError as failed:  # after a write that failed, which says more: what was committed before it stays
            log.warning("the index was closed by a writer that had failed: %s", failed)

    def write(self, changes: Mapping[str, Document | None], position: int) -> None:
        for creator, entry in changes.items():
            if entry is None or entry["number"] <= self.position:
                self.writer.delete_documents_by_term("id", creator)
            if entry is not None:
                self.writer.add_json(line(creator, entry))
        self.writer.delete_documents_by_term("id", POSITION)
        self.writer.add_document(Indexed(id=POSITION, position=position))
        self.writer.commit()
        self.index.reload()
        self.position = position

    def get(self, creators: Sequence[str]) -> dict[str, Document]:
        searcher = self.index.searcher()
        found = searcher.search(Query.term_set_query(self._schema, "id", list(creators)), len(creators), count=False)
        entries = _entries(searcher, found.hits)
        return {entry["creator_id"]: entry for _, entry in entries}

    def search(self, search: Search) -> Found:
        searcher, every, tiers = self.index.searcher(), self._queries.every(search), self._queries.tiers(search)
        if len(tiers) == 1 and search.after is None:
            found = self._found(searcher, search, tiers[0][1], search.limit, count=True)
            hits, total = _placed(searcher, tiers[0][0], found), found.count
        else:
            hits = list(self._pages(searcher, search, tiers))
            counted: Any = searcher.search(every, 1, count=True)
            total = counted.count
        return Found(hits, total, self._facets(searcher, every, search.facets))

    def _pages(
        self, searcher: Searcher, search: Search, tiers: Sequence[tuple[int, Query]]
    ) -> Iterator[tuple[Place, Document]]:
        """Hits of one part after the other, from where the search begins, until there are enough."""
        missing, after = search.limit, search.after
        for closeness, query in tiers:
            if not missing or (after is not None and closeness < after.closeness):
                continue
            if after is not None and closeness == after.closeness:
                query = self._queries.behind(query, search.order, after.key)
            placed = _placed(searcher, closeness, self._found(searcher, search, query, missing, count=False))
            missing -= len(placed)
            yield from placed

    def _found(self, searcher: Searcher, search: Search, query: Query, limit: int, *, count: bool) -> Any:
        order = Order.Desc if DESCENDING[search.order] else Order.Asc
        return searcher.search(query, limit, count=count, order_by_field=KEYS[search.order], order=order)

    def _facets(self, searcher: Searcher, every: Query, names: Sequence[str]) -> dict[str, dict[str, int]]:
        if not names:
            return {}
        asked = {name: {"terms": {"field": name, "size": EVERY_BUCKET, "segment_size": EVERY_BUCKET}} for name in names}
        counted = searcher.aggregate(every, asked)
        return {name: _largest({bucket["key"]: bucket["doc_count"] for bucket in counted[name]["buckets"]}) for name in names}

    def values(self, search: Search, measures: Sequence[str]) -> dict[str, list[float]]:
        searcher, every = self.index.searcher(), self._queries.every(search)
        found = searcher.search(every, max(1, searcher.num_docs), count=False, order_by_field=KEYS[search.order])
        places = [place for _, place in found.hits]
        return {
            name: [float(value) for value in searcher.fast_field_values(name, places) if value is not None] for name in measures
        }

    def complete(self, beginning: str, limit: int) -> list[tuple[str, int]]:
        searcher = self.index.searcher()
        joined = Query.term_query(self._schema, "joined", "yes", index_option="basic")
        words = searcher.terms_with_prefix("named", beginning, joined)  # the bare count knows what was deleted
        return sorted(words, key=lambda word: (-word[1], word[0]))[:limit]

    def _written(self) -> int:
        searcher = self.index.searcher()
        hits = searcher.search(Query.term_query(self._schema, "id", POSITION, index_option="basic"), 1, count=False).hits
        return int(searcher.doc(hits[0][1])[POSITION][0]) if hits else 0


def _placed(searcher: Searcher, closeness: int, found: Any) -> list[tuple[Place, Document]]:
    return [(Place(closeness, key), entry) for key, entry in _entries(searcher, found.hits)]


def _entries(searcher: Searcher, hits: Iterable[tuple[Any, DocAddress]]) -> list[tuple[Any, Document]]:
    return [(key, orjson.loads(searcher.doc(address)["source"][0])) for key, address in hits]


def _largest(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda bucket: (-bucket[1], bucket[0]))[:MOST_BUCKETS])
