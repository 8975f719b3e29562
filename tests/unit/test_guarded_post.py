"""The guarded POST: where it goes, and that no receiver, however strange, holds it up."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from clipferry.errors import NoAnswerError, RequestNotSentError
from clipferry.net.guarded_post import PostAnswer, post
from clipferry.net.safe_get import Rules
from tests.peer import Peer, raw_peer

BODY = b'{"type": "video.completed"}'
LOOPBACK = Rules(allow_loopback=True)


@contextmanager
def receiving(answer: Callable[[socket.socket], None]) -> Iterator[Peer]:
    """Reads the request, runs `answer` with the socket, and stays until it is hung up on."""

    def behave(receiver: Peer, connection: socket.socket) -> None:
        receiver.read_request(connection)
        answer(connection)
        while connection.recv(65536):
            pass

    with raw_peer(behave) as receiver:
        yield receiver


def saying(text: bytes) -> Callable[[socket.socket], None]:
    return lambda connection: connection.sendall(text)


def endlessly(first: bytes, then: bytes) -> Callable[[socket.socket], None]:
    """Sends for as long as somebody listens."""

    def answer(connection: socket.socket) -> None:
        connection.sendall(first)
        while True:
            connection.sendall(then)

    return answer


def send(url: str, *, seconds: float = 15, rules: Rules = LOOPBACK) -> PostAnswer:
    return post(url, headers={"webhook-id": "evt_1"}, body=BODY, rules=rules, seconds=seconds)


def test_the_request_is_one_post_with_its_headers_and_body() -> None:
    with receiving(saying(b"HTTP/1.1 204 No Content\r\n\r\n")) as receiver:
        assert send(f"{receiver.url}/hook?of=ann") == PostAnswer(204, None)

    [request] = receiver.requests
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /hook?of=ann HTTP/1.1\r\n")
    assert b"\r\nwebhook-id: evt_1" in head
    assert b"\r\nContent-Length: %d" % len(BODY) in head
    assert body == BODY


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (b"HTTP/1.1 429 Slow\r\nRetry-After: 120\r\n\r\n", PostAnswer(429, "120")),
        (b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n", PostAnswer(410, None)),
        (b"HTTP/1.1 307 Elsewhere\r\nLocation: http://169.254.169.254/\r\n\r\n", PostAnswer(307, None)),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n", PostAnswer(200, None)),
    ],
)
def test_every_status_is_an_answer_and_a_redirect_is_not_followed(answer: bytes, found: PostAnswer) -> None:
    with receiving(saying(answer)) as receiver:
        assert send(receiver.url) == found
        assert len(receiver.requests) == 1


def test_a_body_without_end_is_not_read() -> None:
    with receiving(endlessly(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536)) as receiver:
        assert send(receiver.url) == PostAnswer(200, None)
        assert receiver.ended.wait(30)


@pytest.mark.parametrize(
    "answer",
    [
        saying(b""),
        saying(b"HTTP/1.1 200 OK\r\n"),
        endlessly(b"HTTP/1.1 200 OK\r\n", b"X-More: and more\r\n"),
        endlessly(b"HTTP/1.1 200 OK\r\nX-Long: ", b"x" * 65536),
        saying(b"SSH-2.0-OpenSSH_9.9\r\n"),
    ],
    ids=["silent", "half a head", "headers without end", "a header without end", "not HTTP"],
)
def test_a_receiver_without_a_proper_head_ends_with_the_time(answer: Callable[[socket.socket], None]) -> None:
    with receiving(answer) as receiver:
        with pytest.raises(NoAnswerError):
            send(receiver.url, seconds=0.5)
        assert receiver.ended.wait(30)


def test_nobody_listening_means_that_nothing_was_sent() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(RequestNotSentError):
            send(f"http://127.0.0.1:{taken.getsockname()[1]}/")


def resolving(address: str, asked: list[str] | None = None) -> Callable[..., Any]:
    def resolve(name: str, port: int, **_: object) -> list[Any]:
        if asked is not None:
            asked.append(name)
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [(family, socket.SOCK_STREAM, 6, "", (address, port))]

    return resolve


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fd00::1", "0.0.0.0"])
def test_a_name_that_leads_to_a_private_address_is_not_connected_to(address: str) -> None:
    with pytest.raises(RequestNotSentError, match="not public HTTPS"):
        send("https://hook.example.com/", rules=Rules(resolve=resolving(address)))


@pytest.mark.parametrize(
    "url", ["http://hook.example.com/", "https://hook.example.com:8443/", "https://a@hook.example.com/", "ftp://a.b/"]
)
def test_only_public_https_on_its_own_port_is_connected_to(url: str) -> None:
    with pytest.raises(RequestNotSentError):
        send(url, rules=Rules(resolve=resolving("93.184.216.34")))


def test_the_name_is_looked_up_once_and_the_address_that_was_checked_is_connected_to() -> None:
    """Else a name server could show a public address first and a private one then."""
    asked: list[str] = []
    with receiving(saying(b"HTTP/1.1 200 OK\r\n\r\n")) as receiver:
        url = receiver.url.replace("127.0.0.1", "hook.example.com")
        assert send(url, rules=Rules(resolve=resolving("127.0.0.1", asked), allow_loopback=True)).status == 200

    assert asked == ["hook.example.com"]
    assert b"\r\nHost: hook.example.com" in receiver.requests[0]
