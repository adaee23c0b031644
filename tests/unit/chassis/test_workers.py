from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from libs.chassis.descriptors import Protos
from libs.chassis.issuer import DevelopmentIssuer
from libs.chassis.workers import LAST_PAGE
from libs.events.decider import Kind, Refusal
from libs.events.memory import LoopClock
from libs.events.ports import Unavailable
from libs.events.testing import run_virtual
from tests.unit.chassis.notes import World, world

Try = Callable[[Callable[[World], Awaitable[None]]], None]


@pytest.fixture
def on_virtual_time(protos: Protos, tmp_path: Any) -> Try:
    """Runs a scenario on a world whose time is the virtual loop's; it must leave nothing running."""

    def run(scenario: Callable[[World], Awaitable[None]]) -> None:
        async def main() -> None:
            clock = LoopClock()
            notes = world(protos, DevelopmentIssuer(tmp_path / "issuer", clock=clock), clock)
            try:
                await scenario(notes)
            finally:
                await notes.service.stop()
            assert len(asyncio.all_tasks()) == 1

        run_virtual(main())

    return run


async def until_ready(notes: World) -> None:
    async with asyncio.timeout(30):
        while await notes.service.readiness():
            await notes.service.ports.clock.sleep(0.1)


async def listed(notes: World, min_position: str = "") -> list[str]:
    return [note.text for note in (await notes.call("ListNotes", min_position=min_position)).message.notes]  # type: ignore[attr-defined]


def test_a_query_that_names_what_it_has_seen_reads_its_own_writes(on_virtual_time: Try) -> None:
    async def scenario(notes: World) -> None:
        await notes.service.start("all")
        for number in range(5):
            reply = await notes.call("WriteNote", text=str(number))
            assert str(number) in await listed(notes, reply.metadata["limelight-position"])
        batch = await notes.call("ImportNotes", notes=[{"note_id": f"nte_000000000{n}", "text": f"b{n}"} for n in range(9)])
        assert {f"b{n}" for n in range(9)} <= set(await listed(notes, batch.metadata["limelight-position"]))

    on_virtual_time(scenario)


def test_a_query_waits_a_second_and_no_longer(on_virtual_time: Try) -> None:
    async def scenario(notes: World) -> None:
        await notes.service.start("worker")
        reply = await notes.call("WriteNote", text="unrelayed")
        before = notes.service.ports.clock.monotonic()
        with pytest.raises(Refusal) as refusal:
            await listed(notes, reply.metadata["limelight-position"])
        assert (refusal.value.code, refusal.value.kind) == ("POSITION_NOT_REACHED", Kind.UNAVAILABLE)
        assert 1 <= notes.service.ports.clock.monotonic() - before < 1.5

    on_virtual_time(scenario)


@pytest.mark.parametrize("token", ["nonsense", "notes.x.1", "notes.1", ",", "notes.1.1,", "notes.1.1," * 40])
def test_a_position_that_is_none_is_bad_input(on_virtual_time: Try, token: str) -> None:
    async def scenario(notes: World) -> None:
        await notes.service.start("all")
        with pytest.raises(Refusal) as refusal:
            await listed(notes, token)
        assert (refusal.value.kind, refusal.value.field) == (Kind.INVALID_ARGUMENT, "minPosition")

    on_virtual_time(scenario)


@pytest.mark.parametrize("role", ["all", "api", "worker", "relay"])
def test_each_role_is_ready_once_started_and_not_after_the_stop(on_virtual_time: Try, role: str) -> None:
    async def scenario(notes: World) -> None:
        assert await notes.service.readiness() == ["not started"]
        await notes.service.start(role)
        await until_ready(notes)
        await notes.service.stop()
        assert await notes.service.readiness() == ["not started"]

    on_virtual_time(scenario)


@pytest.mark.parametrize("role", ["all", "worker"])
def test_it_is_not_ready_before_it_consumes(on_virtual_time: Try, monkeypatch: pytest.MonkeyPatch, role: str) -> None:
    """Found by the chaos suite, seed 4: a rolling restart went on while this one had only begun to join its groups."""

    async def scenario(notes: World) -> None:
        bus, joined = notes.service.ports.bus, asyncio.Event()
        ensure = bus.ensure

        async def slowly(topic: str) -> None:
            await joined.wait()
            await ensure(topic)

        monkeypatch.setattr(bus, "ensure", slowly)
        starting = asyncio.ensure_future(notes.service.start(role))
        await notes.service.ports.clock.sleep(5)
        assert await notes.service.readiness() == ["not started"]
        joined.set()
        await starting
        await until_ready(notes)

    on_virtual_time(scenario)


def test_a_role_that_there_is_not_is_refused(on_virtual_time: Try) -> None:
    async def scenario(notes: World) -> None:
        with pytest.raises(ValueError, match="janitor"):
            await notes.service.start("janitor")

    on_virtual_time(scenario)


def test_an_outage_is_named_and_forgotten_when_it_is_over(on_virtual_time: Try, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(notes: World) -> None:
        async def out(*_: Any) -> dict[int, int]:
            raise Unavailable("broker-0.internal")

        await notes.service.start("all")
        await until_ready(notes)
        with monkeypatch.context() as patched:
            patched.setattr(notes.service.ports.bus, "ends", out)
            await notes.service.ports.clock.sleep(6)
            assert await notes.service.readiness() == ["Kafka does not answer (Unavailable)"]
        await until_ready(notes)

    on_virtual_time(scenario)


def test_the_api_alone_does_not_need_the_broker(on_virtual_time: Try, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(notes: World) -> None:
        monkeypatch.setattr(notes.service.ports.bus, "ends", None)
        monkeypatch.setattr(notes.service.ports.bus, "ensure", None)
        await notes.service.start("api")
        assert await notes.service.readiness() == []
        assert (await notes.call("WriteNote", text="hello")).message.version == 1  # type: ignore[attr-defined]

    on_virtual_time(scenario)


def test_a_part_that_breaks_is_told_loudly(on_virtual_time: Try, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(notes: World) -> None:
        async def broken(*_: Any) -> None:
            raise KeyError("a bug")

        await notes.service.start("relay")
        crash = asyncio.create_task(notes.service.workers.crash())
        monkeypatch.setattr(notes.log, "read", broken)
        with pytest.raises(KeyError, match="a bug"):
            await asyncio.wait_for(crash, 60)
        assert "relay of notes ended" in await notes.service.readiness()

    on_virtual_time(scenario)


def test_a_stop_is_no_crash(on_virtual_time: Try) -> None:
    async def scenario(notes: World) -> None:
        await notes.service.start("all")
        crash = asyncio.create_task(notes.service.workers.crash())
        await until_ready(notes)
        await notes.service.stop()
        await asyncio.wait_for(crash, 5)

    on_virtual_time(scenario)


def test_a_stop_does_not_wait_for_a_broker_that_never_answers(on_virtual_time: Try, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found by the chaos suite: a SIGTERM while Kafka was away took 25.6 s, and what else was in hand was cut off."""

    async def scenario(notes: World) -> None:
        published = asyncio.Event()

        async def never(*_: Any) -> dict[int, int]:
            published.set()
            await asyncio.Event().wait()
            return {}

        await notes.service.start("relay")
        with monkeypatch.context() as patched:
            patched.setattr(notes.service.ports.bus, "publish", never)
            await notes.call("WriteNote", text="in hand")
            await published.wait()
            before = notes.service.ports.clock.monotonic()
            await notes.service.stop()
            assert notes.service.ports.clock.monotonic() - before <= LAST_PAGE + 0.1
        await notes.service.start("all")
        await until_ready(notes)
        while await listed(notes) != ["in hand"]:  # the next one publishes it
            await notes.service.ports.clock.sleep(0.1)

    on_virtual_time(scenario)
