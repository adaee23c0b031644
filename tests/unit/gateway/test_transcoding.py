"""An HTTP request becomes the rpc's message; its answer becomes JSON."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest

from libs.chassis.descriptors import Http, Protos
from libs.events.testing import eventually
from services.gateway.transcoding import Route
from tests.unit.gateway.library import ANA, BOOK, FakeUpstream, client, gateway


@pytest.fixture
def upstream(library: Protos) -> FakeUpstream:
    return FakeUpstream(library)


async def asked(upstream: FakeUpstream, method: str, path: str, **more: Any) -> dict[str, Any]:
    """The request message that the upstream got."""
    more["headers"] = ANA | more.get("headers", {})
    async with client(gateway(upstream)) as http:
        answer = await http.request(method, path, **more)
    assert answer.status_code == 200, answer.text
    return upstream.calls[-1].request


async def problem(upstream: FakeUpstream, method: str, path: str, **more: Any) -> dict[str, Any]:
    async with client(gateway(upstream)) as http:
        answer = await http.request(method, path, headers=ANA | more.pop("headers", {}), **more)
    assert not upstream.calls
    body: dict[str, Any] = answer.json()
    assert body["status"] == answer.status_code
    return body


async def test_the_path_gives_fields(upstream: FakeUpstream) -> None:
    assert await asked(upstream, "GET", "/v1/books/b1") == {"bookId": "b1", "asOf": ""}
    assert upstream.calls[-1].method == "GetBook"


async def test_the_body_gives_the_rest_beside_the_path(upstream: FakeUpstream) -> None:
    request = await asked(upstream, "POST", "/v1/books/b1:revise", json={"title": "Ferns"})
    assert request == {"bookId": "b1", "title": "Ferns"}


async def test_the_body_can_be_one_field_and_the_query_the_others(upstream: FakeUpstream) -> None:
    request = await asked(upstream, "PUT", "/v1/books/b1/price?reason=sale", json={"amount": 5, "currency": "EUR"})
    assert request == {"bookId": "b1", "price": {"amount": 5, "currency": "EUR"}, "reason": "sale"}


async def test_the_query_gives_repeated_nested_true_timed_and_named_fields(upstream: FakeUpstream) -> None:
    upstream.answer = {"books": []}
    query = "kinds=novel&kinds=field_guide&pages.least=5&pages.most=9&lent=true&tags=a%20b&tags=c%2Bd"
    query += "&since=2026-11-22T14:00:00Z&pageSize=20"
    assert await asked(upstream, "GET", f"/v1/books?{query}") == {
        "kinds": ["novel", "field_guide"],
        "pages": {"least": 5, "most": 9},
        "lent": True,
        "since": "2026-11-22T14:00:00.000Z",
        "pageSize": 20,
        "tags": ["a b", "c+d"],
    }


async def test_an_empty_body_is_an_empty_message(upstream: FakeUpstream) -> None:
    assert await asked(upstream, "POST", "/v1/books/b1:revise") == {"bookId": "b1", "title": ""}


async def test_the_same_said_twice_is_no_conflict(upstream: FakeUpstream) -> None:
    assert (await asked(upstream, "POST", "/v1/books/b1:revise", json={"bookId": "b1"}))["bookId"] == "b1"


async def test_the_answer_is_json_in_lower_camel_case(upstream: FakeUpstream) -> None:
    async with client(gateway(upstream)) as http:
        answer = await http.get("/v1/books/b1", headers=ANA)
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert (body["bookId"], body["version"], body["publishedAt"]) == ("b1", 7, None)


@pytest.mark.parametrize(
    ("method", "path", "more", "code", "field"),
    [
        ("POST", "/v1/books/b1:revise", {"json": {"bookId": "b2"}}, "CONFLICTING_FIELDS", "bookId"),
        ("GET", "/v1/books/b1?asOf=1&asOf=2", {}, "CONFLICTING_FIELDS", "asOf"),
        ("GET", "/v1/books?isbn=1", {}, "UNKNOWN_PARAMETER", "isbn"),
        ("GET", "/v1/books?page_size=1", {}, "UNKNOWN_PARAMETER", "page_size"),
        ("GET", "/v1/books/b1?bookId=b2", {}, "UNKNOWN_PARAMETER", "bookId"),
        ("POST", "/v1/books/b1:revise?title=x", {"json": {}}, "UNKNOWN_PARAMETER", "title"),
        ("GET", "/v1/books?pages.least=x", {}, "WRONG_TYPE", "pages.least"),
        ("GET", "/v1/books?lent=yes", {}, "WRONG_TYPE", "lent"),
        ("GET", "/v1/books?kinds=novel&kinds=x", {}, "UNKNOWN_VALUE", "kinds[1]"),
        ("GET", "/v1/books?tags=%ff", {}, "MALFORMED_URL", None),
        ("GET", "/v1/books?" + "tags=x&" * 101, {}, "MALFORMED_URL", None),
        ("POST", "/v1/books", {"json": {"book": {"price": {"amount": "x"}}}}, "WRONG_TYPE", "book.price.amount"),
        ("POST", "/v1/books", {"json": {"isbn": 1}}, "UNKNOWN_FIELD", "isbn"),
        ("POST", "/v1/books", {"json": []}, "WRONG_TYPE", None),
        ("POST", "/v1/books", {"content": "{"}, "MALFORMED_JSON", None),
        ("POST", "/v1/books", {"content": b'{"book": {"title": "\xff"}}'}, "MALFORMED_JSON", None),
        ("POST", "/v1/books", {"content": '{"book": {"rating": NaN}}'}, "MALFORMED_JSON", None),
        ("POST", "/v1/books", {"content": "[" * 5000}, "MALFORMED_JSON", None),
        ("PUT", "/v1/books/b1/price", {"json": 5}, "WRONG_TYPE", "price"),
        ("GET", "/v1/books/b1", {"content": '{"a": 1}'}, "BODY_NOT_EXPECTED", None),
    ],
)
async def test_bad_input_is_told_with_its_place_and_reaches_no_service(
    upstream: FakeUpstream, method: str, path: str, more: dict[str, Any], code: str, field: str | None
) -> None:
    told = await problem(upstream, method, path, **more)
    assert (told["status"], told["code"]) == (400, code)
    assert [error["field"] for error in told["errors"]] == ([field] if field else [])


def test_a_binding_to_a_field_that_is_not_there_is_an_error(library: Protos) -> None:
    method = next(m for m in library.methods() if m.name == "GetBook")
    with pytest.raises(ValueError, match="has no field isbn"):
        Route(method, Http("GET", "/v1/books/{isbn}", ""))


@pytest.mark.parametrize("body", [b'{"a" :1.0}', b"not JSON \x00\xff", b""])
async def test_bytes_are_taken_as_they_come_with_the_headers_but_for_secrets(upstream: FakeUpstream, body: bytes) -> None:
    """What is signed must not be read and written again: `1.0` would become `1`."""
    upstream.answer = {}
    headers = {"Webhook-Id": "msg_1", "Cookie": "session=1", "Content-Type": "application/json"}
    request = await asked(upstream, "POST", "/v1/sellers/acme/news", content=body, headers=headers)
    assert (request["sender"], base64.b64decode(request["payload"])) == ("acme", body)
    assert request["headers"]["webhook-id"] == "msg_1"
    assert not {"authorization", "cookie"} & request["headers"].keys()


async def test_nor_can_the_query_give_them(upstream: FakeUpstream) -> None:
    said = await problem(upstream, "POST", "/v1/sellers/acme/news?payload=eA==", content=b"{}")
    assert said["code"] == "UNKNOWN_PARAMETER"


async def test_what_anyone_may_send_is_small_and_of_any_type(upstream: FakeUpstream) -> None:
    upstream.answer = {}
    await asked(upstream, "POST", "/v1/sellers/acme/news", content=b"a=b", headers={"content-type": "text/plain"})
    async with client(gateway(upstream)) as http:
        answer = await http.post("/v1/sellers/acme/news", content=b"x" * 70_000)
    assert (answer.status_code, answer.json()["code"]) == (413, "BODY_TOO_LARGE")


async def test_what_anyone_sends_takes_no_place_from_who_has_a_token(upstream: FakeUpstream) -> None:
    never = asyncio.Event()

    async def waits() -> dict[str, Any]:
        await never.wait()
        return {}

    upstream.answer = waits
    async with client(gateway(upstream, most_webhooks=2, most_in_hand=1)) as http:
        news = [asyncio.create_task(http.post("/v1/sellers/acme/news", content=b"{}")) for _ in range(2)]
        await eventually(lambda: len(upstream.calls) == 2)
        refused = await http.post("/v1/sellers/acme/news", content=b"{}")
        upstream.answer = dict(BOOK)
        answered = await http.get("/v1/books/b1", headers=ANA)
        never.set()
        told = await asyncio.gather(*news)
    assert (refused.status_code, answered.status_code) == (503, 200)
    assert [one.status_code for one in told] == [200, 200]
