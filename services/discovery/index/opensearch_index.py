"""The index in an OpenSearch cluster, for directories that outgrow one machine: one index per version of what is indexed.

All replicas write it, each at its own pace. Every document carries the position as of which it is written, and OpenSearch keeps
the later one: a write that comes late changes nothing. Who is gone leaves an empty document, lest a late write bring it back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import orjson
from opensearchpy import AsyncOpenSearch, TransportError
from opensearchpy import ConnectionError as NotConnected

from libs.events.envelope import milliseconds
from libs.events.ports import Clock, Document, Unavailable
from services.discovery.domain.criteria import Criteria
from services.discovery.index.opensearch_queries import place_of, search_body, values_body, words_body
from services.discovery.index.opensearch_schema import entry_of, index_body, indexed
from services.discovery.ports import Found, Search

POSITION = "position"
"""The id of the document that says how far the index is."""
PAGE = 10_000
"""Hits that one request may ask for."""
READ_AT_ONCE = 1_000
WRITTEN_AT_ONCE = 5_000_000
"""Bytes."""
TIMEOUT = 30
"""Seconds for one answer."""
TRANSIENT = frozenset({429, 502, 503, 504})
INVALID, MISSING, CONFLICT = 400, 404, 409
ABANDONED_AFTER = timedelta(hours=1)


class OpenSearchCreatorIndex:
    """`CreatorIndex` in the indexes `<name>-v<version>` of the cluster at `url`, which may hold a user and a password. Raises
    `Unavailable` when the cluster does not answer, or not now."""

    def __init__(self, url: str, version: int, clock: Clock, *, name: str) -> None:
        self._url, self._clock, self._version = url, clock, version
        self._family = f"{name}-v"
        self._index = f"{self._family}{version}"
        self._alias = ""
        self._opened: AsyncOpenSearch | None = None

    async def open(self) -> int:
        if self._opened is None:
            self._opened = AsyncOpenSearch(hosts=[self._url], timeout=TIMEOUT)
        await self._make()
        position, _ = await self._reached(self._index)
        await self._reach(position)
        return position

    async def _make(self) -> None:
        """Makes the index if it is not there. Writes go by an alias that names this very index: one that is made anew after it
        was lost or removed lacks all that came before, and takes no writes from who does not know that."""
        with _answered():
            made = await self._client.indices.create(index=self._index, body=index_body(), params={"ignore": INVALID})
            if "error" in made and made["error"]["type"] != "resource_already_exists_exception":
                raise RuntimeError(f"OpenSearch makes no index: {made['error']['type']}")
            settings = await self._client.indices.get_settings(index=self._index, name="index.uuid")
            self._alias = f"{self._index}-{settings[self._index]['settings']['index']['uuid']}"
            await self._client.indices.put_alias(index=self._index, name=self._alias)

    async def close(self) -> None:
        """What was written stays; another process may open it."""
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened.close()

    @property
    def _client(self) -> AsyncOpenSearch:
        assert self._opened is not None, "the index is not open"
        return self._opened

    # --- writing -------------------------------------------------------------------------------------------------------

    async def write(self, changes: Mapping[str, Document | None], position: int) -> None:
        """The position comes last: whoever reads it finds all that is before it."""
        for lines in _requests(changes, position):
            with _answered():
                answer = await self._client.bulk(body=lines, index=self._alias, params={"require_alias": "true"})
            _check(item["index"] for item in answer["items"])
        if changes:
            with _answered():
                await self._client.indices.refresh(index=self._index)
        await self._reach(position)

    async def _reach(self, position: int) -> None:
        """Moves the position forward, or leaves it where another replica has moved it to."""
        body = {POSITION: position, "written_at": milliseconds(self._clock.now())}
        ordered = {"version": position, "version_type": "external_gte", "require_alias": "true", "ignore": CONFLICT}
        with _answered():
            await self._client.index(index=self._alias, id=POSITION, body=body, params=ordered)

    async def _reached(self, index: str) -> tuple[int, int]:
        """The position and when it was written, in milliseconds; of an index that nobody has opened yet 0 and 0."""
        with _answered():
            found = await self._client.get(index=index, id=POSITION, params={"ignore": MISSING})
        return (found["_source"][POSITION], found["_source"]["written_at"]) if found.get("found") else (0, 0)

    async def forget_others(self) -> None:
        """Removes the indexes of earlier versions that nobody uses: they are behind this one, and nobody has opened or written
        them for an hour. A replica of an earlier version that still runs follows the same log, so its index is either as far
        as this one or was written just now. What cannot be told to be unused stays until a replica starts anew; that of a
        later version stays in any case."""
        position, _ = await self._reached(self._index)
        since = milliseconds(self._clock.now() - ABANDONED_AFTER)
        for index in await self._earlier():
            left_at, written_at = await self._reached(index)
            if left_at < position and written_at < since:
                with _answered():
                    await self._client.indices.delete(index=index, params={"ignore_unavailable": "true"})

    async def _earlier(self) -> list[str]:
        with _answered():
            known = await self._client.indices.get_alias(index=f"{self._family}*")
        versions = (name.removeprefix(self._family) for name in known)
        return [f"{self._family}{version}" for version in versions if version.isdecimal() and int(version) < self._version]

    # --- reading -------------------------------------------------------------------------------------------------------

    async def get(self, creators: Sequence[str]) -> dict[str, Document]:
        found: dict[str, Document] = {}
        for begin in range(0, len(creators), READ_AT_ONCE):
            asked = {"ids": list(creators[begin : begin + READ_AT_ONCE])}
            with _answered():
                answer = await self._client.mget(index=self._index, body=asked, params={"_source": "entry"})
            there = (one for one in answer["docs"] if one["found"] and one["_source"])
            found |= {one["_id"]: entry_of(one["_source"]) for one in there}
        return found

    async def search(self, search: Search) -> Found:
        answer = await self._search(search_body(search))
        hits = [(place_of(search, hit["sort"]), entry_of(hit["_source"])) for hit in answer["hits"]["hits"]]
        return Found(hits, answer["hits"]["total"]["value"], {name: _counts(answer, name) for name in search.facets})

    async def values(self, criteria: Criteria, measures: Sequence[str], at: datetime) -> dict[str, list[float]]:
        taken: dict[str, list[float]] = {name: [] for name in measures}
        after: Sequence[int] | None = None
        while True:
            hits = (await self._search(values_body(criteria, measures, at, PAGE, after)))["hits"]["hits"]
            for name in measures:
                taken[name] += [float(value) for hit in hits for value in hit.get("fields", {}).get(name, ())]
            if len(hits) < PAGE:
                return taken
            after = hits[-1]["sort"]

    async def complete(self, beginning: str, limit: int) -> list[tuple[str, int]]:
        return list(_counts(await self._search(words_body(beginning, limit)), "words").items())

    async def _search(self, body: Document) -> Any:
        """Of all shards, or nothing."""
        with _answered():
            return await self._client.search(index=self._index, body=body, params={"allow_partial_search_results": "false"})


def _requests(changes: Mapping[str, Document | None], position: int) -> Iterator[bytes]:
    """All changes, in parts that are small enough for one request."""
    lines, size = list[bytes](), 0
    for creator, entry in changes.items():
        ordered = {"_id": creator, "version": position, "version_type": "external_gte"}
        lines += [orjson.dumps({"index": ordered}), orjson.dumps(indexed(entry))]
        size += len(lines[-1])
        if size >= WRITTEN_AT_ONCE:
            yield b"\n".join((*lines, b""))
            lines, size = [], 0
    if lines:
        yield b"\n".join((*lines, b""))


def _check(items: Iterable[Document]) -> None:
    """That each document was written, or is there as of a later position."""
    for item in items:
        if item["status"] in TRANSIENT:
            raise Unavailable(f"OpenSearch: {item['error']['type']}")
        if "error" in item and item["status"] != CONFLICT:
            raise RuntimeError(f"OpenSearch refuses a document: {item['status']} {item['error']['type']}")


def _counts(answer: Document, name: str) -> dict[str, int]:
    return {bucket["key"]: bucket["doc_count"] for bucket in answer["aggregations"][name]["buckets"]}


@contextmanager
def _answered() -> Iterator[None]:
    try:
        yield
    except NotConnected as failure:
        raise Unavailable(f"OpenSearch: {type(failure).__name__}") from failure
    except TransportError as failure:
        if failure.status_code in TRANSIENT:
            raise Unavailable(f"OpenSearch: {failure.status_code}") from failure
        raise
