"""A TCP proxy that delays what it forwards, as a distant server would, and counts the client's round trips."""

from __future__ import annotations

import asyncio
import selectors
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import Final

_CHUNK: Final = 1 << 16


class LatencyProxy:
    """Forwards bytes half a round trip later, and keeps the distance between them."""

    def __init__(self, host: str, port: int, *, round_trip: float) -> None:
        self._server = (host, port)
        self._delay = round_trip / 2
        self._stopped = asyncio.Event()
        self.round_trips = 0
        """How often the server answered after the client had sent something."""

    async def run(self, started: Callable[[int], None]) -> None:
        """Serves until `stop`, and calls `started` with the port on 127.0.0.1."""
        listener = await asyncio.start_server(self._join, "127.0.0.1", 0)
        started(listener.sockets[0].getsockname()[1])
        await self._stopped.wait()
        listener.close()

    def stop(self) -> None:
        self._stopped.set()

    async def _join(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        server, to_server = await asyncio.open_connection(*self._server)
        counter = _RoundTripCounter(self)
        with suppress(ConnectionError, asyncio.CancelledError):  # a side closed the connection, or the proxy stops
            await asyncio.gather(
                self._carry(client, to_server, on_read=counter.on_sent),
                self._carry(server, to_client, on_deliver=counter.on_received),
            )
        to_client.close()
        to_server.close()

    async def _carry(
        self,
        source: asyncio.StreamReader,
        target: asyncio.StreamWriter,
        *,
        on_read: Callable[[], None] = lambda: None,
        on_deliver: Callable[[], None] = lambda: None,
    ) -> None:
        loop = asyncio.get_running_loop()

        def deliver(data: bytes) -> None:
            on_deliver()
            target.write(data)

        while data := await source.read(_CHUNK):
            on_read()
            loop.call_later(self._delay, deliver, data)
        loop.call_later(self._delay, target.close)


class _RoundTripCounter:
    """Counts the round trips of one connection. Each ends with an answer; some messages of libpq get none."""

    def __init__(self, proxy: LatencyProxy) -> None:
        self._proxy = proxy
        self._asked = False

    def on_sent(self) -> None:
        self._asked = True

    def on_received(self) -> None:
        self._proxy.round_trips += self._asked
        self._asked = False


@contextmanager
def latency_proxy(host: str, port: int, *, round_trip: float = 0) -> Iterator[tuple[LatencyProxy, int]]:
    """The proxy in front of `host:port`, and its own port on 127.0.0.1. `round_trip` is in seconds."""
    # select waits to the microsecond; epoll rounds up to the millisecond, which would add to the delay
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        proxy, loop, started = LatencyProxy(host, port, round_trip=round_trip), runner.get_loop(), Future[int]()
        thread = threading.Thread(target=runner.run, args=[proxy.run(started.set_result)])
        thread.start()
        try:
            yield proxy, started.result()
        finally:
            loop.call_soon_threadsafe(proxy.stop)
            thread.join()
