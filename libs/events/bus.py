"""The bus on Kafka. Publishing is bare aiokafka: what must travel is the trace that was stored with the commit. Consuming is
FastStream: batches of raw bytes, acknowledged when they are handled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.errors import InvalidPartitionsError, UnknownTopicOrPartitionError

from libs.events.envelope import milliseconds
from libs.events.ids import Ids
from libs.events.kafka_consumer import FAILURES, LEAVE
from libs.events.partitions import PARTITIONS, partition
from libs.events.ports import Clock, Deliver, Delivery, Message, Subscription, Unavailable
from libs.events.subscription import KafkaSubscription, SubscriptionSettings, delivery_of

TOPIC_ALREADY_EXISTS = 36
"""Kafka's error code."""
LOOK_UP = 1.0
"""Seconds until a topic that no broker tells of counts as not there."""
LISTEN = 200
"""Milliseconds of one look at what is read by its offset."""
MOST_FETCHED = 65_536
"""Bytes per partition that come with it, unless one message has more."""
BETWEEN_LOOKS = 0.05
"""Seconds until the brokers are asked again about a topic that is being created."""


class KafkaBus:
    """`Bus`. `replication`: of topics created here. `patience`: seconds until a broker that does
    not answer counts as unavailable. `subscriptions`: how consumers behave."""

    def __init__(
        self,
        bootstrap: str,
        clock: Clock,
        ids: Ids,
        *,
        replication: int = 1,
        patience: float = 10.0,
        subscriptions: SubscriptionSettings | None = None,
    ) -> None:
        self._bootstrap, self._clock, self._ids = bootstrap, clock, ids
        self._replication, self._patience = replication, patience
        self._subscriptions = subscriptions or SubscriptionSettings()
        self._producer: AIOKafkaProducer | None = None
        self._producing = asyncio.Lock()

    async def ensure(self, topic: str) -> None:
        """Returns when the brokers tell of it: a created topic is news that takes a moment to reach them. Also gives a topic
        that the broker created by itself, on somebody's look-up, its full number of partitions."""
        async with self._admin() as admin:
            wanted = NewTopic(topic, PARTITIONS, self._replication, topic_configs=_kept(self._replication))
            answer = await admin.create_topics([wanted])
            [(_, code, *rest)] = answer.topic_errors
            if code not in (0, TOPIC_ALREADY_EXISTS):
                raise Unavailable(f"Kafka: topic {topic} was not created: error {code} {rest}")
            while (known := await _partitions_told(admin, topic)) < PARTITIONS:
                if known:
                    await _widen(admin, topic)
                else:
                    await self._clock.sleep(BETWEEN_LOOKS)

    async def publish(self, topic: str, messages: Sequence[Message]) -> dict[int, int]:
        """Batches are filled here, partition by partition: a future per batch instead of one per message."""
        async with self._producing:
            try:
                async with asyncio.timeout(2 * self._patience):  # aiokafka's own limit does not hold when a task of its died
                    return await self._publish(topic, messages)
            except FAILURES as failure:
                await self._discard_producer()
                raise Unavailable(f"Kafka: {failure!r}") from failure
            except (asyncio.CancelledError, Unavailable):
                await self._discard_producer()
                raise

    async def _publish(self, topic: str, messages: Sequence[Message]) -> dict[int, int]:
        if self._producer is None:
            self._producer = await self._start_producer()
        producer = self._producer
        if await _partitions_known(producer, topic) < PARTITIONS:
            await self.ensure(topic)
            raise Unavailable(f"Kafka: topic {topic} had to be created anew")
        at = milliseconds(self._clock.now())  # aiokafka would ask the system's clock, and a broker refuses what is far ahead
        per_partition: dict[int, list[Message]] = {}
        for message in messages:
            per_partition.setdefault(partition(message.key), []).append(message)
        sent: list[tuple[int, int, asyncio.Future[Any]]] = []
        for number, mine in per_partition.items():
            for batch in _batches(producer, mine, at):
                future = await producer.send_batch(batch, topic, partition=number)
                sent.append((number, batch.record_count(), future))
        await self._acknowledged({future for _, _, future in sent})
        return {number: future.result().offset + count - 1 for number, count, future in sent}

    async def _acknowledged(self, batches: set[asyncio.Future[Any]]) -> None:
        """An idempotent producer sends a batch again for ever while too few replicas are in sync: silence is timed here."""
        while batches:
            done, batches = await asyncio.wait(batches, timeout=self._patience, return_when=asyncio.FIRST_COMPLETED)
            if not done:
                raise TimeoutError(f"{len(batches)} batches were not acknowledged for {self._patience:g} s")
            for batch in done:
                batch.result()

    async def ends(self, topic: str) -> dict[int, int]:
        places = await self._places(topic)
        if not places:
            return {}
        async with self._reader() as consumer:
            return {place.partition: end for place, end in (await consumer.end_offsets(places)).items()}

    async def read(self, topic: str, offsets: Mapping[int, int]) -> dict[int, Delivery]:
        places = [place for place in await self._places(topic) if place.partition in offsets]
        if not places:
            return {}
        async with self._reader() as consumer:
            begins, ends = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
            wanted = {place: at for place in places if begins[place] <= (at := offsets[place.partition]) < ends[place]}
            consumer.assign(list(wanted))
            for place, offset in wanted.items():
                consumer.seek(place, offset)
            found: dict[TopicPartition, ConsumerRecord[bytes, bytes]] = {}
            while len(found) < len(wanted):
                for place, (first, *_) in (await consumer.getmany(timeout_ms=LISTEN)).items():
                    found[place] = first
                    consumer.pause(place)
            return {place.partition: delivery_of(one) for place, one in found.items() if one.offset == wanted[place]}

    async def _places(self, topic: str) -> list[TopicPartition]:
        """None of a topic that is not there."""
        async with self._admin() as admin:
            if topic not in await admin.list_topics():
                return []
            [described] = await admin.describe_topics([topic])
            return [TopicPartition(topic, one["partition"]) for one in described["partitions"]]

    @asynccontextmanager
    async def _reader(self) -> AsyncIterator[AIOKafkaConsumer]:
        """A consumer without a group, for as long as the broker's patience."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            request_timeout_ms=self._milliseconds(),
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=MOST_FETCHED,
        )
        try:
            async with asyncio.timeout(self._patience):
                await consumer.start()
                yield consumer
        except FAILURES as failure:
            raise Unavailable(f"Kafka: {failure!r}") from failure
        finally:
            with suppress(*FAILURES):
                await consumer.stop()

    def partition(self, key: str) -> int:
        return partition(key)

    def subscribe(self, group: str, topics: Sequence[str], deliver: Deliver) -> Subscription:
        return KafkaSubscription(self._bootstrap, group, topics, deliver, self, self._clock, self._ids, self._subscriptions)

    async def stop(self) -> None:
        """Closes the producer; subscriptions are stopped by who started them."""
        async with self._producing:
            await self._discard_producer()

    async def _start_producer(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._bootstrap,
            acks="all",
            enable_idempotence=True,
            linger_ms=0,
            max_batch_size=262_144,
            request_timeout_ms=self._milliseconds(),
        )
        try:
            async with asyncio.timeout(self._patience):
                await producer.start()
        except BaseException:
            with suppress(*FAILURES):
                await producer.stop()
            raise
        return producer

    async def _discard_producer(self) -> None:
        """After a failure its sequence numbers cannot be trusted; the next publish starts another. Its sender is ended first:
        stopping would wait until the last batch is acknowledged, which may be never."""
        producer, self._producer = self._producer, None
        if producer is not None:
            with suppress(*FAILURES):
                async with asyncio.timeout(LEAVE):
                    await producer._sender.close()
                    await producer.stop()
            with suppress(*FAILURES):
                await producer.client.close()

    @asynccontextmanager
    async def _admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap, request_timeout_ms=self._milliseconds())
        try:
            async with asyncio.timeout(self._patience):
                await admin.start()
                yield admin
        except FAILURES as failure:
            raise Unavailable(f"Kafka: {failure!r}") from failure
        finally:
            with suppress(*FAILURES):
                await admin.close()

    def _milliseconds(self) -> int:
        return round(self._patience * 1000)


def _kept(replication: int) -> dict[str, str]:
    """For ever: a read model is built from the first event on, and Kafka by itself forgets after a week. All replicas but one
    have a message before it is acknowledged, so that one of them may die."""
    for_ever = {"retention.ms": "-1", "retention.bytes": "-1"}
    return for_ever | ({"min.insync.replicas": str(replication - 1)} if replication > 2 else {})


async def _partitions_known(producer: AIOKafkaProducer, topic: str) -> int:
    """The producer by itself would ask for all its patience."""
    try:
        async with asyncio.timeout(LOOK_UP):
            return len(await producer.partitions_for(topic))
    except (TimeoutError, UnknownTopicOrPartitionError):
        return 0


async def _partitions_told(admin: AIOKafkaAdminClient, topic: str) -> int:
    [described] = await admin.describe_topics([topic])
    return len(described["partitions"])


async def _widen(admin: AIOKafkaAdminClient, topic: str) -> None:
    with suppress(InvalidPartitionsError):  # somebody else has
        await admin.create_partitions({topic: NewPartitions(PARTITIONS)})


def _batches(producer: AIOKafkaProducer, messages: Sequence[Message], at: int) -> list[Any]:
    """The messages in order, in as few batches as fit, stamped with `at` (milliseconds since 1970)."""
    batches = []
    batch = producer.create_batch()
    for message in messages:
        key, headers = message.key.encode(), list(message.headers)
        if batch.append(timestamp=at, key=key, value=message.value, headers=headers) is None:
            batches.append(batch)
            batch = producer.create_batch()
            batch.append(timestamp=at, key=key, value=message.value, headers=headers)
    batch.close()
    return [*batches, batch]
