"""An ASGI app on a port, inside this process's event loop; the lifecycle has the signals."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Generator
from typing import Any

import uvicorn


class HttpServer:
    """uvicorn, started and stopped by its owner. `port` 0 takes a free one."""

    def __init__(self, app: Any, host: str, port: int, *, grace: int = 10, most_connections: int | None = None) -> None:
        """`grace`: seconds that a stop waits for requests in hand; `most_connections`: further ones are answered 503."""
        self._host, self._port = host, port
        self._server = _Quiet(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                timeout_graceful_shutdown=grace,
                limit_concurrency=most_connections,
            )
        )
        self.task: asyncio.Task[None] | None = None
        """Ends only when the server does."""

    @property
    def port(self) -> int:
        return self._port

    async def start(self) -> None:
        """Raises `OSError` when the port cannot be had."""
        listening = socket.create_server((self._host, self._port), backlog=2048)
        listening.setblocking(False)
        self._port = listening.getsockname()[1]
        self.task = asyncio.create_task(self._server.serve([listening]), name=f"http server on port {self._port}")
        up = asyncio.create_task(self._server.up.wait())
        await asyncio.wait([self.task, up], return_when=asyncio.FIRST_COMPLETED)
        up.cancel()
        if self.task.done():
            self.task.result()

    async def stop(self) -> None:
        """Takes no more connections, ends what is in hand, closes."""
        self._server.should_exit = True
        if self.task:
            await self.task


class _Quiet(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield
