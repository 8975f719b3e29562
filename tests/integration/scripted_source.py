"""A source whose every answer is written out: what servers send that no HTTP library of a test would let them send."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

ETAG = '"v1"'


@dataclass(frozen=True, kw_only=True)
class Ask:
    """A request; `number` counts them from 0, over all connections. `start` and `last` are those of its range."""

    number: int
    path: str
    start: int | None
    last: int | None
    if_range: str | None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What is sent. The connection is closed after it, or reset, unless `keeps` is True."""

    sent: bytes
    keeps: bool = True
    resets: bool = False


Script = Callable[[Ask], Answer]


def head(status: str, *lines: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode("latin-1")


def empty(status: str, *lines: str) -> Answer:
    return Answer(sent=head(status, "Content-Length: 0", *lines))


def whole(content: bytes, *lines: str) -> Answer:
    return Answer(sent=head("200 OK", f"Content-Length: {len(content)}", *lines) + content)


def given(content: bytes, start: int, end: int, *lines: str, length: str | None = None) -> Answer:
    """The bytes `start` to `end` (exclusive); `length` is the header line that says how many, if it isn't the usual."""
    said = f"Content-Length: {end - start}" if length is None else length
    range_line = f"Content-Range: bytes {start}-{end - 1}/{len(content)}"
    return Answer(sent=head("206 Partial Content", *filter(None, [said]), range_line, *lines) + content[start:end])


def asked_range(ask: Ask, content: bytes) -> tuple[int, int]:
    """The range that was asked for, exclusive, as far as there is one."""
    assert ask.start is not None
    assert ask.last is not None
    return ask.start, min(ask.last + 1, len(content))


def plain(ask: Ask, content: bytes, *lines: str) -> Answer:
    """What a good server answers."""
    if ask.start is None or ask.if_range not in (None, ETAG):
        return whole(content, f"ETag: {ETAG}", *lines)
    return given(content, *asked_range(ask, content), f"ETag: {ETAG}", *lines)


def chunked(content: bytes, size: int = 7000) -> bytes:
    pieces = [content[place : place + size] for place in range(0, len(content), size)]
    return b"".join(b"%x;a=b\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\nTrailer: x\r\n\r\n"


class ScriptedSource:
    """Serves `script` on a free port; `asked` is every request, in the order of their numbers."""

    def __init__(self, script: Script) -> None:
        self.asked: list[Ask] = []
        self._script = script
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self._open: list[socket.socket] = []
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/film.mp4"
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    def paths(self) -> list[str]:
        return [ask.path for ask in self.asked]

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(connection)
            self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
            self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while (request := self._read(connection)) is not None:
                with self._lock:
                    ask = self._ask(request)
                    self.asked.append(ask)
                    answer = self._script(ask)
                connection.sendall(answer.sent)
                if answer.resets:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                if not answer.keeps:
                    return

    def _read(self, connection: socket.socket) -> str | None:
        heard = b""
        while b"\r\n\r\n" not in heard:
            piece = connection.recv(65536)
            if not piece:
                return None
            heard += piece
        return heard.decode("latin-1")

    def _ask(self, request: str) -> Ask:
        found = re.search(r"\r\nRange: bytes=(\d+)-(\d+)\r\n", request)
        condition = re.search(r"\r\nIf-Range: ([^\r]*)\r\n", request)
        return Ask(
            number=len(self.asked),
            path=request.split(" ")[1],
            start=int(found[1]) if found else None,
            last=int(found[2]) if found else None,
            if_range=condition[1] if condition else None,
        )

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._accepting.join()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()


@contextmanager
def scripted(script: Script) -> Iterator[ScriptedSource]:
    source = ScriptedSource(script)
    try:
        yield source
    finally:
        source.close()
