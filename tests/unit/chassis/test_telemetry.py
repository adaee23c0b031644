from __future__ import annotations

import io
import logging as standard
from typing import Any

import httpx
import orjson
import pytest
import structlog
from opentelemetry import trace
from pydantic import BaseModel

from libs.chassis import logging
from libs.chassis.health import ops_app
from libs.chassis.http_server import HttpServer
from libs.chassis.settings import ProcessSettings
from libs.chassis.telemetry import context_of, telemetry, traceparent

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Lines(io.StringIO):
    def entries(self) -> list[dict[str, Any]]:
        return [orjson.loads(line) for line in self.getvalue().splitlines()]


@pytest.fixture
def lines() -> Lines:
    lines = Lines()
    root = standard.getLogger()
    before = root.handlers, root.level
    logging.setup(ProcessSettings(instance="pod-1"), "notes", into=lines)
    yield lines  # type: ignore[misc]
    root.handlers, root.level = before
    structlog.reset_defaults()


def test_a_log_line_is_json_and_says_where_it_comes_from(lines: Lines) -> None:
    structlog.get_logger("libs.chassis.service").info("ready", port=9102)
    (entry,) = lines.entries()
    assert {name: entry[name] for name in ("event", "level", "service", "instance", "port", "logger")} == {
        "event": "ready",
        "level": "info",
        "service": "notes",
        "instance": "pod-1",
        "port": 9102,
        "logger": "libs.chassis.service",
    }


def test_the_standard_library_logs_the_same_way(lines: Lines) -> None:
    standard.getLogger("aiokafka.consumer").warning("lost %s of %s", 3, "partitions")
    standard.getLogger("aiokafka.consumer").info("heartbeat")
    (entry,) = lines.entries()
    assert (entry["event"], entry["level"], entry["service"]) == ("lost 3 of partitions", "warning", "notes")


def test_a_log_line_carries_its_trace(lines: Lines) -> None:
    tracer = telemetry(ProcessSettings(), "notes").tracers.get_tracer("test")
    with tracer.start_as_current_span("work", context_of({"traceparent": TRACE})):
        structlog.get_logger().info("working")
    assert lines.entries()[0]["trace_id"] == TRACE.split("-")[1]


def test_keys_that_are_not_allowed_are_named_and_their_values_gone(lines: Lines) -> None:
    structlog.get_logger().info("joined", email="ann@example.com", name="Ann", code="OK")
    assert "ann" not in lines.getvalue().lower()
    assert (lines.entries()[0]["dropped"], lines.entries()[0]["code"]) == (["email", "name"], "OK")


@pytest.mark.parametrize(
    "secret",
    ["eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4ifQ.c2ln", "Bearer hunter2", "mongodb://user:hunter2@mongo:27017/"],
)
def test_secrets_in_texts_are_struck_out(lines: Lines, secret: str) -> None:
    structlog.get_logger().warning(f"failed with {secret}", reason=secret)
    standard.getLogger("grpc").error("failed with %s", secret)
    assert "hunter2" not in lines.getvalue()
    assert "eyJ" not in lines.getvalue()
    assert len(lines.entries()) == 2


class Person(BaseModel):
    age: int


def test_an_exception_tells_where_it_was_and_not_what_the_input_was(lines: Lines) -> None:
    given = {"age": "hunter2"}
    try:
        Person.model_validate(given)
    except ValueError:
        structlog.get_logger().exception("failed")
    (entry,) = lines.entries()
    assert "test_an_exception_tells_where" in entry["exception"]
    assert entry["error_type"] == "ValidationError"
    assert "hunter2" not in lines.getvalue()


def test_a_trace_goes_on_from_the_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    tracer = telemetry(ProcessSettings(), "notes").tracers.get_tracer("test")
    assert traceparent() is None
    with tracer.start_as_current_span("work", context_of({"traceparent": TRACE})) as span:
        given = traceparent()
        assert given is not None
        assert given.split("-")[1] == TRACE.split("-")[1]
        assert given.split("-")[2] == f"{span.get_span_context().span_id:016x}" != TRACE.split("-")[2]


def test_without_an_endpoint_there_are_trace_ids_but_nothing_is_recorded() -> None:
    tracer = telemetry(ProcessSettings(), "notes").tracers.get_tracer("test")
    with tracer.start_as_current_span("work") as span:
        assert span.get_span_context().is_valid
        assert not span.is_recording()
    assert not trace.get_current_span().get_span_context().is_valid


async def test_the_ops_port_tells_life_readiness_and_metrics() -> None:
    providers = telemetry(ProcessSettings(), "notes")
    providers.meters.get_meter("test").create_counter("limelight.tried").add(3, {"outcome": "good"})
    reasons = ["Kafka does not answer"]

    async def readiness() -> list[str]:
        return reasons

    server = HttpServer(ops_app(readiness, providers), "127.0.0.1", 0)
    await server.start()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client:
        assert (await client.get("/healthz")).status_code == 200
        unready = await client.get("/readyz")
        assert (unready.status_code, unready.json()["reasons"]) == (503, ["Kafka does not answer"])
        reasons.clear()
        assert (await client.get("/readyz")).status_code == 200
        metrics = (await client.get("/metrics")).text
        assert 'limelight_tried_total{otel_scope_name="test"' in metrics
        assert 'outcome="good"' in metrics
    await server.stop()
    providers.shutdown()


async def test_a_taken_port_is_an_os_error() -> None:
    async def readiness() -> list[str]:
        return []

    app = ops_app(readiness, telemetry(ProcessSettings(), "notes"))
    first = HttpServer(app, "127.0.0.1", 0)
    await first.start()
    with pytest.raises(OSError, match="in use"):
        await HttpServer(app, "127.0.0.1", first.port).start()
    await first.stop()


def test_an_exception_tells_what_it_was_caused_by(lines: Lines) -> None:
    try:
        try:
            raise KeyError("the root")
        except KeyError as root:
            raise RuntimeError("the branch") from root
    except RuntimeError as error:
        structlog.get_logger().error("failed", exc_info=error)
    said = lines.entries()[0]["exception"]
    assert said.index("RuntimeError: the branch") < said.index("caused by") < said.index("KeyError: 'the root'")
