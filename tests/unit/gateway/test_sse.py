"""Server streams as server-sent events."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from libs.chassis.descriptors import Protos
from libs.events.decider import Kind, Refusal
from services.gateway.app import Gateway
from tests.unit.gateway.library import ANA, FakeUpstream, gateway


class Browser:
    """One open request, read as it comes."""

    def __init__(self, app: Gateway, path: str = "/v1/books:watch", query: str = "", **headers: str) -> None:
        sent = {**ANA, **{name.replace("_", "-"): value for name, value in headers.items()}}
        self._scope = {
            "type": "http",
            "method": "GET",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
        }
        self._came: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._leaves = asyncio.Event()
        self.task = asyncio.ensure_future(app(self._scope, self._receive, self._came.put))  # type: ignore[arg-type]

    async def _receive(self) -> dict[str, Any]:
        await self._leaves.wait()
        return {"type": "http.disconnect"}

    async def start(self) -> tuple[int, dict[str, str]]:
        message = await asyncio.wait_for(self._came.get(), 5)
        return message["status"], {name.decode(): value.decode() for name, value in message["headers"]}

    async def part(self) -> str:
        message = await asyncio.wait_for(self._came.get(), 5)
        return str(message["body"].decode())

    async def parts(self) -> list[str]:
        """What is still to come, until the end."""
        await asyncio.wait_for(self.task, 5)
        return [self._came.get_nowait()["body"].decode() for _ in range(self._came.qsize())]

    async def leave(self) -> None:
        self._leaves.set()
        await asyncio.wait_for(self.task, 5)


class Books:
    """What the upstream streams: as much as is put, until `end`."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Any] = asyncio.Queue()
        self.closed = asyncio.Event()

    def put(self, *items: Any) -> Books:
        for item in items:
            self.queue.put_nowait(item)
        return self

    async def __call__(self) -> AsyncIterator[Any]:
        try:
            while (item := await self.queue.get()) is not None:
                if isinstance(item, Exception):
                    raise item
                yield item
        finally:
            self.closed.set()


@pytest.fixture
def books() -> Books:
    return Books()


@pytest.fixture
def upstream(library: Protos, books: Books) -> FakeUpstream:
    return FakeUpstream(library, events=books)


async def test_each_message_is_an_event_whose_id_is_its_version(upstream: FakeUpstream, books: Books) -> None:
    books.put({"bookId": "b1", "version": 7}, {"bookId": "b1", "title": "a\nb", "version": 8}, None)
    browser = Browser(gateway(upstream))
    status, headers = await browser.start()
    assert (status, headers["content-type"], headers["cache-control"]) == (200, "text/event-stream", "no-store")
    assert headers["x-accel-buffering"] == "no"
    retry, first, second, end = await browser.parts()
    assert retry == "retry: 3000\n\n"
    head, data = first.split("\n", 1)
    assert (head, orjson.loads(data.removeprefix("data: "))["bookId"]) == ("id: 7", "b1")
    assert second.startswith("id: 8\ndata: ")
    assert second.endswith("}\n\n")
    assert second.count("\n") == 3
    assert end == ""


async def test_the_last_event_id_goes_to_after(upstream: FakeUpstream, books: Books) -> None:
    books.put(None)
    browser = Browser(gateway(upstream), query="after=3", last_event_id="7")
    assert (await browser.start())[0] == 200
    assert upstream.calls[-1].request == {"after": 7}


async def test_a_last_event_id_that_is_none_of_ours_is_400(upstream: FakeUpstream) -> None:
    browser = Browser(gateway(upstream), last_event_id="seven")
    assert (await browser.start())[0] == 400
    assert orjson.loads(await browser.part())["errors"][0]["field"] == "after"


async def test_a_refusal_before_the_first_event_has_its_status(upstream: FakeUpstream, books: Books) -> None:
    books.put(Refusal("NOT_FOUND", "no such shelf", kind=Kind.NOT_FOUND))
    browser = Browser(gateway(upstream))
    status, headers = await browser.start()
    assert (status, headers["content-type"]) == (404, "application/problem+json")


async def test_a_refusal_after_it_is_an_error_event(upstream: FakeUpstream, books: Books) -> None:
    books.put({"bookId": "b1"}, Refusal("GONE", "the shelf fell", kind=Kind.UNAVAILABLE))
    browser = Browser(gateway(upstream))
    assert (await browser.start())[0] == 200
    error = (await browser.parts())[2]
    assert error.startswith("event: error\ndata: ")
    assert orjson.loads(error.split("data: ")[1])["code"] == "GONE"


async def test_silence_is_filled_with_heartbeats(upstream: FakeUpstream, books: Books) -> None:
    books.put({"bookId": "b1"})
    browser = Browser(gateway(upstream, heartbeat=0.01))
    await browser.start()
    parts = [await browser.part() for _ in range(4)]
    assert parts[2:] == [": still here\n\n"] * 2
    await browser.leave()


async def test_a_client_that_leaves_lets_the_upstream_go(upstream: FakeUpstream, books: Books) -> None:
    books.put({"bookId": "b1"})
    browser = Browser(gateway(upstream))
    await browser.start()
    await browser.leave()
    await asyncio.wait_for(books.closed.wait(), 5)


async def test_a_stopping_process_ends_its_streams_and_begins_no_more(upstream: FakeUpstream, books: Books) -> None:
    books.put({"bookId": "b1"})
    app = gateway(upstream)
    browser = Browser(app)
    await browser.start()
    app.close()
    assert (await browser.parts())[-1] == ""
    assert (await Browser(app).start())[0] == 503


async def test_a_stream_has_a_longest_life(upstream: FakeUpstream, books: Books) -> None:
    books.put({"bookId": "b1"})
    browser = Browser(gateway(upstream, longest_stream=0.05))
    await browser.start()
    assert (await browser.parts())[-1] == ""
    assert books.closed.is_set()


async def test_open_streams_are_bounded(upstream: FakeUpstream, books: Books) -> None:
    books.put({"bookId": "b1"})
    app = gateway(upstream, most_streams=1)
    first = Browser(app)
    await first.start()
    assert (await Browser(app).start())[0] == 503
    await first.leave()
    books.put(None)
    assert (await Browser(app).start())[0] == 200


async def test_another_role_opens_no_stream(upstream: FakeUpstream) -> None:
    assert (await Browser(gateway(upstream), authorization="Bearer brand").start())[0] == 403
    assert not upstream.calls
