"""The marketplace's own API, as the gateway describes it."""

from __future__ import annotations

from typing import Any

import pytest
from openapi_spec_validator import validate

from libs.chassis import build_protos, descriptors, messages
from libs.chassis.descriptors import Protos
from services.gateway.openapi import document
from services.gateway.transcoding import all_routes, routes


@pytest.fixture(scope="module")
def protos(tmp_path_factory: pytest.TempPathFactory) -> Protos:
    return descriptors.load(build_protos.build(output=tmp_path_factory.mktemp("protos") / "limelight.binpb"))


@pytest.fixture(scope="module")
def api(protos: Protos) -> dict[str, Any]:
    return document(protos)


def operations(api: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for path in api["paths"].values() for operation in path.values()]


def test_the_description_is_valid(api: dict[str, Any]) -> None:
    validate(api)


def test_every_rpc_is_an_operation_and_every_operation_has_its_own_id(api: dict[str, Any], protos: Protos) -> None:
    ids = [operation["operationId"] for operation in operations(api)]
    assert len(ids) == len(set(ids))
    assert sorted(ids) == sorted(method.name[:1].lower() + method.name[1:] for method in protos.methods())


def test_every_rpc_has_an_address_of_its_own(protos: Protos) -> None:
    assert all(method.http for method in protos.methods())
    tree = routes(protos)
    for route in all_routes(protos):
        found = tree.find(route.http.template.replace("{", "").replace("}", ""))
        assert found is not None
        assert found[0][route.http.verb].method is route.method


def test_every_rpc_says_who_may_call_it(protos: Protos) -> None:
    assert [method.path for method in protos.methods() if not (method.roles or method.public)] == []


def test_every_service_is_described(protos: Protos) -> None:
    assert {service.owner for service in protos.services.values()} == {
        "discovery",
        "campaigns",
        "messaging",
        "payments",
        "analytics",
    }


def test_everything_that_is_shown_has_words(api: dict[str, Any]) -> None:
    assert all(operation["summary"] for operation in operations(api))
    wordless = [
        f"{name}.{field}"
        for name, schema in api["components"]["schemas"].items()
        if name not in ("Problem", "FieldError")
        for field, described in schema.get("properties", {}).items()
        if not described.get("description")
    ]
    assert wordless == []


def test_every_message_can_be_converted(protos: Protos) -> None:
    for method in protos.methods():
        messages.converters(method.input)
        messages.converters(method.output)


def test_every_read_can_be_told_how_new_it_must_be_or_of_when(protos: Protos) -> None:
    """An aggregate's GET takes `asOf`; what is answered from read models takes `minPosition`."""
    reads = [method for method in protos.methods() if method.http[0].verb == "GET" and not method.streaming]
    assert reads
    assert [m.path for m in reads if not {"as_of", "min_position"} & set(m.input.fields_by_name)] == []
