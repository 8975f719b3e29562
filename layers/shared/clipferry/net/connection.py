"""HTTP/1.1 on a socket whose waits all end by one deadline: a time-out per read lets a slow peer drip for ever."""

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

USER_AGENT: Final = "clipferry"
"""Cloudflare's Browser Integrity Check, which is on by default, turns away who doesn't say a name."""


class Origin(NamedTuple):
    """Whom to speak to: the name that TLS checks and that the Host header says, whatever address it has."""

    secure: bool
    name: str
    port: int

    @property
    def standard_port(self) -> int:
        return 443 if self.secure else 80


class Deadline:
    """A moment, `seconds` from now, on the monotonic clock."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def remaining(self) -> float:
        """Seconds left; raises TimeoutError when there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError("out of time")
        return left

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self._end


@functools.cache
def default_tls() -> ssl.SSLContext:
    """The process's only context: reading the system's certificates costs about 30 ms of CPU each time."""
    return ssl.create_default_context()


def connect(
    origin: Origin, found: Sequence[Any], *, deadline: Deadline, tls: ssl.SSLContext | None = None
) -> Connection:
    """A connection to the first of `found` (as `getaddrinfo` returns it) that answers; OSError when none does.

    Each address gets half of the time that is left, the last one all of it, so that one dead address (an IPv6
    route that goes nowhere) doesn't use up everybody's. `tls` replaces the system's certificates.
    """
    failure: OSError = OSError("the name has no address")
    for place, (family, _, _, _, address) in enumerate(found, start=1):
        try:
            share = Deadline(deadline.remaining() / (1 if place == len(found) else 2))
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
    """An open connection. `deadline` bounds all that is done on it, `stall` (seconds) each single wait.

    A wait is one piece of a head, or the whole of what one call of `read_into` or `sendall` is asked to move: a peer
    that lets a byte through now and then stalls too.
    """

    def __init__(self, connected: socket.socket, origin: Origin) -> None:
        self._socket = connected
        self._origin = origin
        self.deadline = Deadline(0)
        self.stall = math.inf
        self._ended = False
        self._receive = _receiver(connected)
        self._raw = _Reader(self)
        self.reader = self.makefile()

    def request(
        self, method: str, target: str, *, headers: Mapping[str, str], body: bytes | None = None
    ) -> http.client.HTTPResponse:
        """The answer's head; its body is read from the answer, or raw from `reader` while the answer is kept.

        Raises OSError, http.client.HTTPException, and ValueError (nothing sent) for what a header can't carry.
        """
        return self.answer(self.send_head(method, target, headers=headers, body=body))

    def send_head(
        self, method: str, target: str, *, headers: Mapping[str, str], body: bytes | None = None
    ) -> http.client.HTTPConnection:
        """Sends a request whose body, where Content-Length announces one, is to follow by `sendall`."""
        speaker = http.client.HTTPConnection(self._origin.name, self._origin.port)
        speaker.default_port = self._origin.standard_port  # which the Host header leaves out
        speaker.sock = _SocketForHttpClient(self)
        speaker.request(method, target, body=body, headers={"User-Agent": USER_AGENT, **headers})
        return speaker

    def answer(self, speaker: http.client.HTTPConnection) -> http.client.HTTPResponse:
        """The head of the answer to what `speaker` has sent."""
        response = speaker.getresponse()
        if self._ended:  # http.client takes a head that breaks off for a whole one
            raise http.client.RemoteDisconnected("the connection ended within the answer's head")
        return response

    def read_into(self, view: memoryview) -> int:
        """Fills `view` with the next bytes of an answer's body; fewer only when the connection has ended.

        Past the buffered reader, whose calls for each TLS record would cost a tenth of a transfer's CPU.
        """
        got, wanted = self._take_read_ahead(view), len(view)
        patience = min(self.deadline.remaining(), self.stall)
        self._socket.settimeout(patience)
        begun = time.monotonic()
        while got < wanted:
            received = self._receive(view[got:])
            if not received:
                self._ended = True
                break
            got += received
            self._tighten(patience, time.monotonic() - begun)
        return got

    def _take_read_ahead(self, view: memoryview) -> int:
        """What came together with the answer's head."""
        self._raw.muted = True
        ahead = self.reader.read1(len(view)) or b""
        self._raw.muted = False
        view[: len(ahead)] = ahead
        return len(ahead)

    def _tighten(self, patience: float, waited: float) -> None:
        if waited >= patience:
            raise TimeoutError("too slow")
        if waited > patience / 8:
            self._socket.settimeout(patience - waited)

    def is_quiet(self) -> bool:
        """Whether nothing waits to be read: no stray bytes, no farewell of the peer's. Costs no round trip."""
        if isinstance(self._socket, ssl.SSLSocket) and self._socket.pending():
            return False
        waiting = select.poll()
        waiting.register(self._socket, select.POLLIN)
        return not waiting.poll(0)

    def close(self) -> None:
        self._socket.close()

    def sendall(self, data: bytes | memoryview) -> None:
        unsent = memoryview(data)
        patience = min(self.deadline.remaining(), self.stall)
        self._socket.settimeout(patience)
        begun = time.monotonic()
        while unsent:
            unsent = unsent[self._socket.send(unsent) :]
            if unsent:
                self._tighten(patience, time.monotonic() - begun)

    def recv_into(self, buffer: memoryview) -> int:
        received = self._patient().recv_into(buffer)
        self._ended = self._ended or received == 0
        return received

    def makefile(self, _mode: str = "rb") -> io.BufferedReader[Any]:
        """A fresh reader, because http.client closes its own after each answer."""
        self._raw = _Reader(self)
        self.reader = _Buffer(self._raw, 1 << 16)
        return self.reader

    def _patient(self) -> socket.socket:
        self._socket.settimeout(min(self.deadline.remaining(), self.stall))
        return self._socket


def _receiver(connected: socket.socket) -> Callable[[memoryview], int]:
    """`recv_into`. Under TLS each call gives a record of 16 KiB: the wrappers around SSLSocket.read add up."""
    if isinstance(connected, ssl.SSLSocket):
        read = connected.read
        return lambda view: read(len(view), view)  # pyright: ignore[reportReturnType] - an int, given a buffer
    return connected.recv_into


class _SocketForHttpClient:
    """What http.client asks of a socket. It closes at `Connection: close`, before the body is read: so this doesn't."""

    def __init__(self, connection: Connection) -> None:
        self.sendall = connection.sendall
        self.makefile = connection.makefile

    def close(self) -> None:
        pass


class _Buffer(io.BufferedReader):
    """http.client flushes it in its finalizer, though it only reads, and though it may have been closed before."""

    def flush(self) -> None:
        pass


class _Reader(io.RawIOBase):
    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.muted = False
        """Nothing new is read: what the buffer gives then is what it had."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        return None if self.muted else self._connection.recv_into(buffer)
