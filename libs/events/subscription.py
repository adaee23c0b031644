"""One member of a Kafka consumer group: FastStream's batch subscriber around our handler."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from aiokafka import ConsumerRecord, TopicPartition
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.message import KafkaAckableMessage

from libs.events.assignor import by_name
from libs.events.backoff import pause
from libs.events.ids import Ids
from libs.events.kafka_consumer import FAILURES, LEAVE, FinishFirst, GroupConsumer, Hand
from libs.events.ports import Bus, Clock, Deliver, Delivery, Unavailable

log = logging.getLogger(__name__)

POLL = 500
"""Milliseconds that a poll waits for something to come."""
WATCH = 1.0
"""Seconds between two looks whether the consumer still hears."""
METADATA_AGE = 5_000
"""Milliseconds until topics are looked at anew: one that came back smaller, and was given its partitions again, is then
consumed whole."""


@dataclass(frozen=True, slots=True)
class SubscriptionSettings:
    """How consumers behave."""

    instance: str | None = None
    """Name of this process that outlives a restart (the pod's): its partitions then wait for it instead of moving."""
    max_records: int = 2_000
    """Largest batch."""
    session_timeout: float = 30.0
    """Seconds without a heartbeat until a member counts as dead."""
    rebalance_timeout: float = 30.0
    """Seconds that a member has to come back in a rebalance. More than `drain`, and less than the 40 s after which aiokafka
    gives a request up: members that stop listening before their join is answered hold each other up, round after round."""
    drain: float = 20.0
    """Seconds that a rebalance waits for the batch in hand."""
    finish: float = 6.0
    """Seconds that a stop waits for it. A process has 25 for all it does at its end, and what is cut off is handled again."""
    deaf_after: float = 70.0
    """Seconds without a sign of life until the consumer is built anew. More than a rebalance and a session together: so long a
    join may wait for a member that is gone, and who gives it up sooner leaves another such member behind."""


class KafkaSubscription:
    """`Subscription`. A batch whose handler raised is read again from the broker, after a pause that grows up to 5 s."""

    def __init__(
        self,
        bootstrap: str,
        group: str,
        topics: Sequence[str],
        deliver: Deliver,
        bus: Bus,
        clock: Clock,
        ids: Ids,
        settings: SubscriptionSettings,
    ) -> None:
        self._group, self._topics, self._deliver, self._bus = group, tuple(topics), deliver, bus
        self._clock, self._ids, self._settings = clock, ids, settings
        chatter = log.getChild("faststream")
        chatter.setLevel(logging.ERROR)
        self._broker = KafkaBroker(
            bootstrap.split(","),  # FastStream takes a string for one server, whatever commas it holds
            consumer_only=True,
            apply_types=False,
            graceful_timeout=LEAVE,
            metadata_max_age_ms=METADATA_AGE,
            logger=chatter,
            log_level=logging.DEBUG,
        )
        self._hand = Hand()
        self._watching: asyncio.Task[None] | None = None
        self._failures = 0
        self._sign = 0.0
        self._heard: set[int] = set()
        self._subscriber = self._broker.subscriber(
            *self._topics,
            batch=True,
            group_id=group,
            group_instance_id=f"{group}@{settings.instance}" if settings.instance else None,
            auto_offset_reset="earliest",
            max_records=settings.max_records,
            batch_timeout_ms=POLL,
            session_timeout_ms=round(settings.session_timeout * 1000),
            heartbeat_interval_ms=round(settings.session_timeout * 100),
            rebalance_timeout_ms=round(settings.rebalance_timeout * 1000),
            partition_assignment_strategy=[by_name(settings.instance)],
            ack_policy=AckPolicy.MANUAL,
            parser=self._parse,
            decoder=_undecoded,
            listener=FinishFirst(self._hand, settings.drain),
        )
        self._subscriber(self._handle)

    async def start(self) -> None:
        """Raises `Unavailable`."""
        self._hand.stopping.clear()
        for topic in self._topics:
            await self._bus.ensure(topic)
        try:
            await self._broker.connect()
            config = self._broker.config.broker_config
            config.builder = partial(GroupConsumer, hand=self._hand, **config.builder.keywords)  # type: ignore[attr-defined]
            async with asyncio.timeout(self._settings.deaf_after):
                await self._broker.start()
        except BaseException as failure:
            await self._broker.stop()
            if isinstance(failure, FAILURES):
                raise Unavailable(f"Kafka: {failure!r}") from failure
            raise
        self._sign = self._clock.monotonic()
        self._watching = asyncio.create_task(self._watch(), name=f"watch of {self._group}")

    async def stop(self) -> None:
        """The batch in hand is finished, for `finish` seconds at most. A broker that is away holds it up for a moment only."""
        self._hand.stopping.set()
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._settings.finish):
                await self._hand.idle.wait()
        await self._broker.stop()

    def polled(self) -> float:
        consumer = self._subscriber.consumer
        if consumer is None or all(task.done() for task in self._subscriber.tasks):
            return self._sign
        assigned = consumer.assignment()
        heard = {at for at in map(consumer.last_poll_timestamp, assigned) if at}
        if heard and heard != self._heard:  # what the system's clock said then is no measure: it can be set
            self._heard, self._sign = heard, self._clock.monotonic()
        elif not assigned and self._hand.member:
            self._sign = self._clock.monotonic()  # more members than partitions: there is nothing to hear
        return self._sign

    async def _watch(self) -> None:
        """A consumer that is deaf is built anew, between two batches. It goes on at what the group has committed."""
        while True:
            await self._clock.sleep(WATCH)
            consumer = self._subscriber.consumer
            broken = consumer.broken() if consumer is not None else "was not built"
            deaf = self._clock.monotonic() - self.polled() > self._settings.deaf_after
            if self._hand.delivering or not (broken or deaf):
                continue
            log.warning("%s joins its group anew: its consumer %s", self._group, broken or "hears nothing")
            try:
                await self._subscriber.stop()
                async with asyncio.timeout(self._settings.deaf_after):
                    await self._subscriber.start()
            except FAILURES as failure:
                log.warning("%s could not join: %r", self._group, failure)
            else:
                self._sign = self._clock.monotonic()

    # --- inside FastStream --------------------------------------------------------------------------------------------

    async def _parse(self, records: tuple[ConsumerRecord[bytes, bytes], ...]) -> KafkaAckableMessage:
        """FastStream's own parser decodes every header of every record, and fails on what is not text."""
        consumer = self._subscriber.consumer
        assert consumer is not None
        return KafkaAckableMessage(body=b"", raw_message=records, consumer=consumer)

    async def _handle(self, message: KafkaAckableMessage) -> None:
        records: tuple[ConsumerRecord[bytes, bytes], ...] = message.raw_message
        term = self._hand.term
        try:
            with self._hand.at_work():
                await self._deliver([delivery_of(record) for record in records])
            await self._commit(message, term)
            self._failures = 0
        except Exception as failure:
            self._failures += 1
            log.warning("batch of %d for %s was not handled: %r", len(records), self._group, failure)
            if self._hand.term == term:
                self._rewind(records)
            self._hand.idle.set()
            await self._pause()
        finally:
            self._sign = self._clock.monotonic()
            self._hand.idle.set()

    async def _commit(self, message: KafkaAckableMessage, term: int) -> None:
        """Raises `Unavailable`: the group was rebalanced meanwhile, or the broker is away and the subscription stops."""
        if self._hand.term != term:
            raise Unavailable("Kafka: the partitions were given up before the batch was handled")
        committing = asyncio.ensure_future(message.ack())
        stopping = asyncio.ensure_future(self._hand.stopping.wait())
        try:
            await asyncio.wait({committing, stopping}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait({committing}, timeout=LEAVE)
            if not committing.done():
                raise Unavailable("Kafka: stopped before the batch could be committed")
            committing.result()
        finally:
            committing.cancel()
            stopping.cancel()

    def _rewind(self, records: Iterable[ConsumerRecord[bytes, bytes]]) -> None:
        """Back to the first record of the batch in each partition that is still ours. The message's own `nack` stops at the
        first partition that is not, and the others would be skipped. Never across a rebalance: the group then goes on at what
        it has committed, and at a broker that lost its last second that may lie before this batch."""
        consumer = self._subscriber.consumer
        if consumer is None:
            return
        firsts: dict[TopicPartition, int] = {}
        for record in records:
            firsts.setdefault(TopicPartition(record.topic, record.partition), record.offset)
        for place in firsts.keys() & consumer.assignment():
            consumer.seek(place, firsts[place])

    async def _pause(self) -> None:
        """Before the batch is delivered again, or until the subscription is stopped."""
        sleep = asyncio.ensure_future(self._clock.sleep(pause(self._ids, self._failures, 0.1, 5.0)))
        stop = asyncio.ensure_future(self._hand.stopping.wait())
        try:
            await asyncio.wait({sleep, stop}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleep.cancel()
            stop.cancel()


async def _undecoded(message: KafkaAckableMessage) -> Any:
    return message


def delivery_of(record: ConsumerRecord[bytes, bytes]) -> Delivery:
    return Delivery(
        record.topic,
        record.partition,
        record.offset,
        record.key.decode(errors="replace") if record.key else "",
        record.value or b"",
        {name: value or b"" for name, value in record.headers},
    )
