"""Batches on their way: bounded, patient, under keys that follow from their content, answered in the order of the file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from typer.testing import CliRunner

from cli.imports.lines import Fault
from cli.imports.rows import Row
from cli.imports.sending import AT_ONCE, MOST_ROWS, RefusedRow, Settled, sent
from cli.main import app
from cli.story.api import Api, Broken, Refused
from libs.events.testing import run_virtual

Answer = Callable[[httpx.Request], Any]


def rows(count: int) -> list[Row]:
    return [Row(n, n, 10 * n, creator={"creatorId": f"crt_{n:010}"}) for n in range(1, count + 1)]


async def settle(answer: Answer, found: list[Row], patience: float = 30.0) -> list[Settled]:
    """By a gateway that answers so."""
    async with httpx.AsyncClient(base_url="http://gateway", transport=httpx.MockTransport(answer)) as client:
        return [settled async for settled in sent(Api(client, lambda *_: "token", patience=patience), found)]


def creators_of(request: httpx.Request) -> list[dict[str, Any]]:
    sent_creators: list[dict[str, Any]] = orjson.loads(request.content)["creators"]
    return sent_creators


def taken(request: httpx.Request) -> httpx.Response:
    none = {"code": "", "message": "", "field": ""}
    return httpx.Response(200, json={"results": [{"accepted": True, **none} for _ in creators_of(request)]})


def test_a_refused_row_is_told_by_its_line_and_the_field_within_it() -> None:
    found = [
        Row(2, 2, 10, creator={"creatorId": "crt_a"}),
        Row(3, 5, 20, fault=Fault("MALFORMED_CSV", "the line is not CSV")),
        Row(6, 6, 30, creator={"creatorId": "crt_b"}),
        Row(7, 7, 31),
    ]

    async def answer(request: httpx.Request) -> httpx.Response:
        refused = {"accepted": False, "code": "INVALID_FIELD", "message": "too long", "field": "creators[1].country"}
        return httpx.Response(200, json={"results": [{"accepted": True}, refused]})

    [settled] = run_virtual(settle(answer, found))
    assert (settled.accepted, settled.batch.end, settled.batch.last) == (1, 31, 7)
    assert settled.refused == [
        RefusedRow(3, None, "MALFORMED_CSV", "the line is not CSV", None),
        RefusedRow(6, "crt_b", "INVALID_FIELD", "too long", "country"),
    ]


def test_a_batch_waits_as_long_as_it_is_told_and_keeps_its_key() -> None:
    keys, times = [], []

    async def answer(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["idempotency-key"])
        times.append(asyncio.get_running_loop().time())
        told = {1: (503, "7"), 2: (429, "3")}.get(len(keys))
        return httpx.Response(told[0], headers={"retry-after": told[1]}) if told else taken(request)

    run_virtual(settle(answer, rows(3)))
    assert len(set(keys)) == 1
    assert [round(later - times[0]) for later in times] == [0, 7, 10]


def test_several_are_under_way_and_settle_in_the_order_of_the_file() -> None:
    under_way, most = 0, 0

    async def answer(request: httpx.Request) -> httpx.Response:
        nonlocal under_way, most
        under_way, most = under_way + 1, max(most, under_way + 1)
        await asyncio.sleep(1_000 / int(creators_of(request)[0]["creatorId"].removeprefix("crt_")))  # the first is last
        under_way -= 1
        return taken(request)

    settled = run_virtual(settle(answer, rows(10 * MOST_ROWS)))
    assert most == AT_ONCE
    assert [one.batch.last for one in settled] == [MOST_ROWS * n for n in range(1, 11)]
    assert sum(one.accepted for one in settled) == 10 * MOST_ROWS


@pytest.mark.parametrize(("status", "error"), [(403, Refused), (503, Broken)])
def test_a_gateway_that_takes_no_batch_ends_the_import(status: int, error: type[Exception]) -> None:
    async def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, json={"code": "NO"})

    with pytest.raises(error):
        run_virtual(settle(answer, rows(3), patience=5))


def test_a_file_that_cannot_be_read_is_told_in_one_line_and_leaves_no_report(tmp_path: Path) -> None:
    columns, other = tmp_path / "creators.csv", tmp_path / "creators.xlsx"
    columns.write_text("handle,shoeSize\nana,38\n")
    other.write_bytes(b"")
    for path, told in ((columns, "there is no column shoeSize"), (other, "neither .csv nor .jsonl")):
        arguments = ["import", "creators", str(path), "--data-dir", str(tmp_path / "data")]
        done = CliRunner().invoke(app, arguments, env={"LIMELIGHT_URL": "http://127.0.0.1:9"})
        assert (done.exit_code, told in done.stderr, "Traceback" in done.stderr) == (2, True, False)
    assert not list(tmp_path.glob("*.refused.jsonl"))
