"""supervisord as the parent of a local run: it starts the programs, restarts those that crash, stops them in order."""

from __future__ import annotations

import hashlib
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import xmlrpc.client
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from cli.topology import Program

LONGEST_SOCKET_PATH = 90
"""Systems allow about 104 characters; supervisord makes a longer, temporary name beside it."""
GROUPS = {"stores": 10, "services": 20, "edge": 30}
"""Priorities: supervisord stops the highest first, and waits for it before it goes on with the next."""
MISCONFIGURED = 78


class NotRunning(Exception):
    """No supervisor answers for this data directory."""


class Supervision:
    """The supervisor of one data directory."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.logs = data / "logs"
        self.config = data / "supervisord.conf"
        self.socket = _socket(data)

    # --- starting ------------------------------------------------------------------------------------------------

    def start(self, programs: Sequence[Program], environment: Mapping[str, str], directory: Path) -> subprocess.Popen[bytes]:
        """Starts supervisord in a session of its own, so that a terminal's Ctrl-C reaches only us, and we stop it in order."""
        self.logs.mkdir(parents=True, exist_ok=True)
        self.config.write_text(self._configuration(programs, directory))
        self.socket.unlink(missing_ok=True)
        return subprocess.Popen(
            [sys.executable, "-m", "supervisor.supervisord", "-n", "-c", str(self.config)],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _configuration(self, programs: Sequence[Program], directory: Path) -> str:
        sections = [
            _section(
                "supervisord",
                nodaemon="true",
                silent="true",
                logfile=self.logs / "supervisord.log",
                logfile_maxbytes="5MB",
                pidfile=self.data / "supervisord.pid",
                directory=directory,
            ),
            _section("unix_http_server", file=self.socket, chmod="0600"),
            _section(
                "rpcinterface:supervisor",
                **{"supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"},
            ),
        ]
        for group, priority in GROUPS.items():
            members = [program for program in programs if program.group == group]
            if members:
                names = ",".join(program.name for program in members)
                sections += [_section(f"group:{group}", programs=names, priority=priority)]
                sections += [self._program(program) for program in members]
        return "\n".join(sections)

    def _program(self, program: Program) -> str:
        return _section(
            f"program:{program.name}",
            command=shlex.join(program.argv),
            environment=",".join(f'{name}="{value}"' for name, value in program.environment.items()),
            autorestart="unexpected",
            exitcodes=MISCONFIGURED,  # trying again will not help; anything else, also 0, is not an end
            startsecs=1,
            startretries=20,
            stopsignal="TERM",
            stopwaitsecs=program.stop_seconds,
            stopasgroup="false",
            killasgroup="true",
            redirect_stderr="true",
            stdout_logfile=self.log(program.name),
            stdout_logfile_maxbytes="10MB",
            stdout_logfile_backups=3,
        )

    # --- running -------------------------------------------------------------------------------------------------

    def pid(self) -> int:
        """Raises `NotRunning`."""
        return int(cast(int, self._ask("getPID")))

    def processes(self) -> dict[str, dict[str, Any]]:
        """Name -> supervisord's account of it (`statename`, `pid`, `start`, `now`, `spawnerr`). Raises `NotRunning`."""
        return {info["name"]: info for info in cast(list[dict[str, Any]], self._ask("getAllProcessInfo"))}

    def stop(self, timeout: float = 60.0) -> bool:
        """Stops everything in order, and returns whether it ended in time. Raises `NotRunning`."""
        pid = self.pid()
        os.kill(pid, signal.SIGTERM)
        until = time.monotonic() + timeout
        while _alive(pid):
            if time.monotonic() > until:
                return False
            time.sleep(0.05)
        return True

    def stop_program(self, name: str) -> None:
        """Stops one of them, for good; returns when it has ended. Raises `NotRunning`."""
        self._ask("stopProcess", self._full_name(name))

    def start_program(self, name: str) -> None:
        """Starts what `stop_program` stopped. Raises `NotRunning`."""
        self._ask("startProcess", self._full_name(name))

    def _full_name(self, name: str) -> str:
        return f"{self.processes()[name]['group']}:{name}"

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def _ask(self, method: str, *arguments: object) -> Any:
        from supervisor.xmlrpc import SupervisorTransport  # type: ignore[import-untyped]  # only a local run has it installed

        transport = SupervisorTransport(None, None, f"unix://{self.socket}")
        proxy = xmlrpc.client.ServerProxy("http://localhost", transport=transport)
        try:
            return getattr(proxy.supervisor, method)(*arguments)
        except (OSError, xmlrpc.client.Error) as error:
            raise NotRunning(f"nothing runs in {self.data}") from error
        finally:
            transport.close()


def _section(name: str, **settings: object) -> str:
    lines = [f"{key} = {str(value).replace('%', '%%')}" for key, value in settings.items() if str(value)]
    return "\n".join([f"[{name}]", *lines, ""])


def _socket(data: Path) -> Path:
    path = data / "supervisor.sock"
    if len(str(path)) <= LONGEST_SOCKET_PATH:
        return path
    return Path(tempfile.gettempdir()) / f"limelight-{hashlib.sha256(str(data).encode()).hexdigest()[:12]}.sock"


def _alive(pid: int) -> bool:
    """Also reaps it, should it be our child."""
    try:
        ended, _ = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        return True
    return ended == 0
