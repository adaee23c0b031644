"""`limelight up|down|status|logs`: everything on this machine."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer
from rich.table import Table

from cli import people, state
from cli.console import DATA_DIR, DataDir, fail, out
from cli.reading import follow, last_lines, tail_of
from cli.seeding import plant
from cli.story.api import Broken, Refused
from cli.supervision import MISCONFIGURED, NotRunning, Supervision
from cli.topology import Addresses, PortTaken, Program, environment, programs
from deploy.local.embedded import NotInstalled, listens
from deploy.local.kafka import Kafka
from libs.chassis import build_protos

ROOT = Path(__file__).resolve().parents[1]
BETWEEN_PROBES = 0.2
MOST_STARTS = 4
"""How often a program may be started until it must have become healthy."""


class NotHealthy(Exception):
    """A part ended or did not become healthy in time; the text says which, and what its log says."""


def up(
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Return when everything is healthy, and let it run on.")
    ] = False,
    port: Annotated[int, typer.Option(envvar="HTTP_PORT", help="Of the gateway.")] = 8080,
    kafka: Annotated[
        Kafka | None,
        typer.Option(envvar="KAFKA", help="`apache`: Apache Kafka, by Java and Maven. [default: as last time, else embedded]"),
    ] = None,
    kafka_port: Annotated[int, typer.Option(envvar="KAFKA_PORT", help="Of Kafka.")] = 9092,
    mongo_port: Annotated[int, typer.Option(envvar="MONGO_PORT", help="Of MongoDB.")] = 27017,
    services_port: Annotated[
        int, typer.Option(envvar="SERVICES_PORT", help="Of the first service; the others follow it, health is 100 above.")
    ] = 9101,
    ports: Annotated[str, typer.Option(help="`auto`: take free ones instead, and write them to state.json.")] = "fixed",
    timeout: Annotated[float, typer.Option(help="Seconds until everything must be healthy.")] = 120.0,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Start Kafka, MongoDB, the services and the gateway, and print where they are. Where KAFKA_BOOTSTRAP_SERVERS
    or MONGO_URL is set, it is used and none is started."""
    data = data_dir.resolve()
    if (already := state.running(data)) is not None:
        fail(f"already running in {data}, at {already.url}: `limelight status` shows it, `limelight down` stops it")
    if ports not in ("fixed", "auto"):
        fail("--ports is fixed or auto", code=2)
    addresses = (
        Addresses.automatic(os.environ)
        if ports == "auto"
        else Addresses.fixed(port, kafka_port, mongo_port, services_port, os.environ)
    )
    last = state.read(data)
    chosen = kafka or (last.kafka if last else Kafka.EMBEDDED)
    try:
        addresses.check()
        parts = programs(addresses, data, chosen)
    except (PortTaken, NotInstalled) as error:
        fail(str(error))
    if last and last.kafka != chosen:
        shutil.rmtree(data / "kafka", ignore_errors=True)  # neither reads the other's files; the relays publish it all again
    _run(data, addresses, chosen, parts, detach, timeout)


def down(data_dir: DataDir = DATA_DIR) -> None:
    """Stop what `limelight up` started: the gateway, then the services, then the stores. The data stays."""
    data = data_dir.resolve()
    try:
        _stop(Supervision(data))
    except NotRunning:
        out.print(f"Nothing runs in {data}.")


def status(data_dir: DataDir = DATA_DIR) -> None:
    """Show what runs and whether it is ready. Exit code 3 when nothing runs, 1 when a part is not ready."""
    data = data_dir.resolve()
    found = state.running(data)
    if found is None:
        fail(f"nothing runs in {data}", code=3)
    processes = Supervision(data).processes()
    table = Table("", "state", "pid", "up for", "address", box=None, header_style="dim", padding=(0, 2, 0, 0))
    all_ready = True
    for part in found.body["programs"]:
        process = processes[part["name"]]
        ready = process["statename"] == "RUNNING" and _answers(part["port"], part["probe"])
        all_ready = all_ready and ready
        told = "[green]ready[/]" if ready else f"[yellow]{process['statename'].lower()}, not ready[/]"
        up_for = _duration(process["now"] - process["start"]) if process["pid"] else "–"
        table.add_row(part["name"], told, str(process["pid"] or "–"), up_for, f"127.0.0.1:{part['port']}")
    out.print(table)
    if not all_ready:
        raise typer.Exit(1)


def logs(
    name: Annotated[str | None, typer.Argument(help="kafka, mongo, gateway or a service; default: all.")] = None,
    following: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new lines.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="Of each log, the last so many.")] = 40,
    data_dir: DataDir = DATA_DIR,
) -> None:
    """Show logs."""
    directory = Supervision(data_dir.resolve()).logs
    paths = {path.stem: path for path in sorted(directory.glob("*.log"))}
    if name is not None and name not in paths:
        fail(f"there is no log of {name!r} in {directory}" + (f"; there are {', '.join(paths)}" if paths else ""))
    chosen = paths if name is None else {name: paths[name]}
    width = max(map(len, chosen), default=0) if name is None else 0
    for one, path in chosen.items():
        for line in last_lines(path, lines):
            _log_line(one, width, line)
    if following:
        for one, line in follow(chosen):
            _log_line(one, width, line)


# --- up --------------------------------------------------------------------------------------------------------------


def _run(data: Path, addresses: Addresses, kafka: Kafka, parts: list[Program], detach: bool, timeout: float) -> None:
    data.mkdir(parents=True, exist_ok=True)
    people.issuer(data)
    if not build_protos.OUTPUT.exists():
        build_protos.build()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    supervision = Supervision(data)
    began = time.monotonic()
    parent = supervision.start(parts, environment(addresses, data), ROOT)
    try:
        _remember(data, addresses, kafka, parts, parent.pid)
        _wait_until_healthy(supervision, parent, parts, timeout)
        _remember(data, addresses, kafka, parts, parent.pid, supervision.processes())
        ready_after = time.monotonic() - began
        with out.status("seeding"):
            asyncio.run(plant(addresses.url, data))
        _welcome(data, addresses, ready_after, detach)
        if not detach:
            _stay(supervision, parent)
    except KeyboardInterrupt:
        out.print()
        _stop(supervision)
    except (NotHealthy, Broken, Refused) as error:
        _stop(supervision, quietly=True)
        fail(str(error))


def _stay(supervision: Supervision, parent: subprocess.Popen[bytes]) -> None:
    """Until a signal, or until somebody else stops it (`limelight down`)."""
    code = parent.wait()
    if code != 0:
        fail(f"the supervisor ended with {code}; its log: {supervision.log('supervisord')}")
    out.print("Stopped.")


def _wait_until_healthy(
    supervision: Supervision, parent: subprocess.Popen[bytes], parts: list[Program], timeout: float
) -> None:
    """Says each part's name as it becomes healthy. Raises `NotHealthy`."""
    began, waiting = time.monotonic(), {part.name: part for part in parts}
    starts: dict[str, set[int]] = {}
    with out.status("") as spinner:
        while waiting:
            spinner.update(f"waiting for {', '.join(waiting)}")
            if parent.poll() is not None:
                raise NotHealthy(f"the supervisor ended with {parent.returncode}: {tail_of(supervision.log('supervisord'))}")
            _check_none_given_up(supervision, starts)
            for name in [name for name, part in waiting.items() if _answers(part.port, part.probe)]:
                out.print(f"  [green]✓[/] {name:<12}[dim]{time.monotonic() - began:5.1f} s[/]")
                del waiting[name]
            if waiting and time.monotonic() - began > timeout:
                name = next(iter(waiting))
                told = f"{', '.join(waiting)} not healthy after {timeout:.0f} s"
                raise NotHealthy(f"{told}; the log of {name} ends with:\n{tail_of(supervision.log(name))}")
            time.sleep(BETWEEN_PROBES)


def _check_none_given_up(supervision: Supervision, starts: dict[str, set[int]]) -> None:
    """Raises `NotHealthy` for a program that cannot start, or crashes again and again."""
    try:
        processes = supervision.processes()
    except NotRunning:
        return  # it is only just starting
    for name, process in processes.items():
        starts.setdefault(name, set()).add(process["pid"])
        misconfigured = process["statename"] == "EXITED" and process["exitstatus"] == MISCONFIGURED
        if misconfigured or process["statename"] == "FATAL" or len(starts[name] - {0}) > MOST_STARTS:
            raise NotHealthy(f"{name} does not start; its log ends with:\n{tail_of(supervision.log(name))}")


def _remember(
    data: Path,
    addresses: Addresses,
    kafka: Kafka,
    parts: list[Program],
    supervisor: int,
    processes: Mapping[str, Any] | None = None,
) -> None:
    shown = [
        {"name": part.name, "port": part.port, "probe": part.probe, "pid": processes[part.name]["pid"] if processes else None}
        for part in parts
    ]
    started = datetime.now(UTC).isoformat(timespec="seconds")
    told = {"kafka_server": kafka, "started": started, "supervisor": supervisor, "programs": shown}
    state.write(data, {**addresses.as_json(), **told})


def _welcome(data: Path, addresses: Addresses, seconds: float, detach: bool) -> None:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for name, path in (("API", "/v1"), ("docs", "/docs"), ("OpenAPI", "/openapi.json"), ("metrics", "/metrics")):
        table.add_row(name, f"[cyan]{addresses.url}{path}[/]")
    table.add_row("Kafka", addresses.kafka if addresses.kafka_port else "KAFKA_BOOTSTRAP_SERVERS")
    table.add_row("MongoDB", addresses.mongo if addresses.mongo_port else "MONGO_URL")
    table.add_row("data, logs", str(data))
    out.print(f"\n[bold]Limelight is up[/] after {seconds:.1f} s.\n")
    out.print(table, soft_wrap=True)
    out.print("\nSign in with one of these (12 hours; others: `limelight token`):\n")
    for who, token in people.sign_in_tokens(data):
        out.print(f"[bold]{who}[/]\n{token}\n", soft_wrap=True)
    out.print("`limelight demo` plays one deal from beginning to end.")
    out.print("`limelight down` stops it." if detach else "Ctrl-C stops it; the data stays.")


def _stop(supervision: Supervision, quietly: bool = False) -> None:
    """Raises `NotRunning`."""
    interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with out.status("stopping: gateway, services, stores"):
            stopped = supervision.stop()
    finally:
        signal.signal(signal.SIGINT, interrupt)
    if not stopped:
        fail(f"the supervisor has not ended yet; its log: {supervision.log('supervisord')}")
    if not quietly:
        out.print("Stopped. The data stays.")


def _answers(port: int, probe: str | None) -> bool:
    """Plain HTTP by hand: what is probed several times a second must not take the time of those that are starting."""
    if probe is None or not listens(port):
        return listens(port)
    address = urlsplit(probe)
    connection = HTTPConnection(str(address.hostname), address.port, timeout=2.0)
    try:
        connection.request("GET", address.path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


# --- words -----------------------------------------------------------------------------------------------------------


def _duration(seconds: int) -> str:
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"


def _log_line(name: str, width: int, line: str) -> None:
    print(f"{name:<{width}} | {line}" if width else line, flush=True)
