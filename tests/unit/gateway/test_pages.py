"""The gateway about itself."""

from __future__ import annotations

import re

import pytest
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import CollectorRegistry, generate_latest

from libs.chassis.descriptors import Protos
from services.gateway import metering
from services.gateway.app import create_app
from services.gateway.settings import Settings
from tests.unit.gateway.library import ANA, FakeUpstream, NamesAreTokens, client, gateway


@pytest.fixture
def upstream(library: Protos) -> FakeUpstream:
    return FakeUpstream(library)


async def test_health_is_well_when_no_upstream_is_missing(upstream: FakeUpstream) -> None:
    async with client(gateway(upstream)) as http:
        assert (await http.get("/healthz")).json() == {"status": "ok", "missing": []}


async def test_health_names_the_upstreams_that_are_not_ready(upstream: FakeUpstream) -> None:
    async def missing() -> list[str]:
        return ["payments", "campaigns"]

    app = create_app(
        {"library": upstream}, Settings(), NamesAreTokens(), protos=upstream.protos, missing=missing  # type: ignore[arg-type]
    )  # fmt: skip
    async with client(app) as http:
        answer = await http.get("/healthz")
        assert (answer.status_code, answer.json()["missing"]) == (503, ["campaigns", "payments"])
        assert (await http.get("/readyz")).status_code == 200


async def test_a_stopping_process_is_alive_but_not_ready(upstream: FakeUpstream) -> None:
    app = gateway(upstream)
    async with client(app) as http:
        assert (await http.get("/readyz")).status_code == 200
        app.close()
        assert (await http.get("/readyz")).json() == {"status": "not ready", "reasons": ["stopping"]}
        assert (await http.get("/livez")).status_code == 200


async def test_the_landing_page_links_to_what_there_is(upstream: FakeUpstream) -> None:
    async with client(gateway(upstream)) as http:
        links = (await http.get("/")).json()["links"]
        for path in (links["docs"], links["openapi"], links["health"]):
            assert (await http.get(path)).status_code == 200


async def test_the_docs_need_nothing_from_elsewhere(upstream: FakeUpstream) -> None:
    async with client(gateway(upstream)) as http:
        page = await http.get("/docs")
        assert page.headers["content-security-policy"].startswith("default-src 'self'")
        assets = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        assert len(assets) == 5
        for asset in assets:
            assert asset.startswith("/docs/")
            got = await http.get(asset)
            assert (got.status_code, bool(got.content)) == (200, True)
        assert 'url: "/openapi.json"' in (await http.get("/docs/start.js")).text


async def test_routes_of_services_that_are_not_there_are_left_out(library: Protos) -> None:
    app = create_app({}, Settings(), NamesAreTokens(), protos=library)  # type: ignore[arg-type]
    async with client(app) as http:
        assert (await http.get("/openapi.json")).json()["paths"] == {}
        assert (await http.get("/v1/books/b1", headers=ANA)).status_code == 404


async def test_requests_are_counted_by_route_method_and_status(upstream: FakeUpstream, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = CollectorRegistry()
    provider = MeterProvider([PrometheusMetricReader(registry=registry)], shutdown_on_exit=False)
    monkeypatch.setattr(metering.metrics, "get_meter", provider.get_meter)
    app = create_app(
        {"library": upstream}, Settings(), NamesAreTokens(), protos=upstream.protos,  # type: ignore[arg-type]
        exposition=lambda: (generate_latest(registry), "text/plain"),
    )  # fmt: skip
    async with client(app) as http:
        await http.get("/v1/books/secret-id", headers=ANA)
        await http.get("/v1/books/other-id", headers=ANA)
        await http.get("/v1/books/b1")
        text = (await http.get("/metrics")).text
    counted = {
        line.rsplit(" ", 1)[0]: line.rsplit(" ", 1)[1]
        for line in text.splitlines()
        if line.startswith("http_server_requests_total")
    }
    assert sorted(counted.values()) == ["1.0", "2.0"]
    assert all('http_route="GET /v1/books/{book_id}"' in labels for labels in counted)
    assert "secret-id" not in text
    assert 'service="library"} 64.0' in next(line for line in text.splitlines() if line.startswith("limelight_gateway_places{"))


async def test_without_telemetry_there_are_no_metrics(upstream: FakeUpstream) -> None:
    async with client(gateway(upstream)) as http:
        assert (await http.get("/metrics")).status_code == 404
