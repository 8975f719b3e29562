"""The local stack's HTTP server, with the kinds of response that a client should survive."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, IncompleteRead, RemoteDisconnected
from urllib.parse import urlsplit

import pytest

from local.http.messages import NoResponse, Request, Response
from local.http.server import HttpServer

PATIENCE = 30.0


def answer(request: Request) -> Response | NoResponse:
    """By path; an echo of the body elsewhere."""
    match request.path:
        case "/held":
            return NoResponse.HOLD
        case "/cut":
            return NoResponse.HANG_UP
        case "/short":
            return Response(status=200, body=b"short", headers={"Content-Length": "10"})
        case _ if request.body is None:
            return Response(status=413)
    return Response(status=200, body=request.body, headers={"X-Query": request.query})


@pytest.fixture
def server() -> Iterator[HttpServer]:
    server = HttpServer()
    with server.serving(answer, body_limit=100):
        yield server


@pytest.fixture
def connection(server: HttpServer) -> Iterator[HTTPConnection]:
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
    "headers", [{"Transfer-Encoding": "gzip"}, {"Content-Length": "-1"}, {"Content-Length": "9" * 5000}]
)
def test_a_body_without_a_proper_length_is_refused(connection: HTTPConnection, headers: dict[str, str]) -> None:
    connection.putrequest("POST", "/echo")
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()

    with connection.getresponse() as response:
        assert response.status == 400
        assert response.headers["Connection"] == "close"


@pytest.mark.parametrize(("pieces", "status"), [([b"one,", b"two"], 200), ([b"x" * 60] * 2, 413)])
def test_a_chunked_body_is_read_to_its_end(connection: HTTPConnection, pieces: list[bytes], status: int) -> None:
    connection.request("POST", "/echo", iter(pieces))
    with connection.getresponse() as response:
        assert (response.status, response.read()) == (status, b"".join(pieces) if status == 200 else b"")
    assert post(connection, "/echo", b"after it") == (200, b"after it")


@pytest.mark.parametrize("chunk", [b"x\r\n", b"\r\n"])
def test_a_chunk_without_a_proper_size_is_refused(server: HttpServer, chunk: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk)
        assert client.recv(100).startswith(b"HTTP/1.1 400 ")


def test_a_connection_can_be_cut(connection: HTTPConnection) -> None:
    with pytest.raises(RemoteDisconnected):
        post(connection, "/cut", b"")


def test_a_connection_can_be_held(server: HttpServer) -> None:
    with closing(HTTPConnection(urlsplit(server.url).netloc, timeout=0.05)) as impatient, pytest.raises(TimeoutError):
        post(impatient, "/held", b"")


def test_a_body_can_be_shorter_than_promised(connection: HTTPConnection) -> None:
    with pytest.raises(IncompleteRead) as short:
        post(connection, "/short", b"")

    assert (short.value.partial, short.value.expected) == (b"short", 5)


def test_a_client_that_leaves_in_mid_send_is_forgotten(
    server: HttpServer, connection: HTTPConnection, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as leaving:
        leaving.sendall(b"POST /echo HTTP/1.1\r\nContent-Length: 50\r\n\r\nhalf")

    assert post(connection, "/echo", b"still here") == (200, b"still here")
    assert caplog.text == ""


def test_the_end_closes_every_connection_and_joins_every_thread() -> None:
    before = set(threading.enumerate())
    server = HttpServer()
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
