"""A TCP proxy on one edge of the network, which can be cut, held up, slowed or half closed while it is in use."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from enum import StrEnum

CHUNK = 65_536
RESET_AT_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER of zero seconds: closing sends a reset, as a crashed peer's system does."""


class Toxic(StrEnum):
    NONE = "none"
    RESET = "reset"
    """Connections are reset, new ones at once: a host that is gone."""
    BLACKHOLE = "blackhole"
    """Nothing arrives and nothing is refused: packets are dropped."""
    SLOW = "slow"
    """Every chunk arrives late."""
    HALF_CLOSE = "half-close"
    """The server's side ends and the client's stays open: what is still sent is taken and never answered."""


class FaultProxy:
    """Carries bytes between whoever connects to `port` and a target on the same host. `rewrite`: applied to what the target
    sends, e.g. to the addresses in it."""

    def __init__(self, host: str, target: int, rewrite: Callable[[bytes], bytes] | None = None) -> None:
        self.host, self.target, self.port = host, target, 0
        self.toxic, self.latency = Toxic.NONE, 0.0
        self.rewrite = rewrite
        self._healthy = asyncio.Event()
        self._healthy.set()
        self._clients: set[asyncio.StreamWriter] = set()
        self._targets: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> FaultProxy:
        """Listens on a free port."""
        self._server = await asyncio.start_server(self._accept, self.host, 0)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        self.heal()
        self._reset_all()

    def break_(self, toxic: Toxic, latency: float = 0.0) -> None:
        """From now on, also on open connections. `latency`: seconds, of `SLOW`."""
        self.toxic, self.latency = toxic, latency
        if toxic in (Toxic.BLACKHOLE, Toxic.HALF_CLOSE):
            self._healthy.clear()
        if toxic is Toxic.HALF_CLOSE:
            for client in self._clients:
                _end(client)
        if toxic is Toxic.RESET:
            self._reset_all()

    def heal(self) -> None:
        """New connections are carried again. Half closed ones are reset: nothing can be said on them any more."""
        if self.toxic is Toxic.HALF_CLOSE:
            self._reset_all()
        self.toxic, self.latency = Toxic.NONE, 0.0
        self._healthy.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        try:
            if self.toxic is Toxic.RESET:
                return
            if self.toxic is Toxic.HALF_CLOSE:
                _end(writer)
            await self._healthy.wait()
            target_reader, target = await asyncio.open_connection(self.host, self.target)
            self._targets.add(target)
            try:
                await asyncio.gather(self._carry(reader, target, None), self._carry(target_reader, writer, self.rewrite))
            finally:
                self._reset(target)
        except OSError:
            pass  # the target is not there, or one side is gone: the other one is told in the same way
        finally:
            self._reset(writer)

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, rewrite: Callable[[bytes], bytes] | None
    ) -> None:
        while data := await (_frame(reader) if rewrite else reader.read(CHUNK)):
            if self.toxic is Toxic.SLOW:
                await asyncio.sleep(self.latency)
            await self._healthy.wait()
            if writer.is_closing():
                return
            writer.write(rewrite(data) if rewrite else data)
            await writer.drain()
        _end(writer)

    def _reset_all(self) -> None:
        for writer in [*self._clients, *self._targets]:
            self._reset(writer)

    def _reset(self, writer: asyncio.StreamWriter) -> None:
        self._clients.discard(writer)
        self._targets.discard(writer)
        sock: socket.socket | None = writer.get_extra_info("socket")
        if sock is not None and not writer.is_closing():
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_CLOSE)
        writer.transport.abort()


def _end(writer: asyncio.StreamWriter) -> None:
    """Says that nothing more comes."""
    with contextlib.suppress(OSError):
        writer.write_eof()


async def _frame(reader: asyncio.StreamReader) -> bytes:
    """One message of a protocol whose messages begin with their length, whole, so that nothing to be rewritten is cut in two.
    Empty at the end."""
    try:
        size = await reader.readexactly(4)
        return size + await reader.readexactly(int.from_bytes(size))
    except asyncio.IncompleteReadError:
        return b""
