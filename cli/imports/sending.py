"""Rows through the gateway: in batches, several under way at once, answered in the order of the file."""

from __future__ import annotations

import asyncio
import hashlib
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Iterator
from dataclasses import dataclass, field

import orjson

from cli.imports.rows import Row
from cli.story.api import Api, Json

MOST_ROWS, MOST_BYTES = 100, 786_432
"""A batch ends with whichever it reaches first. `ImportCreators` takes 1,000 creators and the gateway a body of one MiB, but it
waits 10 s for an answer: those under way must be done by then on a laptop too."""
AT_ONCE = 4
"""Batches under way."""
IMPORTER = "limelight-import"
"""Who the marketplace's history says it was."""


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that was not taken over, and why."""

    line: int
    creator: str | None
    code: str
    message: str
    field: str | None


@dataclass(slots=True)
class Batch:
    """Rows that follow each other, up to `end` bytes and `last` line of the file."""

    rows: list[Row] = field(default_factory=list)
    creators: list[bytes] = field(default_factory=list)
    size: int = 0
    end: int = 0
    last: int = 0

    def add(self, row: Row) -> None:
        self.rows.append(row)
        self.end, self.last = row.end, row.last
        if row.creator is not None:
            self.creators.append(orjson.dumps(row.creator))
            self.size += len(self.creators[-1])

    @property
    def full(self) -> bool:
        return len(self.rows) >= MOST_ROWS or self.size >= MOST_BYTES

    @property
    def key(self) -> str:
        """The same for the same creators: a batch that is sent again is answered as it was."""
        return "import-" + hashlib.sha256(b"\n".join(self.creators)).hexdigest()


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a batch."""

    batch: Batch
    accepted: int
    refused: list[RefusedRow]


def batches(rows: Iterable[Row]) -> Iterator[Batch]:
    batch = Batch()
    for row in rows:
        batch.add(row)
        if batch.full:
            yield batch
            batch = Batch()
    if batch.rows:
        yield batch


async def sent(api: Api, rows: Iterable[Row]) -> AsyncGenerator[Settled, None]:
    """Batches as they are settled, each once all before it are. Raises `Broken` when the gateway does not answer for long,
    `cli.story.api.Refused` when it takes no batch at all."""
    under_way: deque[asyncio.Task[Settled]] = deque()
    try:
        for batch in batches(rows):
            under_way.append(asyncio.create_task(_sent(api, batch)))
            if len(under_way) == AT_ONCE:
                yield await under_way[0]
                under_way.popleft()
        while under_way:
            yield await under_way[0]
            under_way.popleft()
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


async def _sent(api: Api, batch: Batch) -> Settled:
    sound = [(row.line, row.creator) for row in batch.rows if row.creator is not None]
    results = await _answered(api, batch.key, [creator for _, creator in sound]) if sound else []
    refused = [
        RefusedRow(line, creator["creatorId"], result["code"], result["message"], _field(index, result["field"]))
        for index, ((line, creator), result) in enumerate(zip(sound, results, strict=True))
        if not result["accepted"]
    ]
    faults = [(row.line, row.fault) for row in batch.rows if row.fault is not None]
    refused += [RefusedRow(line, None, fault.code, fault.message, fault.field) for line, fault in faults]
    return Settled(batch, sum(result["accepted"] for result in results), sorted(refused, key=lambda one: one.line))


async def _answered(api: Api, key: str, creators: list[Json]) -> list[Json]:
    importer = api.person(IMPORTER, "service")  # a token of its own for each batch: an import may outlast one
    body, headers = {"creators": creators}, {"idempotency-key": key}
    answer = await api.call("POST", importer, "/v1/creators:import", body=body, headers=headers)
    results: list[Json] = answer.body["results"]
    return results


def _field(index: int, path: str | None) -> str | None:
    """Within its row: `creators[3].country` → `country`."""
    return (path or "").removeprefix(f"creators[{index}]").removeprefix(".") or None
