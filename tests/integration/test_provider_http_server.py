"""The HTTP side of the fake providers, with the kinds of reply that a client should survive."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, IncompleteRead, RemoteDisconnected
from urllib.parse import urlsplit

import pytest

from local.providers.http_server import NoReply, Reply, Request, WebServer

PATIENCE = 30.0


def answer(request: Request) -> Reply | NoReply:
    """By path; an echo of the body elsewhere."""
    match request.path:
        case "/held":
            return NoReply.HOLD
        case "/cut":
            return NoReply.HANG_UP
        case "/short":
            return Reply(status=200, body=b"short", headers={"Content-Length": "10"})
        case _ if request.body is None:
            return Reply(status=413)
    return Reply(status=200, body=request.body, headers={"X-Query": request.query})


@pytest.fixture
def server() -> Iterator[WebServer]:
    server = WebServer(body_limit=100)
    with server.serving(answer):
        yield server


@pytest.fixture
def connection(server: WebServer) -> Iterator[HTTPConnection]:
    with closing(HTTPConnection(urlsplit(server.url).netloc, timeout=PATIENCE)) as connection:
        yield connection


def post(connection: HTTPConnection, path: str, body: bytes) -> tuple[int, bytes]:
    connection.request("POST", path, body)
    with connection.getresponse() as response:
        return response.status, response.read()


def test_one_connection_serves_many_requests_whatever_they_are_answered(connection: HTTPConnection) -> None:
    sockets, answers = set(), []
    for body in (b"one", b"x" * 100, b"x" * 101, b"y" * 5_000_000, b""):
        answers.append(post(connection, "/echo", body))
        sockets.add(connection.sock)

    assert answers == [(200, b"one"), (200, b"x" * 100), (413, b""), (413, b""), (200, b"")]
    assert len(sockets) == 1


def test_the_query_is_kept_apart_from_the_path(connection: HTTPConnection) -> None:
    connection.request("GET", "/echo?a=1&b=%2B?")
    with connection.getresponse() as response:
        assert response.headers["X-Query"] == "a=1&b=%2B?"


def test_a_head_is_the_answer_without_its_body(connection: HTTPConnection) -> None:
    connection.request("HEAD", "/echo", b"body")
    with connection.getresponse() as response:
        assert (response.headers["Content-Length"], response.read()) == ("4", b"")


@pytest.mark.parametrize(
    "headers", [{"Transfer-Encoding": "chunked"}, {"Content-Length": "-1"}, {"Content-Length": "9" * 5000}]
)
def test_a_body_without_a_proper_length_is_refused(connection: HTTPConnection, headers: dict[str, str]) -> None:
    connection.putrequest("POST", "/echo")
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()

    with connection.getresponse() as response:
        assert response.status == 411
        assert response.headers["Connection"] == "close"


def test_a_connection_can_be_cut(connection: HTTPConnection) -> None:
    with pytest.raises(RemoteDisconnected):
        post(connection, "/cut", b"")


def test_a_connection_can_be_held(server: WebServer) -> None:
    with closing(HTTPConnection(urlsplit(server.url).netloc, timeout=0.05)) as impatient, pytest.raises(TimeoutError):
        post(impatient, "/held", b"")


def test_a_body_can_be_shorter_than_promised(connection: HTTPConnection) -> None:
    with pytest.raises(IncompleteRead) as short:
        post(connection, "/short", b"")

    assert (short.value.partial, short.value.expected) == (b"short", 5)


def test_a_client_that_leaves_in_mid_send_is_forgotten(
    server: WebServer, connection: HTTPConnection, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.create_connection(("127.0.0.1", server.server_address[1])) as leaving:
        leaving.sendall(b"POST /echo HTTP/1.1\r\nContent-Length: 50\r\n\r\nhalf")

    assert post(connection, "/echo", b"still here") == (200, b"still here")
    assert capfd.readouterr().err == ""


def test_the_end_closes_every_connection_and_joins_every_thread() -> None:
    before = set(threading.enumerate())
    server = WebServer(body_limit=100)
    with (
        closing(HTTPConnection(urlsplit(server.url).netloc, timeout=PATIENCE)) as idle,
        closing(HTTPConnection(urlsplit(server.url).netloc, timeout=PATIENCE)) as held,
    ):
        with server.serving(answer):
            assert post(idle, "/echo", b"") == (200, b"")
            held.request("GET", "/held")
        with pytest.raises((RemoteDisconnected, ConnectionResetError)):
            held.getresponse()

    assert set(threading.enumerate()) <= before
