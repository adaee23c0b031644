"""The harness's arithmetic, and what a run leaves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bench import results, table
from bench.harness import OURS, RAW, Contest, Measured, Row, Side, measure, saturate
from bench.rows import ROWS
from bench.world import World

ROUNDS = (
    {OURS: 90.0, RAW: 100.0, "slow peer": 10.0, "fast peer": 45.0},
    {OURS: 40.0, RAW: 50.0, "slow peer": 10.0, "fast peer": 20.0},
    {OURS: 95.0, RAW: 100.0, "slow peer": 10.0, "fast peer": 50.0},
)
MEASURED = Measured("append-64", "commands/s", 0.85, ROUNDS)
ALONE = Measured("relay", "events/s", 0.6, ({OURS: 5.0, RAW: 10.0},))


@asynccontextmanager
async def nothing(world: World) -> AsyncIterator[Contest]:
    raise AssertionError("not prepared here")
    yield


ROW = Row("append-64", "work", "limit", "commands/s", 0.85, nothing)


def test_a_ratio_is_the_median_of_the_rounds_own_ratios() -> None:
    ratio = MEASURED.ratio(RAW)
    assert (ratio.least, ratio.median, ratio.most) == (0.8, 0.9, 0.95)


def test_a_target_is_met_by_the_median() -> None:
    assert MEASURED.met
    assert not ALONE.met


def test_a_row_of_results_json_has_the_agreed_fields_and_names_the_fastest_peer() -> None:
    assert results.result(MEASURED, "2 cores") == {
        "name": "append-64",
        "ours": 90.0,
        "raw": 100.0,
        "peer": 45.0,
        "unit": "commands/s",
        "ratio_to_raw": 0.9,
        "ratio_to_peer": 2.0,
        "target": 0.85,
        "rounds": 3,
        "machine": "2 cores",
    }


def test_a_row_without_a_peer_says_null() -> None:
    row = results.result(ALONE, "2 cores")
    assert (row["peer"], row["ratio_to_peer"]) == (None, None)


def test_a_run_replaces_its_own_rows_and_keeps_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "RESULTS", tmp_path / "results.json")
    monkeypatch.setattr(results, "ROUNDS", tmp_path / "rounds.json")
    results.save([ALONE, MEASURED], "first", ["append-64", "relay"])
    results.save([MEASURED], "second", ["append-64", "relay"])
    kept = json.loads((tmp_path / "results.json").read_text())
    assert [(row["name"], row["machine"]) for row in kept] == [("append-64", "second"), ("relay", "first")]
    assert next(measured for _, measured in results.saved()).ratio(RAW) == MEASURED.ratio(RAW)


def test_the_table_tells_median_and_extremes_and_whether_the_target_was_met() -> None:
    cells = table.cells(MEASURED)
    assert cells[4:] == ("0.90 (0.80–0.95)", "≥ 0.85 met", "fast peer 2.00 (1.90–2.00), slow peer 9.00 (4.00–9.50)")


async def test_sides_alternate_and_the_warm_up_does_not_count() -> None:
    ran: list[str] = []

    def side(name: str) -> Side:
        async def run() -> float:
            ran.append(name)
            return float(len(ran))

        return run

    measured = await measure(ROW, Contest(side(OURS), side(RAW)), 5, lambda name: None, lambda: None)
    assert ran == [RAW, OURS, OURS, RAW, RAW, OURS, OURS, RAW, RAW, OURS, OURS, RAW]
    assert [set(figures.values()) for figures in measured.rounds] == [{3, 4}, {5, 6}, {7, 8}, {9, 10}, {11, 12}]


async def test_fewer_than_five_rounds_are_refused() -> None:
    async def run() -> float:
        return 1.0

    with pytest.raises(ValueError, match="fewer than 5"):
        await measure(ROW, Contest(run, run), 4, lambda name: None, lambda: None)


async def test_saturation_does_every_job_once_with_as_many_callers_as_asked_for() -> None:
    done: list[int] = []
    at_once = most = 0

    async def do(job: int) -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0)
        done.append(job)
        at_once -= 1

    assert await saturate(3, range(100), do) > 0
    assert sorted(done) == list(range(100))
    assert most == 3


def test_the_committed_figures_are_of_rows_that_exist() -> None:
    names = [row["name"] for row, _ in results.saved()]
    assert set(names) <= {row.name for row in ROWS}
    assert all(set(row) == set(results.KEYS) for row, _ in results.saved())
