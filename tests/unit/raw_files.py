"""Files from a peer on a real socket, byte for byte as a test wants them, and the rules by which they are fetched."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from clipferry.net.safe_get import Rules
from tests.peer import Peer, raw_peer

BODY = bytes(range(256)) * 8
HEAD = b'HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nETag: "abc"\r\nContent-Length: %d\r\n\r\n'
FILE = HEAD % len(BODY) + BODY


@contextmanager
def serving(
    answers: dict[str, bytes] | None = None, *, tls: ssl.SSLContext | None = None, holds: bool = False, **named: bytes
) -> Iterator[Peer]:
    """Answers each connection once, with the path's bytes; then closes it, or keeps it open."""
    by_path = {f"/{name}": answer for name, answer in named.items()} if answers is None else answers

    def behave(server: Peer, connection: socket.socket) -> None:
        connection.sendall(by_path[server.read_request(connection).split(b" ")[1].decode()])
        if holds:
            server.stopping.wait()

    with raw_peer(behave, tls) as server:
        yield server


def rules_for(**changes: Any) -> Rules:
    return Rules(**({"allow_loopback": True} | changes))


def naming(*answers: str | list[str]) -> Callable[..., list[Any]]:
    """A resolver that gives these addresses in turn, and fails when it is asked once more."""
    remaining = list(answers)

    def resolve(_name: str, port: int, **_: object) -> list[Any]:
        answer = remaining.pop(0)
        found: list[Any] = []
        for address in [answer] if isinstance(answer, str) else answer:
            family, rest = (socket.AF_INET6, (0, 0)) if ":" in address else (socket.AF_INET, ())
            found.append((family, socket.SOCK_STREAM, 6, "", (address, port, *rest)))
        return found

    return resolve
