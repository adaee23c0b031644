"""The clocks of processes are set an hour and a day wrong, and right again, under traffic: nothing happens early, and no token
lives longer."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from cli import people
from cli.console import SERVICES
from cli.opening import opened
from cli.story.api import RETRIED
from deploy.local.kafka import Kafka
from libs.events.decider import Role
from libs.events.ports import Unavailable
from libs.events.testing import eventually
from tests.chaos.clocks import A_DAY, CannotBeSet, Clocks, clocks_in
from tests.chaos.schedule import Form
from tests.chaos.stack import Stack, started
from tests.chaos.standing import what_was_told_stands
from tests.chaos.traffic import Traffic
from tests.e2e.audit import nothing_lost_and_nothing_twice
from tests.scoreboard import Row

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1_200)]
AN_HOUR = 3_600
STEPS = (AN_HOUR, -AN_HOUR, A_DAY)
HELD, RIGHT_AGAIN = 7.0, 2.0
"""Seconds that a clock is wrong, longer than an application stands; and right: each is noticed within one."""
LEEWAY = 60.0
"""Seconds after its expiry until which a token may be accepted."""
BETWEEN_LOOKS = 1.0
"""Seconds between two looks at what has been stored."""
STORED_WITHIN = 30.0
"""Seconds from when a command is stamped until a reader sees it stored."""


@pytest.fixture(scope="module")
def clocks(form: Form, tmp_path_factory: pytest.TempPathFactory) -> Clocks:
    if not form.steps:
        pytest.skip("clocks are set in the long form only, see ADR 21")
    try:
        return clocks_in(tmp_path_factory.mktemp("clocks"))
    except CannotBeSet as why:
        pytest.skip(str(why))


@pytest.fixture(scope="module")
async def stack(clocks: Clocks, local_kafka: Kafka, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """One of its own: the other tests' clocks are the system's."""
    async with started(tmp_path_factory.mktemp("chaos"), local_kafka, clocks) as running:
        yield running


async def test_when_clocks_are_set_nothing_happens_early_and_no_token_lives_longer(
    stack: Stack, clocks: Clocks, form: Form, seed: int, shown: list[Row], command: str
) -> None:
    traffic, chance = Traffic(stack, seed + 5, form.rate), random.Random(seed + 5)
    looking_on = asyncio.create_task(_every_commit_is_of_its_time(stack))
    lapsed = []
    async with traffic:
        await eventually(lambda: traffic.seen.accepted, timeout=60)
        for number in range(form.steps):
            whose, step = _of(chance, stack.processes(), number), STEPS[number // 2 % len(STEPS)]
            clocks.set(whose, step)
            lapsed.append(await _tokens_are_judged_by_the_true_time(stack))
            clocks.set(whose, 0)
            await asyncio.sleep(RIGHT_AGAIN)
    assert not traffic.seen.broken, "\n".join(traffic.seen.broken)
    await stack.ready(stack.settles)
    audited = await nothing_lost_and_nothing_twice(stack, stack.settles)
    await what_was_told_stands(stack, traffic.seen)
    looking_on.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await looking_on
    for name in stack.processes():
        assert "the system's clock was set by" in stack.supervision.log(name).read_text(), f"{name} felt it"
    assert traffic.seen.ended.get("expired"), "a deadline was due"
    accepted, deadlines = len(traffic.seen.accepted), traffic.seen.ended["expired"]
    ours = (
        f"{form.steps} times, every second time of all processes at once: {accepted} accepted commands, none refused for its "
        f"time; {audited.commits} commits, none stamped wrongly; {deadlines} deadlines, none early or twice; a token refused "
        f"at most {max(lapsed):.1f} s after its expiry"
    )
    anchor = "Jepsen's clock nemesis; no token more than 60 s past its expiry"
    shown.append(Row("clocks set ±1 h and a day ahead, and back, under traffic", anchor, ours, command))


def _of(chance: random.Random, processes: Sequence[str], number: int) -> Sequence[str]:
    """Whose clock is set: any one's, and every second time everyone's."""
    return processes if number % 2 else [chance.choice(processes)]


async def _every_commit_is_of_its_time(stack: Stack) -> None:
    """By this process's clock, which is right: no commit is seen before the time that it is stamped with, nor long after. Since
    the audit sees that nothing is stamped before it is due, nothing happens before it is."""
    read, before = dict.fromkeys(SERVICES, 0), datetime.now(UTC)
    async with contextlib.AsyncExitStack() as stores:
        logs = {service: (await stores.enter_async_context(opened(service, stack.data))).log for service in SERVICES}
        while True:
            looked = datetime.now(UTC)
            for service, log in logs.items():
                with contextlib.suppress(Unavailable):
                    commits, now = await log.read(read[service], 1_000), datetime.now(UTC)
                    for commit in commits:
                        assert before - timedelta(seconds=STORED_WITHIN) <= commit.at <= now, (
                            f"{now}: {service} stored {commit}"
                        )
                        read[service] = commit.position
            before = looked
            await asyncio.sleep(BETWEEN_LOOKS)


async def _tokens_are_judged_by_the_true_time(stack: Stack) -> float:
    """What was just issued is accepted, what expired is refused, and so is what expires meanwhile: returns how many seconds
    after its expiry that was refused. Takes `HELD` seconds, at least."""
    issuer, ends = people.issuer(stack.data), asyncio.get_running_loop().time() + HELD
    fresh, expired, lapsing = (
        issuer.mint("olga", Role.OPERATOR, None, timedelta(seconds=seconds)) for seconds in (12 * AN_HOUR, -LEEWAY, HELD / 2)
    )
    expires = datetime.now(UTC) + timedelta(seconds=HELD / 2)
    async with httpx.AsyncClient(base_url=stack.url, timeout=10.0, trust_env=False) as client:

        async def answered(token: str) -> int:
            """0: not just now."""
            with contextlib.suppress(httpx.TransportError):
                reply = await client.get("/v1/campaigns", headers={"authorization": f"Bearer {token}"})
                return 0 if reply.status_code in RETRIED else reply.status_code
            return 0

        async def is_refused() -> bool:
            return await answered(lapsing) == 401

        await answered(lapsing)  # known from now on, where it has not expired yet
        assert await eventually(lambda: answered(fresh), timeout=30) == 200
        assert await eventually(lambda: answered(expired), timeout=30) == 401
        await eventually(is_refused, timeout=LEEWAY)
        lapsed = max(0.0, (datetime.now(UTC) - expires).total_seconds())
        await asyncio.sleep(max(0.0, ends - asyncio.get_running_loop().time()))
        assert await eventually(lambda: answered(fresh), timeout=30) == 200
        return lapsed
