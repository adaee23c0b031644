"""Rest for consumers of a broker that does not wait.

A broker holds an empty fetch for `fetch_max_wait_ms`. The embedded one answers at once, and aiokafka asks again at once: two
thousand times a second and consumer, a whole core for nothing. Here an empty answer that came at once is followed by a rest,
which grows while nothing comes. A broker that waits is never made to wait longer.
"""

from __future__ import annotations

from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.protocol.fetch import FetchRequest

from libs.events.ports import Clock

AT_ONCE = 0.01
"""Seconds: an empty answer within them was not waited for."""
SHORTEST, LONGEST = 0.005, 0.05
"""Seconds of rest: after the first empty answer, and at most."""


def pace(consumer: AIOKafkaConsumer, clock: Clock) -> None:
    """Wraps the consumer's requests; aiokafka has no setting for this."""
    client = consumer._client
    ask = client.send
    rest = SHORTEST

    async def paced(node_id: int, request: Any, **about: Any) -> Any:
        nonlocal rest
        if not isinstance(request, FetchRequest):
            return await ask(node_id, request, **about)
        asked = clock.monotonic()
        answer = await ask(node_id, request, **about)
        if _holds_records(answer):
            rest = SHORTEST
        elif clock.monotonic() - asked < AT_ONCE:
            await clock.sleep(rest)
            rest = min(LONGEST, rest * 2)
        return answer

    client.send = paced


def _holds_records(answer: Any) -> bool:
    return any(partition[-1] for _, partitions in answer.topics for partition in partitions)
