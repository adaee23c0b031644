"""OpenAPI from descriptors, on the library, which has every form."""

from __future__ import annotations

from typing import Any

import pytest
from openapi_spec_validator import validate

from libs.chassis.descriptors import Protos
from services.gateway.openapi import document


@pytest.fixture(scope="module")
def api(library: Protos) -> dict[str, Any]:
    return document(library)


def names(operation: dict[str, Any]) -> list[str]:
    return [parameter.get("name") or parameter["$ref"].rpartition("/")[2] for parameter in operation["parameters"]]


def test_it_is_valid(api: dict[str, Any]) -> None:
    validate(api)


def test_an_operation_has_the_words_of_its_comment(api: dict[str, Any]) -> None:
    get = api["paths"]["/v1/books/{bookId}"]["get"]
    assert (get["operationId"], get["summary"], get["tags"]) == ("getBook", "Reads a book", ["library"])
    assert get["description"] == "As it is, or as it was.\n\nFor: brand, creator."


def test_parameters_come_from_path_query_and_protocol(api: dict[str, Any]) -> None:
    assert names(api["paths"]["/v1/books/{bookId}"]["get"]) == ["bookId", "asOf", "IfNoneMatch"]
    assert names(api["paths"]["/v1/books/{bookId}:revise"]["post"]) == ["bookId", "IdempotencyKey", "IfMatch"]
    assert names(api["paths"]["/v1/books"]["post"]) == ["IdempotencyKey"]
    assert names(api["paths"]["/v1/books/{bookId}/price"]["put"]) == ["bookId", "reason", "IdempotencyKey", "IfMatch"]
    assert names(api["paths"]["/v1/books"]["get"]) == [
        "kinds",
        "pages.least",
        "pages.most",
        "lent",
        "since",
        "pageSize",
        "tags",
    ]


def test_a_body_has_what_the_path_does_not_give(api: dict[str, Any]) -> None:
    revise = api["components"]["schemas"]["ReviseBookRequest"]
    assert list(revise["properties"]) == ["title"]
    assert revise["additionalProperties"] is False
    price = api["paths"]["/v1/books/{bookId}/price"]["put"]["requestBody"]["content"]["application/json"]["schema"]
    assert {"$ref": "#/components/schemas/MoneyInput"} in price["anyOf"]


def test_an_answer_shows_all_its_fields_and_null_where_one_can_be_unset(api: dict[str, Any]) -> None:
    book = api["components"]["schemas"]["Book"]
    assert set(book["required"]) == set(book["properties"])
    shown = {name: {k: v for k, v in schema.items() if k != "description"} for name, schema in book["properties"].items()}
    assert shown["pages"]["type"] == ["integer", "null"]
    assert shown["copies"] == {"type": "integer", "format": "int64", "minimum": -(2**53 - 1), "maximum": 2**53 - 1}
    assert shown["publishedAt"]["format"] == "date-time"
    assert shown["kind"] == {"anyOf": [{"$ref": "#/components/schemas/BookKind"}, {"type": "null"}]}
    assert shown["related"] == {"type": "array", "items": {"$ref": "#/components/schemas/BookKind"}}
    assert shown["prices"] == {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/Money"}}
    assert shown["cover"] == {"type": "string", "contentEncoding": "base64"}
    assert api["components"]["schemas"]["BookKind"]["enum"] == ["novel", "field_guide"]


def test_a_message_may_hold_itself(api: dict[str, Any]) -> None:
    chapters = api["components"]["schemas"]["Chapter"]["properties"]["chapters"]
    assert chapters["items"] == {"$ref": "#/components/schemas/Chapter"}


def test_problems_are_those_that_can_happen(api: dict[str, Any]) -> None:
    def statuses(path: str, verb: str) -> set[str]:
        return set(api["paths"][path][verb]["responses"])

    always = {"200", "400", "429", "500", "503", "504"}
    assert statuses("/v1/books", "get") == always
    assert statuses("/v1/books/{bookId}", "get") == always | {"304", "401", "403", "404"}
    assert statuses("/v1/books/{bookId}:revise", "post") == always | {"401", "403", "404", "409", "412", "413", "415"}


def test_who_may_call_is_told(api: dict[str, Any]) -> None:
    assert api["paths"]["/v1/books"]["get"]["security"] == [{}, {"bearer": []}]
    assert api["paths"]["/v1/books"]["post"]["security"] == [{"bearer": []}]
    assert api["paths"]["/v1/books/{bookId}"]["delete"]["description"] == "For: nobody."


def test_a_stream_is_told_as_events(api: dict[str, Any]) -> None:
    watch = api["paths"]["/v1/books:watch"]["get"]
    assert names(watch) == ["after", "LastEventId"]
    assert watch["responses"]["200"]["content"] == {"text/event-stream": {"schema": {"$ref": "#/components/schemas/Book"}}}


def test_what_is_taken_as_it_comes_has_no_form_but_its_signature(api: dict[str, Any]) -> None:
    told = api["paths"]["/v1/sellers/{sender}/news"]["post"]
    assert set(told["requestBody"]["content"]["*/*"]["schema"]) == {"description"}
    assert told["security"] == []
    assert [one.get("name") for one in told["parameters"]] == ["sender"]
    assert "401" in told["responses"]
    assert "403" not in told["responses"]
