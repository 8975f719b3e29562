"""Fixtures of the mirror's tests: a source that serves ranges and fails on request, and a strict R2."""

from __future__ import annotations

import hashlib
import random
import re
import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from clipferry.storage import Storage
from clipferry.transfer.interface import TransferConfig
from local.r2.server import FakeR2
from tests import boxes

PART = 64 * 1024
"""Bytes: small parts make quick tests, and the fake R2 is told to take them."""
KEY = "videos/vid_1.mp4"


def film(size: int, seed: int = 0) -> bytes:
    """Returns a film of as many bytes as asked for, or the beginning of one where they are few; no two seeds alike.

    Its boxes are right and its pictures are random, so that nothing can be decoded.
    """
    one = boxes.Track(samples=1, ticks=24)
    header_bytes = len(boxes.film(one, rows=False)) - one.size
    one = replace(one, sample_bytes=max(size - header_bytes, 1))
    made = boxes.film(one, rows=False, length=1000)
    return (made[:header_bytes] + random.Random(seed).randbytes(one.size))[:size]


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass
class Behaviour:
    """How the source serves its file. Faults happen to the requests `skip` … `skip + times - 1`."""

    content: bytes
    fault: str = ""
    times: int = 1
    skip: int = 0
    after: int = 1000
    """Bytes of the answer's body before it goes wrong."""
    ranges: bool = True
    etag: bool = True
    nodes: int = 1
    """Servers behind the address, asked in turn, each with an ETag of its own for the same file."""
    keep_alive: bool = True
    rate: float = 0
    """Bytes a second and connection; 0 is as fast as it goes."""
    changed: bytes = b""
    hangs_up_after: int = 0
    """Bytes of each answer; 0 is never. A worker that is alone asks again only then."""
    holds_after: int = 0
    """Bytes of all answers together; 0 is never. Then nothing more comes until `go_on`, which ends those answers."""
    go_on: threading.Event = field(default_factory=threading.Event)
    requests: int = 0
    sent: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FilmServer  # type: ignore[assignment]

    def do_GET(self) -> None:
        film = self.server.behaviour
        with film.lock:
            place = film.requests
            film.requests += 1
        fault = film.fault if film.skip <= place < film.skip + film.times else ""
        if not film.keep_alive:
            self.close_connection = True
        if fault in ("404", "403", "410", "500", "503"):
            return self._answer(int(fault), {"Content-Length": "0"})
        if fault == "loop":
            return self._answer(302, {"Location": self.path, "Content-Length": "0"})
        if fault == "html":
            page = b"<!DOCTYPE html><html>Sorry</html>"
            return self._answer(200, {"Content-Length": str(len(page)), "Content-Type": "text/html"}, page)
        if fault == "changed":
            film.content, film.fault = film.changed, ""
        if fault == "drop":
            self.close_connection = True
            return None
        return self._serve(film, fault, node=place % film.nodes)

    def _serve(self, film: Behaviour, fault: str, node: int) -> None:
        content = film.content
        etag = f'"{hashlib.md5(content).hexdigest()}-{node}"'
        headers = {"Content-Type": "video/mp4"} | ({"ETag": etag} if film.etag else {})
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        status, body = 200, content
        if film.ranges and asked and self.headers.get("If-Range", etag) == etag:
            start, last = int(asked[1]), min(int(asked[2]), len(content) - 1)
            if start >= len(content):
                return self._answer(416, {"Content-Range": f"bytes */{len(content)}", "Content-Length": "0"})
            if fault == "whole range":
                start, last = 0, len(content) - 1
            status, body = 206, content[start : last + 1]
            headers["Content-Range"] = f"bytes {start}-{last}/{'*' if fault == 'unknown size' else len(content)}"
        if fault == "chunked":
            headers["Transfer-Encoding"] = "chunked"
        elif fault == "unknown length":
            self.close_connection = True
        else:
            headers["Content-Length"] = str(len(body) + (fault == "longer") - (fault == "shorter"))
        if fault == "announces more":  # in every way, and ends where it really ends
            start = int(asked[1]) if status == 206 and asked else 0
            end = min(int(asked[2]) + 1, len(content) + 10_000) if status == 206 and asked else len(content) + 10_000
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(content) + 10_000}"
            headers["Content-Length"] = str(end - start)
            self.close_connection = True
        return self._answer(status, headers, body, fault)

    def _answer(self, status: int, headers: dict[str, str], body: bytes = b"", fault: str = "") -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self._send(body, fault)

    def _send(self, body: bytes, fault: str) -> None:
        film = self.server.behaviour
        cut = film.after if fault in ("early end", "reset", "stall", "drip") else film.hangs_up_after or len(body)
        step = max(int(film.rate / 50), 1) if film.rate else 1 << 16
        for start in range(0, min(cut, len(body)), step):
            piece = body[start : min(start + step, cut)]
            if film.holds_after and film.sent >= film.holds_after and not film.go_on.is_set():
                film.go_on.wait()
                self.close_connection = True
                return
            self.wfile.write(piece)
            with film.lock:
                film.sent += len(piece)
            if film.rate:
                self.server.stopping.wait(len(piece) / film.rate)
        if cut >= len(body):
            return
        self.close_connection = True
        if fault == "stall":
            self.server.stopping.wait(30)
        if fault == "drip":
            for place in range(cut, len(body)):
                self.wfile.write(body[place : place + 1])
                if self.server.stopping.wait(0.05):
                    return
        if fault == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


class FilmServer(ThreadingHTTPServer):
    """One film at any path, as `behaviour` says."""

    daemon_threads = False
    request_queue_size = 128

    def __init__(self, behaviour: Behaviour, tls: ssl.SSLContext | None = None) -> None:
        self.behaviour = behaviour
        self._tls = tls
        self.stopping = threading.Event()
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http{'s://localhost' if tls else '://127.0.0.1'}:{self.server_port}/film.mp4"

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._tls is not None:
            connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        self.stopping.set()
        self.behaviour.go_on.set()
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        assert isinstance(sys.exception(), OSError), sys.exception()


@contextmanager
def serving(behaviour: Behaviour, tls: ssl.SSLContext | None = None) -> Iterator[FilmServer]:
    server = FilmServer(behaviour, tls)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.hang_up()
        server.server_close()
        thread.join()


def storage_for(r2: FakeR2, *, tls: ssl.SSLContext | None = None, **config: Any) -> Storage:
    """Parallel and in parts from the first window on, unless the configuration says otherwise."""
    values = {"part_size": PART, "workers": 3, "cpus": 1000.0, "single_seconds": 0.0} | config
    return Storage(
        endpoint=r2.url,
        region="auto",
        access_key=r2.access_key,
        secret_key=r2.secret_key,
        bucket=r2.name,
        public_domain="https://cdn.example.com",
        allow_loopback=True,
        config=TransferConfig(**values),
        tls=tls,
    )


@contextmanager
def strict_r2(**options: Any) -> Iterator[FakeR2]:
    with FakeR2(**({"min_part": PART} | options)) as r2:
        yield r2
