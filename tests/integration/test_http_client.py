"""The HTTPS client against peers that answer well, badly, slowly and not at all, over real sockets."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from clipferry.errors import ConfigurationError, NoAnswerError, RequestNotSentError
from clipferry.net import pool
from clipferry.net.connection import connect
from clipferry.net.deadline import Deadline
from clipferry.net.http_client import HttpClient, HttpResponse
from clipferry.net.request_head import Origin
from local.certificates import make_certificate, serving_tls, trusting
from tests.peer import Behaviour, Peer, raw_peer

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@contextmanager
def answering(*answers: bytes) -> Iterator[tuple[HttpClient, Peer]]:
    """A client, and a peer that gives these answers in turn on each connection, then ends it."""

    def behave(peer: Peer, connection: socket.socket) -> None:
        for answer in answers:
            if not peer.read_request(connection):
                return
            connection.sendall(answer)

    with asking(behave) as (client, peer):
        yield client, peer


@contextmanager
def asking(behave: Behaviour) -> Iterator[tuple[HttpClient, Peer]]:
    with raw_peer(behave) as peer, closing(HttpClient(peer.url, allow_plain_http=True)) as client:
        yield client, peer


def ask(client: HttpClient, path: str = "/", **changes: Any) -> HttpResponse:
    settings: dict[str, Any] = {"headers": {}, "body": None, "connect_timeout": 5, "timeout": 20, "max_bytes": 1000}
    return client.request("POST" if changes.get("body") is not None else "GET", path, **(settings | changes))


def test_an_answer_comes_whole_whatever_its_status() -> None:
    teapot = b"HTTP/1.1 418 Tea\r\nContent-Type: text/plain\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 3\r\n\r\ntea"
    with answering(teapot) as (client, _):
        assert ask(client) == HttpResponse(
            418, {"content-type": "text/plain", "x-a": "1, 2", "content-length": "3"}, b"tea"
        )


def test_what_is_sent_is_what_was_asked_for() -> None:
    with answering(OK) as (client, peer):
        ask(client, "/v1/tasks?a=b%20c", headers={"Authorization": "Bearer x"}, body=b'{"a":1}')

    head, body = peer.requests[0].split(b"\r\n\r\n")
    assert head.split(b"\r\n") == [
        b"POST /v1/tasks?a=b%20c HTTP/1.1",
        b"Host: 127.0.0.1:%d" % peer.port,
        b"Accept-Encoding: identity",
        b"Content-Length: 7",
        b"User-Agent: clipferry",
        b"Authorization: Bearer x",
    ]
    assert body == b'{"a":1}'


def test_the_path_of_the_base_goes_first() -> None:
    with answering(OK) as (_, peer):
        client = HttpClient(f"{peer.url}/api/", allow_plain_http=True)
        ask(client, "/v1")
        client.close()

    assert peer.requests[0].startswith(b"GET /api/v1 HTTP/1.1\r\n")


def test_a_redirect_is_an_answer_like_any_other() -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    with answering(moved) as (client, _):
        assert ask(client).status == 302


CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nContent-Length: 9\r\n\r\n"


@pytest.mark.parametrize("before", [CONTINUE, b"HTTP/1.1 102 Processing\r\n\r\n" + HINTS, HINTS * 8])
def test_answers_before_the_one_that_counts_are_skipped(before: bytes) -> None:
    with answering(before + OK, OK) as (client, peer):
        assert [ask(client).body, ask(client).body] == [b"ok", b"ok"]
        assert peer.connections == 1


@pytest.mark.parametrize(
    ("before", "message"),
    [(HINTS * 9, "more than 8 responses"), (b"HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\n\r\n", "another protocol")],
)
def test_answers_before_without_end_and_another_protocol_are_refused(before: bytes, message: str) -> None:
    with answering(before + OK) as (client, _), pytest.raises(NoAnswerError, match=message):
        ask(client)


def test_a_connection_is_kept_for_the_next_request() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
    empty = b"HTTP/1.1 204 No Content\r\n\r\n"
    with answering(OK, chunked, empty, OK) as (client, peer):
        assert [ask(client).body for _ in range(4)] == [b"ok", b"ok", b"", b"ok"]
        assert peer.connections == 1


def test_a_connection_that_the_peer_closed_while_idle_is_not_used_again() -> None:
    with answering(OK) as (client, peer):
        for _ in range(3):
            assert ask(client).body == b"ok"
            peer.wait_for_connections()
        assert peer.connections == 3


def test_a_connection_with_stray_bytes_on_it_is_not_used_again() -> None:
    with answering(OK + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged", OK) as (client, peer):
        assert [ask(client).body, ask(client).body] == [b"ok", b"ok"]
        assert peer.connections <= 2


def test_an_old_idle_connection_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "IDLE_SECONDS", 0)
    with answering(OK, OK) as (client, peer):
        ask(client), ask(client)
        assert peer.connections == 2


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", b"HTTP/1.0 200 OK\r\n\r\nok"],
)
def test_a_connection_that_the_answer_ends_is_not_used_again(answer: bytes) -> None:
    with answering(answer) as (client, peer):
        assert [ask(client).body, ask(client).body] == [b"ok", b"ok"]
        assert peer.connections == 2


def test_threads_share_a_client() -> None:
    def behave(peer: Peer, connection: socket.socket) -> None:
        while request := peer.read_request(connection):
            path = request.split(b" ")[1]
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(path), path))

    with asking(behave) as (client, peer), ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda number: ask(client, f"/{number}").body, range(200)))

    assert answers == [f"/{number}".encode() for number in range(200)]
    assert peer.connections <= 200


def test_nothing_is_sent_to_a_port_that_refuses() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        client = HttpClient(f"http://127.0.0.1:{taken.getsockname()[1]}", allow_plain_http=True)
        with pytest.raises(RequestNotSentError, match="ConnectionRefusedError"):
            ask(client)


def test_nothing_is_sent_to_a_name_that_does_not_exist() -> None:
    with pytest.raises(RequestNotSentError, match=r"nowhere\.invalid"):
        ask(HttpClient("https://nowhere.invalid", allow_plain_http=False))


def test_nothing_is_sent_to_a_name_that_cannot_exist() -> None:
    with pytest.raises(RequestNotSentError):
        ask(HttpClient(f"https://{'x' * 64}.example", allow_plain_http=False))


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 two OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000 + b"\r\n\r\n",
    ],
)
def test_an_incomplete_or_senseless_answer_leaves_the_outcome_unknown(answer: bytes) -> None:
    with answering(answer) as (client, peer):
        with pytest.raises(NoAnswerError):
            ask(client, body=b"order")
        assert len(peer.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n123456",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n123456\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n123456",
    ],
)
def test_an_answer_may_be_as_long_as_it_may_be_and_no_longer(answer: bytes) -> None:
    with answering(answer) as (client, _):
        assert ask(client, max_bytes=6).body == b"123456"
    with answering(answer) as (client, _), pytest.raises(NoAnswerError, match="longer than 5 bytes"):
        ask(client, max_bytes=5)


@pytest.mark.parametrize(
    "start", [b"HTTP/1.1 200 O", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n"]
)
def test_a_peer_that_drips_for_ever_is_left_at_the_deadline(start: bytes) -> None:
    def behave(peer: Peer, connection: socket.socket) -> None:
        peer.read_request(connection)
        connection.sendall(start)
        while not peer.stopping.wait(0.01):
            connection.sendall(b"x")

    with asking(behave) as (client, _), pytest.raises(NoAnswerError, match="TimeoutError"):
        ask(client, timeout=0.3, max_bytes=10**7)


def never_answer(peer: Peer, _connection: socket.socket) -> None:
    peer.stopping.wait()


def test_a_peer_that_never_answers_is_left_at_the_deadline() -> None:
    with asking(never_answer) as (client, _):
        with pytest.raises(NoAnswerError, match="TimeoutError"):
            ask(client, timeout=0.2)
        with pytest.raises(NoAnswerError, match="TimeoutError"):
            ask(client, body=bytes(50_000_000), timeout=0.3)  # more than the system takes off our hands


@pytest.mark.parametrize(
    ("url", "allow_plain_http"),
    [
        ("http://example.com", False),
        ("ftp://example.com", True),
        ("example.com", True),
        ("https://", True),
        ("https://user:key@example.com", True),
        ("https://example.com:port", True),
        ("https://example.com/?a=b", True),
        ("https://[::1", True),
    ],
)
def test_a_base_that_is_no_plain_https_origin_is_refused(url: str, allow_plain_http: bool) -> None:
    with pytest.raises(ConfigurationError):
        HttpClient(url, allow_plain_http=allow_plain_http)


@pytest.mark.parametrize("path", ["", "tasks", "/a b", "/a\r\nX: y", "/ä"])
def test_a_target_that_http_cannot_carry_is_the_callers_mistake(path: str) -> None:
    with pytest.raises(ValueError, match="not a request target"):
        ask(HttpClient("https://example.com", allow_plain_http=False), path)


def test_a_header_that_http_cannot_carry_is_never_sent() -> None:
    with answering(OK) as (client, peer), pytest.raises(ValueError, match="Invalid header value"):
        ask(client, headers={"Authorization": "Bearer x\r\nX-Admin: yes"})
    assert peer.requests == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("tls") / "localhost.pem", "localhost")


def test_tls_is_spoken_and_kept(certificate: Path) -> None:
    def behave(peer: Peer, connection: socket.socket) -> None:
        while peer.read_request(connection):
            connection.sendall(OK)

    with raw_peer(behave, serving_tls(certificate)) as peer:
        client = HttpClient(f"https://localhost:{peer.port}", allow_plain_http=False, tls=trusting(certificate))
        assert [ask(client).body for _ in range(3)] == [b"ok"] * 3
        client.close()
    assert peer.connections == 1


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_nothing_is_sent_to_a_peer_that_cannot_prove_its_name(certificate: Path, host: str) -> None:
    """The one is signed by nobody we know, the other is signed for another name."""
    tls = None if host == "localhost" else trusting(certificate)
    with raw_peer(Peer.read_request, serving_tls(certificate)) as peer:
        client = HttpClient(f"https://{host}:{peer.port}", allow_plain_http=False, tls=tls)
        with pytest.raises(RequestNotSentError, match="SSLCertVerificationError"):
            ask(client, body=b"order")
    assert peer.requests == []


def test_nothing_is_sent_to_a_peer_that_never_shakes_hands() -> None:
    with raw_peer(never_answer) as peer, pytest.raises(RequestNotSentError, match="TimeoutError"):
        ask(HttpClient(f"https://127.0.0.1:{peer.port}", allow_plain_http=False), body=b"order", connect_timeout=0.2)


def test_the_next_address_of_a_name_is_tried() -> None:
    with answering(OK) as (_, peer), socket.socket() as dead:
        dead.bind(("127.0.0.1", 0))
        found = [(socket.AF_INET, 0, 0, "", ("127.0.0.1", port)) for port in (dead.getsockname()[1], peer.port)]
        connection = connect(Origin(secure=False, name="localhost", port=80), found, deadline=Deadline(5))
        connection.deadline = Deadline(5)
        assert connection.request("GET", "/", headers={}).status == 200
        connection.close()
