"""The loop on which simulations run: waiting costs nothing, and one seed is one run."""

from __future__ import annotations

import asyncio
import itertools
import time

import pytest

from libs.events.memory import EPOCH, LoopClock
from libs.events.testing import Deadlock, eventually, run_virtual
from libs.events.virtual_time import Livelock


async def _interleaving(workers: int = 6) -> list[int]:
    seen: list[int] = []

    async def worker(number: int) -> None:
        for _ in range(3):
            await asyncio.sleep(0)
            seen.append(number)

    await asyncio.gather(*(worker(number) for number in range(workers)))
    return seen


def test_a_year_of_waiting_takes_no_time() -> None:
    async def year() -> float:
        await asyncio.sleep(365 * 86_400)
        return asyncio.get_running_loop().time()

    began = time.perf_counter()
    assert run_virtual(year()) == 365 * 86_400
    assert time.perf_counter() - began < 1


def test_timers_ring_in_the_order_of_their_time() -> None:
    async def main() -> list[str]:
        rung: list[str] = []

        async def ring(after: float, name: str) -> None:
            await asyncio.sleep(after)
            rung.append(name)

        await asyncio.gather(ring(3, "late"), ring(1, "early"), ring(2, "middle"))
        return rung

    assert run_virtual(main()) == ["early", "middle", "late"]


def test_the_clock_stands_still_while_there_is_work() -> None:
    async def main() -> tuple[object, object]:
        clock = LoopClock()
        for _ in range(100):
            await asyncio.sleep(0)
        before = clock.now()
        await clock.sleep(90)
        return before, (clock.now() - before).total_seconds()

    assert run_virtual(main()) == (EPOCH, 90.0)


def test_the_same_seed_gives_the_same_interleaving_and_another_seed_another() -> None:
    runs = [run_virtual(_interleaving(), seed=seed) for seed in (1, 1, 2)]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_without_a_seed_callbacks_run_in_their_usual_order() -> None:
    assert run_virtual(_interleaving(3)) == [0, 1, 2] * 3


@pytest.mark.parametrize("seed", range(20))
def test_queues_and_locks_keep_their_promises_under_every_order(seed: int) -> None:
    async def main() -> list[int]:
        queue, lock, taken = asyncio.Queue[int](), asyncio.Lock(), []

        async def take() -> None:
            for _ in range(5):
                async with lock:
                    taken.append(await queue.get())

        takers = [asyncio.create_task(take()) for _ in range(3)]
        for number in range(15):
            await queue.put(number)
            await asyncio.sleep(0.01)
        await asyncio.gather(*takers)
        return taken

    assert run_virtual(main(), seed=seed) == list(range(15))


def test_a_deadlock_is_told_with_who_waits() -> None:
    async def waits_for_nobody() -> None:
        await asyncio.Event().wait()

    with pytest.raises(Deadlock, match="waits_for_nobody"):
        run_virtual(waits_for_nobody())


def test_a_timeout_fires_at_its_virtual_time() -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), timeout=30)
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) == 30


def test_tasks_left_behind_are_cancelled() -> None:
    cancelled: list[bool] = []

    async def lingers() -> None:
        try:
            await asyncio.sleep(1_000)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    async def main() -> None:
        task = asyncio.create_task(lingers())
        await asyncio.sleep(1)
        assert not task.done()

    run_virtual(main())
    assert cancelled == [True]


def test_a_probe_is_asked_until_it_is_true_and_tells_its_last_answer_when_it_never_is() -> None:
    async def main() -> None:
        numbers = iter(range(100))
        assert await eventually(lambda: next(numbers) >= 7) is True
        with pytest.raises(AssertionError, match="not within 1 s; last: None"):
            await eventually(lambda: None, timeout=1)

    run_virtual(main())


def test_whoever_never_lets_time_pass_is_found_out() -> None:
    async def main() -> None:
        for _ in itertools.count():
            await asyncio.sleep(0)

    with pytest.raises(Livelock, match=r"at 0\.0"):
        run_virtual(main())
