"""Stopped and started again, a run has its data; and it stops as cleanly as it started."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from cli.supervision import NotRunning, Supervision
from libs.chassis.system import SystemClock, SystemIds
from libs.events.testing import eventually
from tests.e2e.marketplace import Marketplace


@pytest.mark.timeout(240)
async def test_data_outlives_the_run_and_ctrl_c_stops_it_cleanly(marketplace: Marketplace) -> None:
    brand_id = SystemIds().new("brd", SystemClock().now())
    async with marketplace.api() as api:
        brand = api.person("bruno", "brand", brand_id)
        await api.post(brand, "/v1/brands", {"name": "Glow", "website": "https://glow.example"})
    marketplace.down()
    command = [sys.executable, "-m", "cli.main", "up", "--ports", "auto", "--data-dir", str(marketplace.data)]
    foreground = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert foreground.stdout is not None
        while "Ctrl-C stops it" not in (line := foreground.stdout.readline()):
            assert line, "it ended before it was up"
        async with marketplace.api() as api:
            found = await api.get(brand, f"/v1/brands/{brand_id}")
        assert found["name"] == "Glow"
    finally:
        foreground.send_signal(signal.SIGINT)
        assert foreground.wait(60) == 0
    await eventually(lambda: _nothing_runs(marketplace))
    marketplace.up()


async def test_a_second_start_says_that_it_runs(marketplace: Marketplace) -> None:
    with pytest.raises(AssertionError, match="already running"):
        marketplace.up()


def _nothing_runs(marketplace: Marketplace) -> bool:
    try:
        Supervision(marketplace.data).pid()
    except NotRunning:
        return True
    return False
