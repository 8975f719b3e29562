"""HTTPS_PROXY: what goes through a tunnel and what goes straight; certificates and checked addresses still hold."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from clipferry.errors import ConfigurationError, RequestNotSentError
from clipferry.net.deadline import Deadline
from clipferry.net.http_client import HttpClient
from clipferry.net.proxy import Proxy, proxy_for
from clipferry.net.request_head import Origin
from clipferry.net.safe_get import check_source
from local.certificates import make_certificate, serving_tls, trusting
from tests.unit.raw_files import FILE, naming, rules_for, serving

R2 = Origin(secure=True, name="account.r2.cloudflarestorage.com", port=443)


@pytest.mark.parametrize(
    ("environ", "proxy"),
    [
        ({}, None),
        ({"HTTPS_PROXY": ""}, None),
        ({"HTTP_PROXY": "http://proxy:3128"}, None),
        ({"HTTPS_PROXY": "http://proxy:3128"}, Proxy("proxy", 3128, "")),
        ({"HTTPS_PROXY": "http://other", "https_proxy": "proxy:3128"}, Proxy("proxy", 3128, "")),
        ({"HTTPS_PROXY": " http://me:a%40b@proxy/ "}, Proxy("proxy", 80, "Basic bWU6YUBi")),
        ({"HTTPS_PROXY": "http://proxy:1", "NO_PROXY": "*"}, None),
        ({"HTTPS_PROXY": "http://proxy:1", "NO_PROXY": "a.example, .cloudflarestorage.com"}, None),
        ({"HTTPS_PROXY": "http://proxy:1", "no_proxy": "CloudflareStorage.com:443"}, None),
        ({"HTTPS_PROXY": "http://proxy:1", "NO_PROXY": "*.r2.cloudflarestorage.com"}, None),
        ({"HTTPS_PROXY": "http://proxy:1", "NO_PROXY": "cloudflarestorage.com:4,storage.com,."}, Proxy("proxy", 1, "")),
    ],
)  # fmt: skip
def test_the_proxy_is_what_the_environment_says(environ: dict[str, str], proxy: Proxy | None) -> None:
    assert proxy_for(R2, environ) == proxy


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1"])
def test_this_machine_and_plain_http_go_straight(name: str) -> None:
    environ = {"HTTPS_PROXY": "http://proxy:1"}
    assert proxy_for(Origin(secure=True, name=name, port=443), environ) is None
    assert proxy_for(R2._replace(secure=False), environ) is None


@pytest.mark.parametrize(
    "address", ["https://proxy:443", "socks5://me:secret@proxy", "http://", "http://me:secret@p:x"]
)
def test_another_kind_of_proxy_is_refused_in_words_without_its_password(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", address)
    with pytest.raises(ConfigurationError, match="HTTPS_PROXY must be http://host:port") as refused:
        HttpClient("https://example.com", allow_plain_http=False)
    assert "secret" not in str(refused.value)


class TunnelProxy:
    """Connects every CONNECT to `port` of this machine, or answers `status`; `heads` is what it was asked."""

    def __init__(self, port: int, status: str) -> None:
        self.heads: list[str] = []
        self._target, self._status = port, status
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._threads.append(threading.Thread(target=self._tunnel, args=(client,)))
            self._threads[-1].start()

    def _tunnel(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                head += client.recv(65536)
            self.heads.append(head.decode())
            client.sendall(f"HTTP/1.1 {self._status}\r\n\r\n".encode())
            if not self._status.startswith("200"):
                return
            with socket.create_connection(("127.0.0.1", self._target)) as server:
                back = threading.Thread(target=self._pump, args=(server, client))
                back.start()
                self._pump(client, server)
                back.join()

    @staticmethod
    def _pump(one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while piece := one.recv(65536):
                other.sendall(piece)
        for end in (one, other):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()


@contextmanager
def proxying(port: int, monkeypatch: pytest.MonkeyPatch, status: str = "200 Connected") -> Iterator[TunnelProxy]:
    proxy = TunnelProxy(port, status)
    monkeypatch.setenv("https_proxy", f"http://me:secret@127.0.0.1:{proxy.port}")
    try:
        yield proxy
    finally:
        proxy.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("tls") / "video.pem", "video.example")


def ask(client: HttpClient) -> bytes:
    return client.request("GET", "/film", headers={}, body=None, connect_timeout=5, timeout=20, max_bytes=10_000).body


def test_a_client_goes_through_the_tunnel_and_tls_still_proves_the_name(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(tls=serving_tls(certificate), film=FILE) as server, proxying(server.port, monkeypatch) as proxy:
        url = "https://{}.example"
        client = HttpClient(url.format("video"), allow_plain_http=False, tls=trusting(certificate))
        assert FILE.endswith(ask(client))
        client.close()
        with pytest.raises(RequestNotSentError, match="SSLCertVerificationError"):
            ask(HttpClient(url.format("other"), allow_plain_http=False, tls=trusting(certificate)))
    assert proxy.heads[0].split("\r\n")[:4] == [
        "CONNECT video.example:443 HTTP/1.1",
        "Host: video.example:443",
        "User-Agent: clipferry",
        "Proxy-Authorization: Basic bWU6c2VjcmV0",
    ]
    assert b"Basic" not in server.requests[0]


def test_a_proxy_that_refuses_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with proxying(9, monkeypatch, "407 Proxy Authentication Required") as proxy:
        with pytest.raises(RequestNotSentError, match=f"the proxy 127.0.0.1:{proxy.port} answered 407") as refused:
            ask(HttpClient("https://video.example", allow_plain_http=False))
        assert "secret" not in str(refused.value)


def test_the_proxy_is_asked_for_the_address_that_was_checked(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(tls=serving_tls(certificate), film=FILE) as server, proxying(server.port, monkeypatch) as proxy:
        rules = rules_for(resolve=naming("8.8.8.8"), tls=trusting(certificate))
        check_source("https://video.example/film", rules=rules)
    assert [head.split("\r\n")[0] for head in proxy.heads] == ["CONNECT 8.8.8.8:443 HTTP/1.1"]


def test_a_tunnel_ends_by_its_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        proxy = Proxy("127.0.0.1", silent.getsockname()[1], "")
        with pytest.raises(TimeoutError):
            proxy.open_tunnel("video.example", 443, Deadline(0.1))
