"""Who may call, how failures are told, and what headers say."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import httpx
import pytest

from libs.chassis.descriptors import Protos
from libs.events.decider import Kind, Refusal
from libs.events.memory import ManualClock
from libs.events.ports import Unavailable
from libs.events.testing import eventually
from tests.unit.gateway.library import ANA, FakeUpstream, client, gateway

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def upstream(library: Protos) -> FakeUpstream:
    return FakeUpstream(library)


async def ask(upstream: FakeUpstream, method: str = "GET", path: str = "/v1/books/b1", **more: Any) -> httpx.Response:
    settings = more.pop("settings", {})
    more.setdefault("headers", ANA)
    async with client(gateway(upstream, **settings)) as http:
        return await http.request(method, path, **more)


# --- who may call


async def test_no_token_is_401(upstream: FakeUpstream) -> None:
    answer = await ask(upstream, headers={})
    assert (answer.status_code, answer.json()["code"]) == (401, "TOKEN_MISSING")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert not upstream.calls


async def test_another_role_is_403_and_told_which_may(upstream: FakeUpstream) -> None:
    answer = await ask(upstream, headers={"authorization": "Bearer data"})
    assert (answer.status_code, answer.json()["code"]) == (403, "ROLE_NOT_ALLOWED")
    assert answer.json()["details"]["roles"] == ["brand", "creator"]
    assert not upstream.calls


@pytest.mark.parametrize("role", ["creator", "brand", "operator", "service", "data"])
async def test_without_an_access_option_nobody_may_call(upstream: FakeUpstream, role: str) -> None:
    assert (await ask(upstream, "DELETE", headers={"authorization": f"Bearer {role}"})).status_code == 403


async def test_a_public_rpc_needs_no_token_yet_a_bad_one_is_refused(upstream: FakeUpstream) -> None:
    upstream.answer = {"books": []}
    assert (await ask(upstream, path="/v1/books", headers={})).status_code == 200
    assert (await ask(upstream, path="/v1/books", headers={"authorization": "Bearer forged"})).status_code == 401


async def test_the_token_is_looked_at_before_the_body(upstream: FakeUpstream) -> None:
    assert (await ask(upstream, "POST", "/v1/books", headers={}, content="{")).status_code == 401


# --- failures


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (Kind.INVALID_ARGUMENT, 400),
        (Kind.UNAUTHENTICATED, 401),
        (Kind.PERMISSION_DENIED, 403),
        (Kind.NOT_FOUND, 404),
        (Kind.FAILED_PRECONDITION, 409),
        (Kind.ALREADY_EXISTS, 409),
        (Kind.ABORTED, 409),
        (Kind.RESOURCE_EXHAUSTED, 429),
        (Kind.UNIMPLEMENTED, 501),
        (Kind.UNAVAILABLE, 503),
        (Kind.DEADLINE_EXCEEDED, 504),
        (Kind.INTERNAL, 500),
    ],
)
async def test_each_kind_of_refusal_has_its_status(upstream: FakeUpstream, kind: Kind, status: int) -> None:
    upstream.answer = Refusal("SOME_CODE", "so it is", kind=kind, shelf="A")
    answer = await ask(upstream)
    told = answer.json()
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert (told["type"], told["status"], told["detail"]) == ("urn:limelight:problem:SOME_CODE", status, "so it is")
    assert (told["instance"], told["code"], told["details"]) == ("/v1/books/b1", "SOME_CODE", {"shelf": "A"})
    assert ("retry-after" in answer.headers) == (status in (429, 503))


async def test_a_stale_version_is_412(upstream: FakeUpstream) -> None:
    upstream.answer = Refusal("VERSION_MISMATCH", "it is at 8", kind=Kind.ABORTED)
    assert (await ask(upstream)).status_code == 412


async def test_an_illegal_transition_tells_what_would_be_legal(upstream: FakeUpstream) -> None:
    upstream.answer = Refusal("ILLEGAL_TRANSITION", "not while Lent", legal=["ReturnBook"], state="Lent")
    told = (await ask(upstream)).json()
    assert (told["status"], told["legal"], told["details"]) == (409, ["ReturnBook"], {"state": "Lent"})


async def test_every_field_at_fault_is_told(upstream: FakeUpstream) -> None:
    violations = [{"field": "title", "message": "too long"}, {"field": "price.amount", "message": "negative"}]
    upstream.answer = Refusal("INVALID_FIELD", "no", kind=Kind.INVALID_ARGUMENT, field="title", violations=violations)
    assert (await ask(upstream)).json()["errors"] == [
        {"field": "title", "code": "INVALID_FIELD", "message": "too long"},
        {"field": "price.amount", "code": "INVALID_FIELD", "message": "negative"},
    ]


async def test_how_long_to_wait_is_the_refusals_to_say(upstream: FakeUpstream) -> None:
    upstream.answer = Refusal("BUSY", "later", kind=Kind.RESOURCE_EXHAUSTED, retry_after=30)
    assert (await ask(upstream)).headers["retry-after"] == "30"


async def test_a_failure_that_nobody_foresaw_tells_nothing_of_its_inside(upstream: FakeUpstream) -> None:
    upstream.answer = RuntimeError("password=hunter2")
    answer = await ask(upstream)
    assert answer.status_code == 500
    assert "hunter2" not in answer.text


async def test_a_part_that_is_away_is_503(upstream: FakeUpstream) -> None:
    upstream.answer = Unavailable("no answer")
    assert (await ask(upstream)).status_code == 503


async def test_an_answer_that_takes_too_long_is_504(upstream: FakeUpstream) -> None:
    async def never() -> Any:
        await asyncio.Event().wait()

    upstream.answer = never
    answer = await ask(upstream, settings={"deadline": 0.01})
    assert (answer.status_code, answer.json()["code"]) == (504, "DEADLINE_EXCEEDED")


@pytest.mark.parametrize("path", ["/nowhere", "/v1/books/", "/v1/books/b1/pages", "/docs/secret.js", "/docs/../settings.py"])
async def test_an_unknown_address_is_a_404_problem(upstream: FakeUpstream, path: str) -> None:
    answer = await ask(upstream, path=path)
    assert (answer.status_code, answer.json()["code"]) == (404, "ROUTE_NOT_FOUND")


async def test_another_method_is_405_and_told_which_there_are(upstream: FakeUpstream) -> None:
    answer = await ask(upstream, "PATCH", "/v1/books")
    assert (answer.status_code, answer.json()["code"]) == (405, "METHOD_NOT_ALLOWED")
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"
    assert (await ask(upstream, "POST", "/docs")).status_code == 405


# --- limits


async def test_a_body_that_is_too_large_is_413_whether_it_is_announced_or_not(upstream: FakeUpstream) -> None:
    async def chunks() -> Any:
        for _ in range(20):
            yield b" " * 100

    small = {"largest_body": 1024}
    for content in (b" " * 1025, chunks()):
        answer = await ask(upstream, "POST", "/v1/books", content=content, settings=small)
        assert (answer.status_code, answer.json()["code"]) == (413, "BODY_TOO_LARGE")
    assert (await ask(upstream, "POST", "/v1/books", content=b"{}" + b" " * 1022, settings=small)).status_code == 200


async def test_headers_and_urls_have_limits(upstream: FakeUpstream) -> None:
    assert (await ask(upstream, headers=ANA | {"x": "y" * 20_000})).status_code == 431
    assert (await ask(upstream, path="/v1/books/b1?asOf=" + "1" * 9_000)).status_code == 414


async def test_a_body_of_another_type_is_415(upstream: FakeUpstream) -> None:
    answer = await ask(upstream, "POST", "/v1/books", content="<a/>", headers=ANA | {"content-type": "text/xml"})
    assert answer.status_code == 415
    fine = await ask(
        upstream, "POST", "/v1/books", content="{}", headers=ANA | {"content-type": "application/json; charset=utf-8"}
    )
    assert fine.status_code == 200


async def test_beyond_the_bound_of_requests_in_hand_is_503_at_once(upstream: FakeUpstream) -> None:
    entered, go = asyncio.Event(), asyncio.Event()

    async def wait() -> Any:
        entered.set()
        await go.wait()
        return {"bookId": "b1"}

    upstream.answer = wait
    async with client(gateway(upstream, most_in_hand=1)) as http:
        first = asyncio.create_task(http.get("/v1/books/b1", headers=ANA))
        await entered.wait()
        second = await http.get("/v1/books/b1", headers=ANA)
        assert (second.status_code, second.json()["code"], second.headers["retry-after"]) == (503, "OVERLOADED", "1")
        go.set()
        assert (await first).status_code == 200
        assert (await http.get("/v1/books/b1", headers=ANA)).status_code == 200


@pytest.mark.parametrize(("kind", "status"), [(Kind.UNAVAILABLE, 503), (Kind.RESOURCE_EXHAUSTED, 429), (Kind.NOT_FOUND, 404)])
async def test_a_place_is_left_however_the_service_answers(upstream: FakeUpstream, kind: Kind, status: int) -> None:
    upstream.answer = Refusal("NO", "", kind=kind)
    async with client(gateway(upstream, most_in_hand=1)) as http:
        answers = [(await http.get("/v1/books/b1", headers=ANA)).status_code for _ in range(5)]
    assert answers == [status] * 5


async def test_a_service_that_answers_late_is_asked_less_at_once(upstream: FakeUpstream) -> None:
    clock, go = ManualClock(), asyncio.Event()

    async def waits() -> Any:
        await go.wait()
        return {"bookId": "b1"}

    upstream.answer = waits
    async with client(gateway(upstream, clock, most_in_hand=20)) as http:
        crowd = [asyncio.create_task(http.get("/v1/books/b1", headers=ANA)) for _ in range(20)]
        await eventually(lambda: len(upstream.calls) == 20)
        clock.advance(3.0)
        go.set()
        assert Counter([(await one).status_code for one in crowd]) == {200: 20}
        go.clear()
        crowd = [asyncio.create_task(http.get("/v1/books/b1", headers=ANA)) for _ in range(20)]
        await eventually(lambda: len(upstream.calls) == 30)
        go.set()
        assert Counter([(await one).status_code for one in crowd]) == {200: 10, 503: 10}


# --- what headers say


async def test_what_goes_along_is_the_token_the_key_the_version_and_the_trace(upstream: FakeUpstream) -> None:
    sent = ANA | {"Idempotency-Key": "k 1", "If-Match": '"7"', "traceparent": TRACE, "x-forwarded-for": "10.0.0.1"}
    await ask(upstream, "POST", "/v1/books", headers=sent, json={})
    assert upstream.calls[-1].metadata == {
        "authorization": "Bearer creator",
        "idempotency-key": "k 1",
        "if-match": "7",
        "traceparent": TRACE,
    }


@pytest.mark.parametrize("given", ["", "garbage", "00-" + "0" * 32 + "-b7ad6b7169203331-01", "01" + TRACE[2:] + "-x"])
async def test_without_a_valid_trace_a_new_one_begins(upstream: FakeUpstream, given: str) -> None:
    await ask(upstream, headers=ANA | {"traceparent": given})
    await ask(upstream, headers=ANA | {"traceparent": given})
    first, second = (call.metadata["traceparent"] for call in upstream.calls)
    assert first != second
    assert [len(part) for part in first.split("-")] == [2, 32, 16, 2]


async def test_a_problem_names_the_callers_trace(upstream: FakeUpstream) -> None:
    upstream.answer = Refusal("X", "y")
    told = (await ask(upstream, headers=ANA | {"traceparent": TRACE})).json()
    assert told["traceId"] == "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.parametrize("key", ["", "a" * 256, "tab\there", " padded"])
async def test_a_malformed_idempotency_key_is_400(upstream: FakeUpstream, key: str) -> None:
    answer = await ask(upstream, "POST", "/v1/books", headers=ANA | {"Idempotency-Key": key}, json={})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "Idempotency-Key")
    assert not upstream.calls


@pytest.mark.parametrize("etag", ["7", 'W/"7"', '"seven"', '"7", "8"', ""])
async def test_a_malformed_if_match_is_400(upstream: FakeUpstream, etag: str) -> None:
    answer = await ask(upstream, "POST", "/v1/books", headers=ANA | {"If-Match": etag}, json={})
    assert (answer.status_code, answer.json()["code"]) == (400, "IF_MATCH_INVALID")


async def test_if_match_any_asks_for_no_version(upstream: FakeUpstream) -> None:
    await ask(upstream, "POST", "/v1/books", headers=ANA | {"If-Match": "*"}, json={})
    assert "if-match" not in upstream.calls[-1].metadata


async def test_the_answer_names_its_version_and_its_position(upstream: FakeUpstream) -> None:
    answer = await ask(upstream)
    assert (answer.headers["etag"], answer.headers["limelight-position"]) == ('"7"', "library.12.3")
    assert answer.headers["cache-control"] == "no-store"


async def test_without_them_it_names_none(upstream: FakeUpstream) -> None:
    upstream.metadata = {}
    answer = await ask(upstream)
    assert not {"etag", "limelight-position"} & answer.headers.keys()


@pytest.mark.parametrize(
    ("etag", "status"), [('"7"', 304), ('W/"7"', 304), ('"6", "7"', 304), ("*", 304), ('"6"', 200), ("7", 200)]
)
async def test_what_the_caller_has_already_is_not_sent_again(upstream: FakeUpstream, etag: str, status: int) -> None:
    answer = await ask(upstream, headers=ANA | {"If-None-Match": etag})
    assert answer.status_code == status
    assert bool(answer.content) == (status == 200)
    assert answer.headers["etag"] == '"7"'


async def test_head_is_a_get_without_its_body(upstream: FakeUpstream) -> None:
    got, head = await ask(upstream), await ask(upstream, "HEAD")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers == got.headers


# --- other origins


ORIGIN = {"origin": "https://app.example"}
ALLOWED = {"cors_origins": ("https://app.example",)}


async def test_a_page_of_an_allowed_origin_may_read_the_answer(upstream: FakeUpstream) -> None:
    answer = await ask(upstream, headers=ANA | ORIGIN, settings=ALLOWED)
    assert answer.headers["access-control-allow-origin"] == "https://app.example"
    assert "ETag" in answer.headers["access-control-expose-headers"]
    assert answer.headers["vary"] == "Origin"


async def test_a_problem_is_readable_too(upstream: FakeUpstream) -> None:
    answer = await ask(upstream, headers=ORIGIN, settings=ALLOWED)
    assert answer.status_code == 401
    assert answer.headers["access-control-allow-origin"] == "https://app.example"


@pytest.mark.parametrize("settings", [{}, ALLOWED])
async def test_a_page_of_another_origin_may_not(upstream: FakeUpstream, settings: dict[str, Any]) -> None:
    answer = await ask(upstream, headers=ANA | {"origin": "https://evil.example"}, settings=settings)
    assert "access-control-allow-origin" not in answer.headers


async def test_a_preflight_is_answered_without_a_token(upstream: FakeUpstream) -> None:
    asked = ORIGIN | {"access-control-request-method": "POST"}
    answer = await ask(upstream, "OPTIONS", "/v1/books", headers=asked, settings=ALLOWED)
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-methods"] == "GET, HEAD, OPTIONS, POST"
    assert "Idempotency-Key" in answer.headers["access-control-allow-headers"]
    assert not upstream.calls
