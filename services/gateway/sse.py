"""A server stream as server-sent events: resumable, kept alive, ended in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from libs.chassis.messages import Plain

ASGIMessage = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[ASGIMessage]]
Send = Callable[[ASGIMessage], Awaitable[None]]
Headers = Sequence[tuple[bytes, bytes]]

IDS = ("cursor", "id", "version")
"""Fields of a message that can be its event's id, the first that it has: what `Last-Event-ID` gives back."""
FIRST = 1.0
"""Seconds that the first event, or a refusal with a status of its own, is waited for before the stream is begun."""
RETRY = 3000
"""Milliseconds after which a client comes back."""

HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
)


@dataclass(frozen=True, slots=True)
class Pace:
    """In seconds: silence before a heartbeat; a stream's longest life."""

    heartbeat: float
    longest: float


def id_field(descriptor: Descriptor) -> str | None:
    return next((name for name in IDS if name in descriptor.fields_by_name), None)


def event(data: Plain, id: Any = None, name: str | None = None) -> bytes:
    """One event; JSON has no line breaks, so `data` is one line."""
    head = (f"event: {name}\n" if name else "") + (f"id: {id}\n" if id not in (None, "") else "")
    return head.encode() + b"data: " + orjson.dumps(data, default=str) + b"\n\n"


class Stream:
    """One open stream."""

    def __init__(
        self,
        messages: AsyncIterator[Message],
        answer: Callable[[Message], Plain],
        id: str | None,
        closing: asyncio.Event,
        pace: Pace,
    ) -> None:
        """`id`: the message's field that names its event; `closing`: set when the process is to stop."""
        self._messages, self._answer, self._id, self._closing, self._pace = messages, answer, id, closing, pace
        self._next: asyncio.Future[Message | None] = asyncio.ensure_future(self._read())

    async def first(self) -> None:
        """Waits a moment for the first event. Raises `Refusal` if the stream is refused instead."""
        await asyncio.wait({self._next}, timeout=FIRST)
        if self._next.done():
            self._next.result()

    async def send(self, receive: Receive, send: Send, headers: Headers, refused: Callable[[Exception], Plain]) -> None:
        """Sends until the stream ends, the client leaves, its time is over or the process stops. `refused`: what to tell of a
        failure now that a status has been sent."""
        await send({"type": "http.response.start", "status": 200, "headers": [*HEADERS, *headers]})
        await _part(send, f"retry: {RETRY}\n\n".encode())
        leaving = asyncio.ensure_future(_left(receive))
        ending = asyncio.ensure_future(self._ended())
        try:
            await self._pump(send, leaving, ending, refused)
        finally:
            leaving.cancel()
            ending.cancel()
        if not leaving.done() or leaving.cancelled():
            await send({"type": "http.response.body", "body": b""})

    async def close(self) -> None:
        """Lets go of the upstream."""
        self._next.cancel()
        await asyncio.wait({self._next})
        if not self._next.cancelled():
            self._next.exception()  # it came too late to be told
        close = getattr(self._messages, "aclose", None)
        if close:
            await close()

    async def _pump(
        self, send: Send, leaving: asyncio.Future[None], ending: asyncio.Future[None], refused: Callable[[Exception], Plain]
    ) -> None:
        while True:
            waited: set[asyncio.Future[Any]] = {self._next, leaving, ending}
            done, _ = await asyncio.wait(waited, timeout=self._pace.heartbeat, return_when=asyncio.FIRST_COMPLETED)
            if leaving in done or ending in done:
                return
            if not done:
                await _part(send, b": still here\n\n")
                continue
            try:
                message = self._next.result()
            except Exception as error:
                await _part(send, event(refused(error), name="error"))
                return
            if message is None:
                return
            await _part(send, event(self._answer(message), self._id and getattr(message, self._id)))
            self._next = asyncio.ensure_future(self._read())

    async def _read(self) -> Message | None:
        return await anext(self._messages, None)

    async def _ended(self) -> None:
        try:
            async with asyncio.timeout(self._pace.longest):
                await self._closing.wait()
        except TimeoutError:
            return


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _part(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})
