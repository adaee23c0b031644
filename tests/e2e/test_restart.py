"""Stopped and started again, a run has its data; and it stops as cleanly as it started."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cli.supervision import NotRunning, Supervision
from libs.events.testing import eventually
from tests.e2e.marketplace import Marketplace


@pytest.mark.timeout(240)
async def test_data_outlives_the_run_and_ctrl_c_stops_it_cleanly(tmp_path: Path) -> None:
    run = Marketplace(tmp_path / "data")
    run.up()
    try:
        async with run.api() as api:
            brand = api.person("bruno", "brand", "brd_01kdvdna00tqsaf1fesa8b3nrg")
            await api.post(brand, "/v1/brands", {"name": "Glow", "website": "https://glow.example"})
    finally:
        run.down()
    command = [sys.executable, "-m", "cli.main", "up", "--ports", "auto", "--data-dir", str(run.data)]
    foreground = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert foreground.stdout is not None
        while "Ctrl-C stops it" not in (line := foreground.stdout.readline()):
            assert line, "it ended before it was up"
        async with run.api() as api:
            found = await api.get(brand, "/v1/brands/brd_01kdvdna00tqsaf1fesa8b3nrg")
        assert found["name"] == "Glow"
    finally:
        foreground.send_signal(signal.SIGINT)
        assert foreground.wait(60) == 0
    await eventually(lambda: _nothing_runs(run.data))


def _nothing_runs(data: Path) -> bool:
    try:
        Supervision(data).pid()
    except NotRunning:
        return True
    return False
