"""HTTP/1.1 on a socket whose waits all end by one deadline: with one for each read a slow peer could go on for ever."""

from __future__ import annotations

import math
import select
import socket
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from clipferry.net.deadline import Deadline
from clipferry.net.proxy import proxy_for
from clipferry.net.request_head import Origin, request_head
from clipferry.net.response import Response
from clipferry.net.response_head import BadResponseError, find_end, parse_head
from clipferry.net.trust import default_tls, may_be_known_to_the_system, system_tls

MAX_INFORMATIONAL: Final = 8
"""1xx responses before the one that counts: 102 and 103 come unasked."""
_HEAD_PIECE: Final = 16 * 1024


def connect(
    origin: Origin, addresses: Sequence[Any], *, deadline: Deadline, tls: ssl.SSLContext | None = None
) -> Connection:
    """Connects to the first of `addresses` (in `getaddrinfo`'s form) that answers; raises OSError when none does.

    Each address gets half of the time that is left, the last one all of it, so that one dead address (an IPv6
    route that leads nowhere) doesn't use up the time of the others. `tls` replaces the trusted authorities.
    """
    failure: OSError = OSError("the name has no address")
    for place, (family, _, _, _, address) in enumerate(addresses, start=1):
        try:
            share = Deadline(deadline.remaining() / (1 if place == len(addresses) else 2))
            return Connection(_open_trusted(origin, family, address, share, tls), origin)
        except OSError as error:
            failure = error
    raise failure


def _open_trusted(
    origin: Origin, family: int, address: tuple[Any, ...], deadline: Deadline, tls: ssl.SSLContext | None
) -> socket.socket:
    try:
        return _open(origin, family, address, deadline, tls)
    except ssl.SSLCertVerificationError as error:
        if tls is not None or not may_be_known_to_the_system(error):
            raise
    return _open(origin, family, address, deadline, system_tls())


def _open(
    origin: Origin, family: int, address: tuple[Any, ...], deadline: Deadline, tls: ssl.SSLContext | None
) -> socket.socket:
    opened = _dial(origin, family, address, deadline)
    try:
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not origin.secure:
            return opened
        opened.settimeout(deadline.remaining())
        return (tls or default_tls()).wrap_socket(opened, server_hostname=origin.name)
    except BaseException:
        opened.close()
        raise


def _dial(origin: Origin, family: int, address: tuple[Any, ...], deadline: Deadline) -> socket.socket:
    proxy = proxy_for(origin)
    if proxy is not None:
        return proxy.open_tunnel(address[0], address[1], deadline)
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.settimeout(deadline.remaining())
        opened.connect(address)
    except BaseException:
        opened.close()
        raise
    return opened


class Connection:
    """An open connection. `deadline` bounds all that is done on it, `stall_seconds` each single operation.

    An operation is the reading of one head, or one whole call of `read_into` or `sendall`: a peer that moves a single
    byte now and then is too slow, too. Both raise TimeoutError.
    """

    def __init__(self, connected: socket.socket, origin: Origin) -> None:
        self._socket = connected
        self._origin = origin
        self.deadline = Deadline(0)
        self.stall_seconds = math.inf
        self._receive = _receiver(connected)
        self._buffered = bytearray()
        """What came together with a head or a chunk's line, and wasn't read yet."""
        self._failure: OSError | None = None
        self._method = ""

    def request(self, method: str, target: str, *, headers: Mapping[str, str], body: bytes | None = None) -> Response:
        """Sends a request and returns the response when its head has come.

        Raises OSError, BadResponseError among it, and ValueError (nothing sent) for what a head can't carry.
        """
        self.send_head(method, target, headers=headers, body=body)
        return self.get_response()

    def send_head(self, method: str, target: str, *, headers: Mapping[str, str], body: bytes | None = None) -> None:
        """Sends a request; a body that Content-Length announces and `body` isn't is sent by `sendall` afterwards."""
        head = request_head(self._origin, method, target, headers, None if body is None else len(body))
        self._method = method
        self.sendall(head + (body or b""))

    def get_response(self) -> Response:
        """Returns the response to what `send_head` has sent, when its head has come. Other 1xx than 101 are skipped."""
        for _ in range(MAX_INFORMATIONAL + 1):
            head = parse_head(self._read_head())
            if head.status == 101:
                raise BadResponseError("the server changes to another protocol, which nobody asked for")
            if head.status >= 200:
                return Response(self, head, has_body=self._method != "HEAD")
        raise BadResponseError(f"more than {MAX_INFORMATIONAL} responses of 1xx")

    def read_into(self, view: memoryview) -> int:
        """Fills `view` with the next bytes; returns fewer only when the connection has ended or failed.

        What came before a failure isn't lost: it is returned, and the next call raises.
        """
        got, wanted = self._take_buffered(view), len(view)
        if self._failure is not None:
            raise self._failure
        try:
            limit = self._set_timeout()
            receive, monotonic = self._receive, time.monotonic
            begun = monotonic()
            unhurried = begun + limit / 8
            while got < wanted:
                received = receive(wanted - got, view[got:])
                if not received:
                    break
                got += received
                if monotonic() > unhurried:
                    self._reduce_timeout(limit, monotonic() - begun)
        except OSError as error:
            self._failure = error
            if not got:
                raise
        return got

    def read_line(self, max_bytes: int) -> bytes:
        """Returns the next line without its end; raises BadResponseError for one that is cut short or too long."""
        limit = self._set_timeout()
        begun = time.monotonic()
        while (end := self._buffered.find(b"\n")) < 0 and len(self._buffered) <= max_bytes:
            self._receive_more(limit, begun, "a line")
        if not 0 <= end <= max_bytes:
            raise BadResponseError(f"a line of more than {max_bytes} bytes")
        line = bytes(self._buffered[:end])
        del self._buffered[: end + 1]
        return line.rstrip(b"\r")

    def _read_head(self) -> bytes:
        limit = self._set_timeout()
        begun = time.monotonic()
        searched = 0
        while (end := find_end(self._buffered, searched)) is None:
            searched = len(self._buffered)
            self._receive_more(limit, begun, "the response's head")
        head = bytes(self._buffered[:end])
        del self._buffered[:end]
        return head

    def _receive_more(self, limit: float, begun: float, what: str) -> None:
        received = self._socket.recv(_HEAD_PIECE)
        if not received:
            place = f"within {what}" if self._buffered else f"before {what}"
            raise BadResponseError(f"the connection ended {place}")
        self._buffered += received
        self._reduce_timeout(limit, time.monotonic() - begun)

    def _take_buffered(self, view: memoryview) -> int:
        """Takes what came together with the response's head; returns how many bytes that is."""
        taken = min(len(view), len(self._buffered))
        if taken:
            view[:taken] = self._buffered[:taken]
            del self._buffered[:taken]
        return taken

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
        if self._buffered or (isinstance(self._socket, ssl.SSLSocket) and self._socket.pending()):
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


def _receiver(connected: socket.socket) -> Callable[[int, memoryview], int]:
    """Returns what fills a view of so many bytes. Under TLS a call gives a record of 16 KiB: each wrapper costs CPU."""
    if isinstance(connected, ssl.SSLSocket):
        return connected.read  # pyright: ignore[reportReturnType] - an int, given a buffer
    receive = connected.recv_into
    return lambda _, view: receive(view)
