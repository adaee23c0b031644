"""MongoDB through Motor: the one place that knows the driver. Everybody else sees `libs.events.database.Database`."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from bson.codec_options import CodecOptions
from motor.motor_asyncio import AsyncIOMotorClient
from pymongo import DeleteOne, InsertOne, ReplaceOne
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    ExecutionTimeout,
    NetworkTimeout,
    OperationFailure,
    WaitQueueTimeoutError,
    WriteConcernError,
)
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from libs.events.database import BsonDocument, Filter, Sort, Swap
from libs.events.ports import Unavailable

T = TypeVar("T")

DUPLICATE_KEY = 11000
"""MongoDB's error code of a unique index that refuses."""

TRANSIENT_CODES = frozenset({1, 6, 7, 89, 91, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436, 14031})
"""The server's own failure, host unreachable, not found, network timeout, shutting down, stepping down, time limit, socket
error, not primary, no space left: none is the fault of what was asked."""


class MongoClient:
    """A process's one client. `patience`: seconds until an unreachable server counts as unavailable."""

    def __init__(self, url: str, *, patience: float = 3.0, application: str = "limelight") -> None:
        self._client: Any = AsyncIOMotorClient(
            url,
            appname=application,
            tz_aware=True,
            uuidRepresentation="standard",
            w="majority",
            journal=True,
            serverSelectionTimeoutMS=round(patience * 1000),
            connectTimeoutMS=round(patience * 1000),
            socketTimeoutMS=20_000,
        )

    def database(self, name: str) -> MongoDatabase:
        return MongoDatabase(self._client, name)

    async def ping(self) -> None:
        """Raises `Unavailable`."""
        await _answered(self._client.admin.command("ping"))

    async def drop_database(self, name: str) -> None:
        await _answered(self._client.drop_database(name))

    def close(self) -> None:
        self._client.close()


class MongoDatabase:
    """`Database` over Motor."""

    def __init__(self, client: Any, name: str) -> None:
        options: CodecOptions[Any] = CodecOptions(tz_aware=True)
        concern = WriteConcern(w="majority", j=True)
        self._local = client.get_database(name, codec_options=options, write_concern=concern)
        self._majority = client.get_database(name, codec_options=options, read_concern=ReadConcern("majority"))

    async def insert_in_order(self, collection: str, documents: Sequence[BsonDocument]) -> int:
        try:
            await _answered(self._local[collection].insert_many(documents, ordered=True))
        except BulkWriteError as failed:
            return _inserted(failed)
        return len(documents)

    async def swap(self, collection: str, swaps: Sequence[Swap]) -> int:
        if not swaps:
            return 0
        try:
            requests = [_request(swap) for swap in swaps]
            result = await _answered(self._local[collection].bulk_write(requests, ordered=False))
        except BulkWriteError as failed:
            details: Mapping[str, Any] = failed.details
            _check(failed, details)
            return int(details["nInserted"] + details["nMatched"] + details["nRemoved"])
        return int(result.inserted_count + result.matched_count + result.deleted_count)

    async def find(
        self,
        collection: str,
        where: Filter,
        *,
        sort: Sort = (),
        limit: int = 0,
        fields: Sequence[str] | None = None,
        majority: bool = False,
    ) -> list[BsonDocument]:
        source = (self._majority if majority else self._local)[collection]
        cursor = source.find(where, list(fields) if fields is not None else None, sort=list(sort) or None, limit=limit)
        if limit:
            cursor = cursor.batch_size(limit)
        found: list[BsonDocument] = await _answered(cursor.to_list(None))
        return found

    async def count(self, collection: str, where: Filter) -> int:
        return int(await _answered(self._local[collection].count_documents(where)))

    async def index(self, collection: str, keys: Sort, *, unique: bool = False) -> None:
        await _answered(self._local[collection].create_index(list(keys), unique=unique, background=True))

    async def drop(self, collection: str) -> None:
        await _answered(self._local[collection].drop())


def _request(swap: Swap) -> InsertOne[BsonDocument] | ReplaceOne[BsonDocument] | DeleteOne:
    if swap.now is None:
        return InsertOne(swap.then or {})
    return DeleteOne(swap.now) if swap.then is None else ReplaceOne(swap.now, swap.then)


def _inserted(failed: BulkWriteError) -> int:
    """How many documents came before the one that a unique index refused."""
    details: Mapping[str, Any] = failed.details
    _check(failed, details)
    return int(details["writeErrors"][0]["index"])


def _check(failed: BulkWriteError, details: Mapping[str, Any]) -> None:
    """Lets pass only refusals by a unique index."""
    errors = details.get("writeErrors", [])
    if details.get("writeConcernErrors") or any(error.get("code") in TRANSIENT_CODES for error in errors):
        raise Unavailable("the write was not acknowledged by a majority") from failed
    if not errors or any(error.get("code") != DUPLICATE_KEY for error in errors):
        raise failed


async def _answered(call: Awaitable[T]) -> T:
    with _network():
        return await call


@contextmanager
def _network() -> Iterator[None]:
    try:
        yield
    except (ConnectionFailure, NetworkTimeout, ExecutionTimeout, WaitQueueTimeoutError, WriteConcernError) as failure:
        raise Unavailable(f"MongoDB: {type(failure).__name__}") from failure
    except BulkWriteError:
        raise
    except OperationFailure as failure:
        if failure.code in TRANSIENT_CODES:
            raise Unavailable(f"MongoDB: {type(failure).__name__}") from failure
        raise
