"""aiokafka's consumer as our subscriptions need it: sparing while there is nothing, exact about what it has in hand when its
group is rebalanced, and quick to stop."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Coroutine, Iterator
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.protocol.fetch import FetchRequest

Records = dict[TopicPartition, list[ConsumerRecord[bytes, bytes]]]

FAILURES = (KafkaError, OSError, RuntimeError)
"""What aiokafka raises when the broker is away. To write to a connection that is closed is a RuntimeError to uvloop."""
SOON = 0.2
"""Seconds, less than a broker may wait until something comes: an answer that holds nothing and came sooner was no wait."""
REST_STEP, REST_MOST = 0.005, 0.1
"""Seconds: each such answer adds so much to the rest before the next question, up to so much."""
LOOK_EVERY = 0.1
"""Seconds from one look at the cluster's topics to the next, at least."""
LEAVE = 2.0
"""Seconds that a consumer which stops waits for the broker: for its last commit, and to leave its group."""


class Hand:
    """What a member of a group has in hand, from the poll to the commit. `term` counts the assignments: what was polled in a
    term that is over may be neither committed nor sought back to. A commit that is refused while the next join is under way
    makes aiokafka forget the membership that it is being given, and the group waits for a ghost."""

    def __init__(self) -> None:
        self.idle = asyncio.Event()
        self.idle.set()
        self.stopping = asyncio.Event()
        self.delivering = False
        self.term = 0
        self.member = False

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """While the batch is handled."""
        self.delivering = True
        try:
            yield
        finally:
            self.delivering = False


class SparingConsumer(AIOKafkaConsumer):  # type: ignore[misc]
    """Rests where a broker does not wait. The embedded one answers at once that there is nothing, however long it may wait for
    something, and every broker that it does not know a topic: aiokafka would ask thousands of times a second."""

    def __init__(self, *topics: str, **settings: Any) -> None:
        super().__init__(*topics, **settings)
        self._rest, self._looked = 0.0, float("-inf")
        self._ask, self._client.send = self._client.send, self._ask_seldom
        self._look, self._client._metadata_update = self._client._metadata_update, self._look_seldom

    async def _ask_seldom(self, node: int, request: Any, **how: Any) -> Any:
        asked = time.monotonic()
        answer = await self._ask(node, request, **how)
        if answer.API_KEY != FetchRequest.API_KEY:
            return answer
        if not _holds_nothing(answer):
            self._rest = 0.0
        elif time.monotonic() - asked < SOON:
            self._rest = min(REST_MOST, self._rest + REST_STEP)
            await asyncio.sleep(self._rest)
        return answer

    async def _look_seldom(self, cluster: Any, topics: Any) -> Any:
        await asyncio.sleep(max(0.0, self._looked + LOOK_EVERY - time.monotonic()))
        self._looked = time.monotonic()
        return await self._look(cluster, topics)


def _holds_nothing(answer: Any) -> bool:
    """Neither a record nor an error."""
    return not any(error or messages for _, partitions in answer.topics for _, error, *_, messages in partitions)


class GroupConsumer(SparingConsumer):
    """A member of a group, whose `hand` knows what is being handled."""

    def __init__(self, *topics: str, hand: Hand, **settings: Any) -> None:
        super().__init__(*topics, **settings)
        self._hand = hand

    async def getmany(self, *partitions: TopicPartition, timeout_ms: int = 0, max_records: int | None = None) -> Records:
        if self._hand.stopping.is_set():
            return {}
        records: Records = await super().getmany(*partitions, timeout_ms=timeout_ms, max_records=max_records)
        if records:
            self._hand.idle.clear()  # at once: a rebalance that begins before the handler does must wait for it too
        return records

    def broken(self) -> str | None:
        """Why it is deaf for ever. It was not started, or a task of aiokafka's own has died of what aiokafka does not expect:
        of uvloop's RuntimeError, or of the empty assignment that the embedded broker may give."""
        if self._coordinator is None:
            return "was not started"
        for task in (self._client._sync_task, self._fetcher._fetch_task, self._coordinator._coordination_task):
            if task is None or task.cancelled():
                return "was stopped"
            if task.done():
                return f"broke: {task.exception()!r}"
        return None

    async def stop(self) -> None:
        """aiokafka's own waits for the answer to a join, and for a broker that is away: so long that nobody can."""
        leaving = asyncio.ensure_future(super().stop())
        await asyncio.wait({leaving}, timeout=LEAVE)
        if leaving.done() and not leaving.cancelled() and not leaving.exception():  # a task of its that died may cancel it
            return
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        if self._coordinator:
            await self._quietly(self._coordinator._stop_heartbeat_task())
            await self._quietly(self._coordinator._stop_commit_offsets_refresh_task())
        if self._fetcher:
            await self._quietly(self._fetcher.close())
        await self._quietly(self._client.close())
        await self._quietly(self._client.close())  # of a client whose task died, the first call only tells of that

    @staticmethod
    async def _quietly(closing: Coroutine[Any, Any, None]) -> None:
        await asyncio.gather(closing, return_exceptions=True)


class FinishFirst(ConsumerRebalanceListener):  # type: ignore[misc]
    """Partitions are given up when the batch in hand is acknowledged, so that an orderly rebalance repeats nothing. `most`:
    seconds that are waited for it."""

    def __init__(self, hand: Hand, most: float) -> None:
        self._hand, self._most = hand, most

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._most):
                await self._hand.idle.wait()
        self._hand.term += 1
        self._hand.member = False

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self._hand.member = True
