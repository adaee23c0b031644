"""state.json: what runs where, for every other command to find."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from cli.console import fail
from cli.supervision import NotRunning, Supervision
from deploy.local.kafka import Kafka


@dataclass(frozen=True, slots=True)
class State:
    """A run as its state.json tells it."""

    data: Path
    body: dict[str, Any]

    @property
    def url(self) -> str:
        return str(self.body["url"])

    @property
    def kafka(self) -> Kafka:
        """What the run started as its Kafka, unless it was given one."""
        return Kafka(self.body.get("kafka_server", Kafka.EMBEDDED))

    def address(self, store: str) -> str | None:
        """Of `kafka` or `mongo`, where the run started it; one that was given may hold a password and is not written down."""
        address = self.body[store]
        return None if address is None else str(address)


def write(data: Path, body: dict[str, Any]) -> State:
    path = _path(data)
    draft = path.with_suffix(".draft")
    draft.write_bytes(orjson.dumps(body, option=orjson.OPT_INDENT_2))
    draft.replace(path)
    return State(data, body)


def read(data: Path) -> State | None:
    """Of the last run, whether it still runs or not."""
    try:
        return State(data, orjson.loads(_path(data).read_bytes()))
    except (FileNotFoundError, orjson.JSONDecodeError):
        return None


def running(data: Path) -> State | None:
    """The state of a run that runs."""
    try:
        Supervision(data).pid()
    except NotRunning:
        return None
    return read(data)


def kafka_address(data: Path) -> str:
    """KAFKA_BOOTSTRAP_SERVERS, else the local run's. Fails when there is neither."""
    return _store(data, "kafka", "KAFKA_BOOTSTRAP_SERVERS")


def mongo_address(data: Path) -> str:
    """MONGO_URL, else the local run's. Fails when there is neither."""
    return _store(data, "mongo", "MONGO_URL")


def gateway_address(data: Path) -> str:
    """LIMELIGHT_URL, else the local run's. Fails when there is neither."""
    return os.environ.get("LIMELIGHT_URL") or _local(data, "LIMELIGHT_URL").url


def _store(data: Path, store: str, variable: str) -> str:
    if given := os.environ.get(variable):
        return given
    address = _local(data, variable).address(store)
    if address is None:
        fail(f"the run in {data} was given its {store}: set {variable} to the same", code=3)
    return address


def _local(data: Path, variable: str) -> State:
    state = running(data)
    if state is None:
        fail(f"nothing runs in {data}: start it with `limelight up`, or set {variable}", code=3)
    return state


def _path(data: Path) -> Path:
    return data / "state.json"
