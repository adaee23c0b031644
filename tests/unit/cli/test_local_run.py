"""What `limelight up` starts, where, and what it says when it cannot."""

from __future__ import annotations

import configparser
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli import state
from cli.main import app
from cli.reading import last_lines
from cli.supervision import NotRunning, Supervision
from cli.topology import Addresses, PortTaken, environment, programs
from deploy.local.embedded import free_port
from deploy.local.kafka import Kafka

NOTHING_GIVEN: dict[str, str] = {}


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", 0))
        somebody.listen()
        yield int(somebody.getsockname()[1])


def addresses(http: int = 8080, **given: str) -> Addresses:
    return Addresses.fixed(http, 9092, 27017, 9101, given)


def test_a_taken_port_is_named_with_who_wants_it_and_what_changes_it(taken: int) -> None:
    with pytest.raises(PortTaken, match=rf"port {taken} is taken, the gateway wants it: set --port \(HTTP_PORT\)"):
        Addresses.fixed(taken, free_port(), free_port(), free_port(), NOTHING_GIVEN).check()


def test_two_programs_on_one_port_are_noticed_before_anything_starts() -> None:
    with pytest.raises(PortTaken, match="port 9101 is wanted by the gateway and by discovery"):
        addresses(http=9101).check()


def test_automatic_ports_are_free_and_all_different() -> None:
    automatic = Addresses.automatic(NOTHING_GIVEN)

    automatic.check()
    ports = [port for port, _, _ in automatic.claims()]
    assert len(set(ports)) == len(ports) == 13


def test_a_store_that_is_given_is_used_and_none_is_started(tmp_path: Path) -> None:
    given = addresses(KAFKA_BOOTSTRAP_SERVERS="kafka:9092", MONGO_URL="mongodb://u:secret@mongo:27017")

    assert [program.name for program in programs(given, tmp_path)] == [
        "discovery",
        "campaigns",
        "messaging",
        "payments",
        "analytics",
        "gateway",
    ]
    assert environment(given, tmp_path)["MONGO_URL"] == "mongodb://u:secret@mongo:27017"


def test_the_state_file_keeps_no_address_that_was_given(tmp_path: Path) -> None:
    given = addresses(MONGO_URL="mongodb://u:secret@mongo:27017")
    state.write(tmp_path, given.as_json())

    assert "secret" not in (tmp_path / "state.json").read_text()


def test_the_state_file_remembers_which_kafka_was_started(tmp_path: Path) -> None:
    assert state.write(tmp_path, addresses().as_json()).kafka is Kafka.EMBEDDED, "as all were before there was a choice"
    state.write(tmp_path, {**addresses().as_json(), "kafka_server": Kafka.APACHE})

    assert (read := state.read(tmp_path)) is not None
    assert read.kafka is Kafka.APACHE


def test_the_gateway_is_told_where_the_services_are(tmp_path: Path) -> None:
    told = environment(addresses(), tmp_path)

    assert told["CAMPAIGNS_ADDRESS"] == "127.0.0.1:9102"
    assert told["ENVIRONMENT"] == "development"


def test_the_gateway_stops_before_the_services_and_they_before_the_stores(tmp_path: Path) -> None:
    configuration = configparser.RawConfigParser()
    supervision = Supervision(tmp_path)
    configuration.read_string(supervision._configuration(programs(addresses(), tmp_path), tmp_path))

    edge, services, stores = (configuration.getint(f"group:{name}", "priority") for name in ("edge", "services", "stores"))
    assert edge > services > stores
    assert configuration.get("group:stores", "programs") == "kafka,mongo"


def test_percent_signs_in_a_path_reach_the_program_as_they_are(tmp_path: Path) -> None:
    data = tmp_path / "100%s of it"
    configuration = configparser.RawConfigParser()
    configuration.read_string(Supervision(data)._configuration(programs(addresses(), data), tmp_path))

    assert "100%%s of it" in configuration.get("program:kafka", "command")


def test_a_socket_path_is_short_enough_for_every_system(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)

    assert len(str(Supervision(deep).socket)) <= 104
    assert Supervision(deep).socket == Supervision(deep).socket


def test_where_nothing_runs_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotRunning):
        Supervision(tmp_path).pid()

    asked = CliRunner().invoke(app, ["status", "--data-dir", str(tmp_path)])
    assert (asked.exit_code, "nothing runs in" in asked.stderr) == (3, True)
    assert CliRunner().invoke(app, ["down", "--data-dir", str(tmp_path)]).exit_code == 0


def test_a_log_is_read_from_its_end(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    log.write_text("one\ntwo\nthree\n")

    assert last_lines(log, 2) == ["two", "three"]
    assert last_lines(tmp_path / "missing.log", 2) == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["token", "--role", "king"], "there is no role 'king'"),
        (["token", "--role", "brand", "--party", "crt_1"], "a brand acts for brd_"),
        (["verify", "--service", "shop"], "there is no service 'shop'"),
        (["dlq", "show", "letter"], "a letter is named SERVICE/ID"),
        (["events", "tail", "--from", "yesterday"], "--from is now, beginning or a time"),
    ],
)
def test_a_wrong_argument_is_told_in_one_line(arguments: list[str], told: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, [*arguments, "--data-dir", str(tmp_path)])

    assert result.exit_code == 2
    assert told in result.stderr
    assert "Traceback" not in result.stderr


def test_a_token_is_printed_bare(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["token", "--role", "operator", "--data-dir", str(tmp_path)])

    assert result.exit_code == 0
    assert result.stdout.count(".") == 2
    assert result.stdout.count("\n") == 1
