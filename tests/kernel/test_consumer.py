"""What happens to a batch: outages are waited for, what can never be handled is parked with its key, the rest flows."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import replace

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from libs.events.consumer import Consumer
from libs.events.decider import Kind, Refusal
from libs.events.failures import Halted, is_transient
from libs.events.ports import ConcurrencyError, Delivery, Unavailable
from libs.events.progress import Reached, read_progress
from libs.events.testing import eventually, run_virtual
from tests.kernel.jars import JARS, CoinAdded, jar_id
from tests.kernel.memory_world import GROUP, TOPIC, Recorder, World, consumer, filled, now_and_then


def test_a_batch_is_handled_once_and_its_progress_told() -> None:
    async def main() -> None:
        world, recorder = await filled(), Recorder()
        here = consumer(world, recorder)
        await here.deliver(await world.deliveries())
        assert (recorder.calls, len(recorder.handled)) == (1, 12)
        places = [(TOPIC, world.bus.partition(jar_id(number))) for number in range(3)]
        reached = await read_progress(world.documents, GROUP, places)
        assert max(to.position for to in reached.values()) == 12
        assert here.counts["handled"] == 12

    run_virtual(main())


def test_types_of_no_interest_and_unknown_types_pass_are_counted_and_move_the_progress() -> None:
    async def main() -> None:
        world, recorder = await filled(1, 1), Recorder()
        batch = await world.deliveries()
        unknown = {**batch[1].headers, "ce_type": b"limelight.jars.JarPainted.v1", "ce_position": b"9"}
        here = Consumer(GROUP, [TOPIC], [CoinAdded], recorder, ports=world.ports, known=JARS)
        await here.deliver([*batch, replace(batch[1], headers=unknown, offset=2)])
        assert recorder.handled == [(jar_id(0), 2)]
        assert (here.counts["passed"], here.counts["unknown"], here.counts["parked"]) == (1, 1, 0)
        place = (TOPIC, world.bus.partition(jar_id(0)))
        assert (await read_progress(world.documents, GROUP, [place]))[place] == Reached(9, 3, 2)

    run_virtual(main())


@pytest.mark.parametrize(
    ("failure", "transient"),
    [
        (Unavailable("database"), True),
        (ConnectionResetError(), True),
        (TimeoutError(), True),
        (ConcurrencyError("jar_1", 1), True),
        (Refusal("PEER_DOWN", "later", kind=Kind.UNAVAILABLE), True),
        (MemoryError(), True),
        (RuntimeError("bug"), False),
        (Refusal("NO", "never"), False),
        (ValueError("schema"), False),
        (KeyError("bug"), False),
    ],
)
def test_failures_are_told_apart(failure: Exception, transient: bool) -> None:
    assert is_transient(failure) is transient


def test_a_process_that_can_start_no_thread_blames_no_event() -> None:
    """In a process of its own, which gets no more memory than it has."""
    script = (
        "import resource, threading\n"
        "from libs.events.failures import is_transient\n"
        "threading.stack_size(2**26)\n"
        "resource.setrlimit(resource.RLIMIT_AS, (2**20, resource.RLIM_INFINITY))\n"
        "try:\n"
        "    threading.Thread(target=print).start()\n"
        "except RuntimeError as starved:\n"
        "    print(is_transient(starved))\n"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert told.stdout == "True\n"


def test_an_outage_is_waited_for_and_nothing_is_parked() -> None:
    async def main() -> None:
        world, recorder = await filled(), Recorder()
        here = consumer(world, recorder)
        down = [Unavailable("database"), ConnectionResetError("peer"), Unavailable("database")]
        recorder.fails = lambda event: down.pop() if down else None
        await here.deliver(await world.deliveries())
        assert (len(recorder.handled), here.counts["waits"], here.counts["parked"]) == (12, 3, 0)

    run_virtual(main())


def test_an_outage_that_lasts_goes_back_to_the_bus_within_the_patience_and_is_never_parked() -> None:
    async def main() -> None:
        world, recorder = await filled(), Recorder()
        here = consumer(world, recorder, patience=20)
        recorder.fails = lambda event: Unavailable("database")
        began = asyncio.get_running_loop().time()
        with pytest.raises(Unavailable):
            await here.deliver(await world.deliveries())
        assert 20 <= asyncio.get_running_loop().time() - began < 30
        assert here.counts["parked"] == 0
        assert await here._dead_letters.list() == []

    run_virtual(main())


def test_a_consumer_that_waits_for_an_outage_is_not_ready_and_is_again_afterwards() -> None:
    async def main() -> None:
        world, recorder = await filled(), Recorder()
        here = consumer(world, recorder)
        down = True
        recorder.fails = lambda event: Unavailable("database") if down else None
        await here.start()
        assert here.ready()
        await world.publish()
        await eventually(lambda: not here.ready())
        down = False
        await eventually(lambda: here.ready() and len(set(recorder.handled)) == 12, timeout=30)
        await here.stop()

    run_virtual(main())


def test_a_consumer_that_is_deaf_is_not_ready_within_thirty_seconds() -> None:
    """Trap 13: alive but deaf."""

    async def main() -> None:
        world = World()
        here = consumer(world, Recorder())
        assert not here.ready()
        await here.start()
        await world.clock.sleep(60)
        assert here.ready()
        here._subscription._task.cancel()  # type: ignore[union-attr]
        await world.clock.sleep(31)
        assert not here.ready()
        here._replays.cancel()  # type: ignore[union-attr]

    run_virtual(main())


def test_the_one_at_fault_is_parked_with_all_later_ones_of_its_key_and_the_rest_flows() -> None:
    async def main() -> None:
        world, recorder = await filled(5, 4), Recorder()
        here = consumer(world, recorder)
        recorder.fails = lambda event: ValueError("poison") if (event.stream, event.version) == (jar_id(2), 3) else None
        await here.deliver(await world.deliveries())
        assert [recorder.of(number) for number in (0, 1, 3, 4)] == [[1, 2, 3, 4, 5]] * 4
        assert recorder.of(2) == [1, 2]
        letters = await here._dead_letters.list(GROUP)
        assert [int(letter.delivery.headers["ce_streamversion"]) for letter in letters] == [3, 4, 5]
        assert "poison" in letters[0].reason
        assert "an earlier event" in letters[1].reason

    run_virtual(main())


def test_a_parked_key_stays_parked_for_later_batches_and_for_other_members() -> None:
    async def main() -> None:
        world, recorder = await filled(2, 1), Recorder()
        here, there = consumer(world, recorder), consumer(world, recorder)
        recorder.fails = lambda event: ValueError("poison") if (event.stream, event.version) == (jar_id(0), 1) else None
        await here.deliver(await world.deliveries())
        await world.add(0, 1)
        await world.add(1, 1)
        await there.deliver((await world.deliveries())[4:])
        assert (recorder.of(0), recorder.of(1)) == ([], [1, 2, 3])
        assert len(await here._dead_letters.list(GROUP)) == 3

    run_virtual(main())


@pytest.mark.parametrize(
    "spoil",
    [
        lambda d: replace(d, value=b"not json"),
        lambda d: replace(d, value=b'{"jar_id": 7}'),
        lambda d: replace(d, headers={name: value for name, value in d.headers.items() if name != "ce_id"}),
        lambda d: replace(d, headers={**d.headers, "ce_type": b"limelight.jars.CoinAdded.v99"}),
    ],
)
def test_what_cannot_be_read_is_parked_in_its_place_in_the_order(spoil: object) -> None:
    async def main() -> None:
        world, recorder = await filled(1, 3), Recorder()
        here = consumer(world, recorder)
        batch = await world.deliveries()
        batch[2] = spoil(batch[2])  # type: ignore[operator]
        await here.deliver(batch)
        assert recorder.of(0) == [1, 2]
        assert len(await here._dead_letters.list(GROUP)) == 2

    run_virtual(main())


def test_a_message_that_is_not_the_relays_is_parked_and_holds_up_its_key_alone() -> None:
    async def main() -> None:
        world, recorder = await filled(2, 2), Recorder()
        here = consumer(world, recorder)
        batch = await world.deliveries()
        await here.deliver([*batch[:2], replace(batch[2], headers={}), *batch[2:]])
        assert (recorder.of(0), recorder.of(1)) == ([1], [1, 2, 3])
        assert len(await here._dead_letters.list(GROUP)) == 3

    run_virtual(main())


def test_a_bad_deployment_stops_instead_of_parking_the_topic() -> None:
    async def main() -> None:
        world, recorder = await filled(60, 0), Recorder()
        here = consumer(world, recorder, most_parked=20)
        recorder.fails = lambda event: KeyError("bug")
        batch = await world.deliveries()
        for _ in range(2):
            with pytest.raises(Halted, match="20 keys in a row"):
                await here.deliver(batch)
        assert len(await here._dead_letters.list(GROUP, limit=100)) == 20
        assert not here.ready()

    run_virtual(main())


def test_one_success_in_between_shows_that_the_deployment_is_not_at_fault() -> None:
    async def main() -> None:
        world, recorder = await filled(60, 0), Recorder()
        here = consumer(world, recorder, most_parked=20)
        recorder.fails = lambda event: ValueError("poison") if int(event.stream[-2:]) % 10 else None
        await here.deliver(await world.deliveries())
        assert here.halted is None
        assert here.counts["parked"] == 54

    run_virtual(main())


def test_a_consumer_killed_between_effect_and_acknowledgement_is_given_the_batch_again() -> None:
    """Trap 12: what a cancelled handler did not finish is not acknowledged."""

    async def main() -> None:
        world, recorder = await filled(2, 2), Recorder()
        reached, go_on = asyncio.Event(), asyncio.Event()

        class Slow(Recorder):
            async def __call__(self, events: object) -> None:
                await recorder(events)  # type: ignore[arg-type]
                reached.set()
                await go_on.wait()

        here = consumer(world, Slow())
        await here.start()
        await world.publish()
        await reached.wait()
        here._subscription.kill()  # type: ignore[union-attr]
        here._replays.cancel()  # type: ignore[union-attr]
        assert world.bus.lag(GROUP, TOPIC) == 6  # type: ignore[attr-defined]
        there = consumer(world, recorder)
        await there.start()
        await eventually(lambda: len(recorder.handled) == 12)
        await there.stop()
        assert world.bus.lag(GROUP, TOPIC) == 0  # type: ignore[attr-defined]

    run_virtual(main())


def test_a_failing_batch_does_not_move_the_acknowledged_offset() -> None:
    async def main() -> None:
        world, recorder = await filled(2, 2), Recorder()
        here = consumer(world, recorder, patience=1)
        recorder.fails = lambda event: Unavailable("database")
        await here.start()
        await world.publish()
        await world.clock.sleep(10)
        assert world.bus.lag(GROUP, TOPIC) == 6  # type: ignore[attr-defined]
        recorder.fails = lambda event: None
        await eventually(lambda: world.bus.lag(GROUP, TOPIC) == 0, timeout=20)  # type: ignore[attr-defined]
        await here.stop()

    run_virtual(main())


@pytest.mark.parametrize("seed", range(10))
def test_faults_of_the_document_store_anywhere_are_waited_for(seed: int) -> None:
    async def main() -> None:
        world, recorder = await filled(3, 2), Recorder()
        here = consumer(world, recorder, patience=3_600)
        recorder.fails = lambda event: ValueError("poison") if (event.stream, event.version) == (jar_id(1), 2) else None
        batch = await world.deliveries()
        world.faults.failing = now_and_then(seed)
        await here.deliver(batch)
        world.faults.failing = lambda point: False
        assert (recorder.of(0), recorder.of(1), recorder.of(2)) == ([1, 2, 3], [1], [1, 2, 3])
        assert len(await here._dead_letters.list(GROUP)) == 2

    run_virtual(main())


def test_a_span_continues_a_single_events_trace_and_links_to_those_of_several() -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))

    def traced(delivery: Delivery, number: int) -> Delivery:
        parent = f"00-{number:032x}-{number:016x}-01".encode()
        return replace(delivery, headers={**delivery.headers, "traceparent": parent})

    async def main() -> None:
        world, recorder = await filled(3, 0), Recorder()
        here = consumer(world, recorder)
        here._tracer = provider.get_tracer("tests")
        one, two, three = await world.deliveries()
        await here.deliver([traced(one, 1)])
        await here.deliver([traced(two, 2), traced(three, 3)])

    run_virtual(main())
    single, several = exporter.get_finished_spans()
    assert single.context is not None
    assert single.parent is not None
    assert (single.context.trace_id, single.parent.span_id, single.kind) == (1, 1, trace.SpanKind.CONSUMER)
    assert several.parent is None
    assert sorted(link.context.trace_id for link in several.links) == [2, 3]
