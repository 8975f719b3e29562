"""HTTP/1.1 on a socket whose waits all end by one deadline: with one for each read a slow peer could go on for ever."""

from __future__ import annotations

import functools
import http.client
import io
import math
import select
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from clipferry.net.deadline import Deadline

USER_AGENT: Final = "clipferry"
"""Cloudflare's Browser Integrity Check, which is on by default, refuses requests without a User-Agent."""


class Origin(NamedTuple):
    """Scheme, host and port. `name` is what TLS checks and what the Host header says, whatever the address is."""

    secure: bool
    name: str
    port: int

    @property
    def standard_port(self) -> int:
        return 443 if self.secure else 80


@functools.cache
def default_tls() -> ssl.SSLContext:
    """Returns the process's only context: reading the system's certificates costs about 30 ms of CPU each time."""
    return ssl.create_default_context()


def connect(
    origin: Origin, addresses: Sequence[Any], *, deadline: Deadline, tls: ssl.SSLContext | None = None
) -> Connection:
    """Connects to the first of `addresses` (in `getaddrinfo`'s form) that answers; raises OSError when none does.

    Each address gets half of the time that is left, the last one all of it, so that one dead address (an IPv6
    route that leads nowhere) doesn't use up the time of the others. `tls` replaces the system's certificates.
    """
    failure: OSError = OSError("the name has no address")
    for place, (family, _, _, _, address) in enumerate(addresses, start=1):
        try:
            share = Deadline(deadline.remaining() / (1 if place == len(addresses) else 2))
            return Connection(_open(origin, family, address, share, tls), origin)
        except OSError as error:
            failure = error
    raise failure


def _open(
    origin: Origin, family: int, address: tuple[Any, ...], deadline: Deadline, tls: ssl.SSLContext | None
) -> socket.socket:
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.settimeout(deadline.remaining())
        opened.connect(address)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not origin.secure:
            return opened
        opened.settimeout(deadline.remaining())
        return (tls or default_tls()).wrap_socket(opened, server_hostname=origin.name)
    except BaseException:
        opened.close()
        raise


class Connection:
    """An open connection. `deadline` bounds all that is done on it, `stall_seconds` each single operation.

    An operation is one read of a head, or one whole call of `read_into` or `sendall`: a peer that moves a single byte
    now and then is too slow, too. Both raise TimeoutError.
    """

    def __init__(self, connected: socket.socket, origin: Origin) -> None:
        self._socket = connected
        self._origin = origin
        self.deadline = Deadline(0)
        self.stall_seconds = math.inf
        self._reached_eof = False
        self._receive = _receiver(connected)
        self._raw = _Reader(self)
        self.reader = self.makefile()

    def request(
        self, method: str, target: str, *, headers: Mapping[str, str], body: bytes | None = None
    ) -> http.client.HTTPResponse:
        """Sends a request and returns the response when its head has come.

        The body is read from the response, or by `read_into` for as long as somebody holds the response.
        Raises OSError, http.client.HTTPException, and ValueError (nothing sent) for what a header can't carry.
        """
        return self.get_response(self.send_head(method, target, headers=headers, body=body))

    def send_head(
        self, method: str, target: str, *, headers: Mapping[str, str], body: bytes | None = None
    ) -> http.client.HTTPConnection:
        """Sends a request; a body that Content-Length announces and `body` isn't is sent by `sendall` afterwards."""
        http_connection = http.client.HTTPConnection(self._origin.name, self._origin.port)
        http_connection.default_port = self._origin.standard_port  # which the Host header leaves out
        http_connection.sock = _SocketForHttpClient(self)
        http_connection.request(method, target, body=body, headers={"User-Agent": USER_AGENT, **headers})
        return http_connection

    def get_response(self, http_connection: http.client.HTTPConnection) -> http.client.HTTPResponse:
        """Returns the response to what `send_head` has sent, when its head has come."""
        response = http_connection.getresponse()
        if self._reached_eof:  # http.client takes a head that breaks off for a complete one
            raise http.client.RemoteDisconnected("the connection ended within the response's head")
        return response

    def read_into(self, view: memoryview) -> int:
        """Fills `view` with the next bytes of a response's body; returns fewer only when the connection has ended.

        It goes around the buffered reader, whose calls for each TLS record would cost a tenth of a transfer's CPU.
        """
        got, wanted = self._take_buffered(view), len(view)
        limit = self._set_timeout()
        begun = time.monotonic()
        while got < wanted:
            received = self._receive(view[got:])
            if not received:
                self._reached_eof = True
                break
            got += received
            self._reduce_timeout(limit, time.monotonic() - begun)
        return got

    def _take_buffered(self, view: memoryview) -> int:
        """Takes what came together with the response's head; returns how many bytes that is."""
        self._raw.is_paused = True
        buffered = self.reader.read1(len(view)) or b""
        self._raw.is_paused = False
        view[: len(buffered)] = buffered
        return len(buffered)

    def _set_timeout(self) -> float:
        """Lets the next operation on the socket take what is allowed now; returns it, in seconds."""
        limit = min(self.deadline.remaining(), self.stall_seconds)
        self._socket.settimeout(limit)
        return limit

    def _reduce_timeout(self, limit: float, elapsed: float) -> None:
        if elapsed >= limit:
            raise TimeoutError("too slow")
        if elapsed > limit / 8:
            self._socket.settimeout(limit - elapsed)

    def is_quiet(self) -> bool:
        """Whether nothing waits to be read: no unexpected bytes, no end of the connection. Costs no round trip."""
        if isinstance(self._socket, ssl.SSLSocket) and self._socket.pending():
            return False
        waiting = select.poll()
        waiting.register(self._socket, select.POLLIN)
        return not waiting.poll(0)

    def close(self) -> None:
        self._socket.close()

    def sendall(self, data: bytes | memoryview) -> None:
        unsent = memoryview(data)
        limit = self._set_timeout()
        begun = time.monotonic()
        while unsent:
            unsent = unsent[self._socket.send(unsent) :]
            if unsent:
                self._reduce_timeout(limit, time.monotonic() - begun)

    def recv_into(self, buffer: memoryview) -> int:
        self._set_timeout()
        received = self._socket.recv_into(buffer)
        self._reached_eof = self._reached_eof or received == 0
        return received

    def makefile(self, _mode: str = "rb") -> io.BufferedReader[Any]:
        """Returns a new reader, because http.client closes its own after each response."""
        self._raw = _Reader(self)
        self.reader = _Buffer(self._raw, 1 << 16)
        return self.reader


def _receiver(connected: socket.socket) -> Callable[[memoryview], int]:
    """Returns the socket's `recv_into`. Under TLS a call gives a record of 16 KiB: each wrapper costs CPU."""
    if isinstance(connected, ssl.SSLSocket):
        read = connected.read
        return lambda view: read(len(view), view)  # pyright: ignore[reportReturnType] - an int, given a buffer
    return connected.recv_into


class _SocketForHttpClient:
    """What http.client needs of a socket.

    At `Connection: close` it closes its socket before the body is read, so `close` does nothing here.
    """

    def __init__(self, connection: Connection) -> None:
        self.sendall = connection.sendall
        self.makefile = connection.makefile

    def close(self) -> None:
        pass


class _Buffer(io.BufferedReader):
    """A reader that ignores `flush`: http.client's finalizer calls it, even when the reader was closed before."""

    def flush(self) -> None:
        pass


class _Reader(io.RawIOBase):
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.is_paused = False
        """While it is, nothing is read from the socket: the buffer gives what it has."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        return None if self.is_paused else self._connection.recv_into(buffer)
