"""People who all come at once: each sends one request, waits for nobody and does not come back. Bare HTTP on bare connections:
a client library would need more of the machine than the gateway that is to be crowded."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Self

from tests.chaos.load import Request
from tests.chaos.traffic import GIVES_UP, Timing


@dataclass(frozen=True, slots=True)
class Visit(Timing):
    """`status` 0: no answer came."""

    status: int


@dataclass
class Crowd:
    """Runs between `async with`. `asks`: what the n-th of them asks for."""

    host: str
    port: int
    asks: Callable[[int], Request]
    _came: int = 0
    _idle: deque[_Connection] = field(default_factory=deque)
    _open: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *about: object) -> None:
        await self._open.aclose()

    async def comes(self, rate: float, seconds: float) -> list[Visit]:
        """So many per second, for so long. Returns when all have been answered or have left."""
        self._idle.clear()  # a server closes what has been idle for some seconds
        loop, visits = asyncio.get_running_loop(), list[asyncio.Task[Visit]]()
        began = loop.time()
        for number in range(round(rate * seconds)):
            due = began + number / rate
            await asyncio.sleep(max(0.0, due - loop.time()))
            visits.append(asyncio.create_task(self._visit(due)))
        return list(await asyncio.gather(*visits))

    async def _visit(self, due: float) -> Visit:
        self._came += 1
        told, status = _encoded(self.asks(self._came), f"crowd-{self._came}"), 0
        try:
            async with asyncio.timeout(GIVES_UP):
                connection = self._idle.popleft() if self._idle else await self._connected()
                status = await connection.exchange(told)
                self._idle.append(connection)
        except (OSError, TimeoutError, EOFError):
            pass
        return Visit(due, asyncio.get_running_loop().time(), status)

    async def _connected(self) -> _Connection:
        connection = _Connection(*await asyncio.open_connection(self.host, self.port))
        self._open.callback(connection.writer.close)
        return connection


@dataclass(frozen=True, slots=True)
class _Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def exchange(self, told: bytes) -> int:
        self.writer.write(told)
        head = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
        await self.reader.readexactly(int(length))
        return int(head.split(b" ", 2)[1])


def _encoded(request: Request, key: str) -> bytes:
    body = b"" if request.body is None else json.dumps(request.body).encode()
    head = (
        f"{request.method} {request.path} HTTP/1.1\r\nhost: limelight\r\nauthorization: Bearer {request.who.token}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\nidempotency-key: {key}\r\n\r\n"
    )
    return head.encode() + body
