from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = """
import asyncio, sys
from libs.chassis.process import Running, live
from libs.chassis.settings import ProcessSettings

async def part():
    {part}

async def main(settings, running):
    running.own(asyncio.create_task(part(), name="the part"))
    print("up", flush=True)
    {body}
    print("stopped in order", flush=True)

sys.exit(live(ProcessSettings, "tried", main))
"""
WAIT = "await running.stopping.wait()"


@contextmanager
def process(body: str = WAIT, part: str = "await asyncio.Event().wait()", **settings: str) -> Iterator[subprocess.Popen[str]]:
    environment = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME")} | settings
    program = PROGRAM.format(body=body, part=part)
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        try:
            yield running
        finally:
            running.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_parts_in_order_and_is_no_failure(number: signal.Signals) -> None:
    with process() as running:
        assert running.stdout
        assert running.stdout.readline() == "up\n"
        running.send_signal(number)
        said, logged = running.communicate(timeout=10)
        assert (said, running.returncode) == ("stopped in order\n", 0)
        assert orjson.loads(logged.splitlines()[0])["signal"] == number.name


def test_a_signal_also_ends_a_process_that_still_waits_for_the_world() -> None:
    with process("while True: await running.pause(60)") as running:
        assert running.stdout
        assert running.stdout.readline() == "up\n"
        running.send_signal(signal.SIGTERM)
        running.communicate(timeout=10)
        assert running.returncode == 0


def test_a_part_that_fails_stops_the_process_loudly() -> None:
    with process(part="raise KeyError('a bug')") as running:
        said, logged = running.communicate(timeout=10)
        assert (said, running.returncode) == ("up\nstopped in order\n", 1)
        assert "the part" in logged
        assert "KeyError" in logged


def test_a_port_that_is_taken_is_one_clear_line() -> None:
    with process("raise OSError('port 9102 cannot be had')") as running:
        _, logged = running.communicate(timeout=10)
        assert running.returncode == 1
        (line,) = logged.splitlines()
        assert orjson.loads(line)["event"] == "port 9102 cannot be had"


def test_wrong_settings_end_the_process_before_anything_is_started() -> None:
    with process(ENVIRONMENT="production") as running:
        said, told = running.communicate(timeout=10)
        assert (said, running.returncode) == ("", 78)
        assert "production needs OIDC_ISSUER, OIDC_JWKS" in told
        assert "Traceback" not in told
