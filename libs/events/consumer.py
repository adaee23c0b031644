"""Consumers: batches of deliveries in, effects out. Outages are waited for; what can never be handled is parked with its key.

Effects are idempotent by construction (a projection's marks, a reaction's commit ids), so a batch may be handled again in parts
or as a whole at any time: after a crash, a rebalance, or in the search for the event at fault.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from opentelemetry import metrics, trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from tenacity import AsyncRetrying, retry_if_exception_type

from libs.events.backoff import pause
from libs.events.deadletter import DeadLetters, Letter, place_of
from libs.events.envelope import Recorded, from_cloudevent
from libs.events.failures import Halted, is_transient
from libs.events.ports import Bus, Clock, Delivery, Documents, Ports, Subscription, Unavailable
from libs.events.progress import Progress
from libs.events.registry import Event, Registry, registry

T = TypeVar("T")
Handle = Callable[[Sequence[Recorded[Any]]], Awaitable[None]]
"""Handles decoded events, in order per key. Whatever it raises is judged by `failures.is_transient`."""

logger = logging.getLogger(__name__)
MOST_LINKS = 32
"""Traces that a batch's span is linked to."""


@dataclass(frozen=True, slots=True)
class Limits:
    """patience: seconds that an outage is waited for before the batch goes back to the bus; well under its max.poll.interval.
    most_parked: distinct keys parked in a row, without one success, that stop the consumer.
    deaf_after: seconds without a poll after which it is not ready.
    replay_every: seconds between looks for replays that an operator asked for."""

    patience: float = 60.0
    most_parked: int = 20
    deaf_after: float = 30.0
    replay_every: float = 1.0


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class _Taken:
    """A delivery and what it says: an event, or why it cannot be read."""

    delivery: Delivery
    place: str
    says: Recorded[Event] | Exception

    def event(self) -> Recorded[Event]:
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


class Consumer:
    """One member of a consumer group. `types`: what `handle` is given; all else only moves the progress on. `page`: messages
    after which progress is written, however large the batch; None: after a batch."""

    def __init__(
        self,
        group: str,
        topics: Sequence[str],
        types: Iterable[type[Event]],
        handle: Handle,
        *,
        ports: Ports,
        known: Registry = registry,
        limits: Limits = LIMITS,
        page: int | None = None,
    ) -> None:
        self.group, self.topics = group, tuple(topics)
        self.counts: Counter[str] = Counter()
        """Events by outcome: handled, again (handled before), passed (of no interest), unknown, early, parked; and `waits` for
        outages."""
        self.halted: Halted | None = None
        self._types, self._page = {cls.type for cls in types}, page
        self._handle, self._known, self._limits = handle, known, limits
        self._bus: Bus = ports.bus
        self._documents: Documents = ports.documents
        self._clock: Clock = ports.clock
        self._ids = ports.ids
        self._dead_letters = DeadLetters(ports.documents, ports.clock)
        self._progress = Progress(ports.documents, group)
        self._failing_keys: set[str] = set()
        self._waiting = False
        self._subscription: Subscription | None = None
        self._replays: asyncio.Task[None] | None = None
        self._events = metrics.get_meter(__name__).create_counter(
            "limelight.consumer.events", description="by group and outcome"
        )
        self._tracer = trace.get_tracer(__name__)

    # --- life ----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        await self._dead_letters.prepare()
        self._subscription = self._bus.subscribe(self.group, self.topics, self.deliver)
        await self._subscription.start()
        self._replays = asyncio.get_running_loop().create_task(self._replay_for_ever(), name=f"replays of {self.group}")

    async def stop(self) -> None:
        if self._replays is not None:
            self._replays.cancel()
            await asyncio.gather(self._replays, return_exceptions=True)
        if self._subscription is not None:
            await self._subscription.stop()

    def ready(self) -> bool:
        """Polls, is not stopped by too many parked keys, and does not wait for an outage to end."""
        if self._subscription is None or self.halted is not None or self._waiting:
            return False
        return self._clock.monotonic() - self._subscription.polled() <= self._limits.deaf_after

    # --- batches -------------------------------------------------------------------------------------------------

    async def deliver(self, batch: Sequence[Delivery]) -> None:
        """Handles a batch or parks what cannot be. Raises `Unavailable` or `Halted`: nothing of it may be acknowledged."""
        if self.halted is not None:
            raise self.halted
        size = self._page or max(1, len(batch))
        for start in range(0, len(batch), size):
            await self._deliver(batch[start : start + size])

    async def _deliver(self, batch: Sequence[Delivery]) -> None:
        parked = await self._patiently(lambda: self._dead_letters.parked(self.group))
        sifted = await self._patiently(lambda: self._progress.sift(batch))
        if sifted.again:
            self._count("again", len(sifted.again))
        if sifted.early:
            self._count("early", len(sifted.early))
            logger.warning("%s leaves %d messages that came before their turn", self.group, len(sifted.early))
        await self._work(self._decode(sifted.ready), set(parked.places))
        await self._patiently(lambda: self._progress.reach(sifted.reached))

    def _decode(self, batch: Sequence[Delivery]) -> list[_Taken]:
        """What is wanted of the batch."""
        taken: list[_Taken] = []
        passed: Counter[str] = Counter()
        for delivery in batch:
            type_ = delivery.headers.get("ce_type", b"").decode(errors="replace").rpartition(".v")[0]
            if type_ and type_ not in self._types:
                passed["passed" if type_ in self._known.classes() else "unknown"] += 1
            else:
                taken.append(_Taken(delivery, place_of(delivery), self._read(delivery)))
        for outcome, amount in passed.items():
            self._count(outcome, amount)
        return taken

    def _read(self, delivery: Delivery) -> Recorded[Event] | Exception:
        try:
            return from_cloudevent(delivery.headers, delivery.value, self._known)
        except (ValueError, LookupError) as unreadable:
            return unreadable

    async def _work(self, taken: list[_Taken], parked: set[str]) -> None:
        """Handles them together; if that fails for good, in halves, until the one at fault stands alone. `parked` grows."""
        taken = await self._let_pass(taken, parked)
        if not taken:
            return
        try:
            await self._handle_together(taken)
        except Exception as failed:
            if is_transient(failed):
                raise
            if len(taken) == 1:
                await self._park(taken[0].delivery, failed)
                parked.add(taken[0].place)
                return
        else:
            self._failing_keys.clear()
            self._count("handled", len(taken))
            return
        middle = len(taken) // 2
        await self._work(taken[:middle], parked)
        await self._work(taken[middle:], parked)

    async def _let_pass(self, taken: list[_Taken], parked: set[str]) -> list[_Taken]:
        """Parks what stands behind a parked event of its key; returns the rest."""
        behind = [one.delivery for one in taken if one.place in parked] if parked else []
        if not behind:
            return taken
        parked -= await self._patiently(lambda: self._dead_letters.park_behind(self.group, behind))
        passing = [one for one in taken if one.place not in parked]
        self._count("parked", len(taken) - len(passing))
        return passing

    async def _handle_together(self, taken: Sequence[_Taken]) -> None:
        events = [one.event() for one in taken]
        with self._span(events):
            await self._patiently(lambda: self._handle(events))

    async def _park(self, delivery: Delivery, error: BaseException) -> None:
        await self._patiently(lambda: self._dead_letters.park(self.group, delivery, error))
        self._count("parked")
        self._failing_keys.add(place_of(delivery))
        name = delivery.headers.get("ce_type", b"").decode(errors="replace")
        logger.error("%s parked %s of %s: %s", self.group, name, delivery.key, type(error).__name__)
        if len(self._failing_keys) >= self._limits.most_parked:
            self.halted = Halted(f"{self.group} stopped: {len(self._failing_keys)} keys in a row could not be handled")
            logger.critical("%s", self.halted)
            raise self.halted

    async def _patiently(self, act: Callable[[], Awaitable[T]]) -> T:
        """Waits for an outage to end, at most for the limits' patience; then raises `Unavailable`."""

        async def attempt() -> T:
            try:
                return await act()
            except Exception as failed:
                if not is_transient(failed):
                    raise
                self._waiting = True
                self.counts["waits"] += 1
                raise Unavailable(f"{self.group}: {failed}") from failed

        end = self._clock.monotonic() + self._limits.patience
        try:
            result = await attempt()
        except Unavailable:
            await self._clock.sleep(pause(self._ids, 1, first=0.05, most=5.0))
            result = await AsyncRetrying(
                sleep=self._clock.sleep,
                stop=lambda call: self._clock.monotonic() >= end,
                wait=lambda call: pause(self._ids, call.attempt_number + 1, first=0.05, most=5.0),
                retry=retry_if_exception_type(Unavailable),
                reraise=True,
            )(attempt)
        self._waiting = False
        return result

    # --- replays -------------------------------------------------------------------------------------------------

    async def replay(self, place: str) -> bool:
        """Handles the place's letters again, in order, and lets its key flow. False: one failed again and stays, with all
        behind it."""
        while letters := await self._dead_letters.list(self.group, place, limit=1):
            try:
                await self._replay_one(letters[0])
            except Exception as failed:
                if is_transient(failed):
                    raise
                await self._dead_letters.blame(letters[0], failed)
                return False
        return await self._dead_letters.release(self.group, place) or await self.replay(place)

    async def _replay_one(self, letter: Letter) -> None:
        event = from_cloudevent(letter.delivery.headers, letter.delivery.value, self._known)
        if event.data.type in self._types:
            with self._span([event]):
                await self._handle([event])
        await self._dead_letters.done(letter)
        self._count("handled")

    async def _replay_for_ever(self) -> None:
        while True:
            await self._clock.sleep(self._limits.replay_every)
            try:
                for place in sorted((await self._dead_letters.parked(self.group)).replay):
                    await self.replay(place)
            except Exception:
                logger.exception("%s will look again for what to replay", self.group)

    # --- what is told --------------------------------------------------------------------------------------------

    def _count(self, outcome: str, amount: int = 1) -> None:
        self.counts[outcome] += amount
        self._events.add(amount, {"group": self.group, "outcome": outcome})

    def _span(self, events: Sequence[Recorded[Any]]) -> AbstractContextManager[Any]:
        """Continues the trace of a single event; of several, is linked to theirs."""
        parents = dict.fromkeys(event.meta.traceparent for event in events if event.meta.traceparent)
        contexts = [TraceContextTextMapPropagator().extract({"traceparent": one}) for one in islice(parents, MOST_LINKS)]
        links = [trace.Link(trace.get_current_span(context).get_span_context()) for context in contexts]
        return self._tracer.start_as_current_span(
            f"process {self.group}",
            context=contexts[0] if len(events) == 1 and contexts else None,
            kind=trace.SpanKind.CONSUMER,
            links=links if len(events) > 1 else [],
            attributes={"messaging.consumer.group.name": self.group, "messaging.batch.message_count": len(events)},
        )
