"""The guarded GET: which URLs are refused, which responses are believed, and that no incomplete file passes."""

from __future__ import annotations

import ipaddress
import re
import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipferry.errors import SourceError, SourceGoneError, SourceInvalidError
from clipferry.net.deadline import Deadline
from clipferry.net.public_addresses import is_public
from clipferry.net.safe_get import check_source
from clipferry.transfer.ranged_source import RangedSource
from local.certificates import make_certificate, serving_tls, trusting
from tests.peer import Peer
from tests.unit.raw_files import BODY, FILE, HEAD, naming, rules_for, serving


def fetch(url: str, *, seconds: float = 20, stall_seconds: float = 20, **rules: Any) -> bytes:
    """The file, read as a transfer reads one whose server has no ranges."""
    source = RangedSource(
        url, rules=rules_for(**rules), deadline=Deadline(seconds), stall_seconds=stall_seconds, ranges=False
    )
    body = source.open(0, 1)
    try:
        content = memoryview(bytearray(source.size))
        while body.position < source.size:
            body.read_into(content[body.position :])
        return bytes(content)
    finally:
        body.close()


def check(url: str, **rules: Any) -> None:
    check_source(url, rules=rules_for(**rules))


def never(*_: object, **__: object) -> list[Any]:
    raise AssertionError("the name was looked up")


# What is read


def test_a_file_comes_whole() -> None:
    with serving(film=FILE) as server:
        assert fetch(f"{server.url}/film") == BODY


def test_the_check_asks_for_the_plain_bytes_and_for_nothing_after_them() -> None:
    with serving(film=FILE) as server:
        check(f"{server.url}/film")

    assert server.requests[0].split(b"\r\n")[:-2] == [
        b"GET /film HTTP/1.1",
        b"Host: 127.0.0.1:%d" % server.port,
        b"User-Agent: clipferry",
        b"Accept-Encoding: identity",
        b"Connection: close",
    ]


def test_the_check_does_not_wait_for_the_file() -> None:
    with serving(holds=True, film=HEAD % len(BODY)) as server:
        check(f"{server.url}/film")


def test_a_server_that_keeps_the_connection_open_after_the_last_byte_is_not_waited_for() -> None:
    with serving(holds=True, film=FILE) as server:
        assert fetch(f"{server.url}/film") == BODY


def test_letters_beyond_ascii_are_encoded() -> None:
    with serving(**{"%E7%89%87.mp4?n=%20%E7%89%87": FILE}) as server:
        assert fetch(f"{server.url}/片.mp4?n=%20片") == BODY


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (HEAD % (len(BODY) + 1) + BODY, "2048 of 2049 bytes"),
        (HEAD % len(BODY) + BODY + b"!", "2048 of 2048 bytes, and more is coming"),
        (HEAD % len(BODY), "0 of 2048 bytes"),
    ],
    ids=["short", "long", "empty"],
)
def test_a_body_that_is_not_as_long_as_promised_is_an_error(answer: bytes, message: str) -> None:
    with serving(film=answer) as server, pytest.raises(SourceError, match=message) as raised:
        fetch(f"{server.url}/film")
    assert raised.value.retryable


def test_a_body_that_stalls_is_an_error() -> None:
    with (
        serving(holds=True, film=HEAD % (len(BODY) + 1) + BODY) as server,
        pytest.raises(SourceError, match="TimeoutError"),
    ):
        fetch(f"{server.url}/film", stall_seconds=0.2)


def test_the_deadline_ends_a_read_that_stalls() -> None:
    with (
        serving(holds=True, film=HEAD % (len(BODY) + 1) + BODY) as server,
        pytest.raises(SourceError, match="TimeoutError"),
    ):
        fetch(f"{server.url}/film", seconds=0.2)


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 405, 410, 451, 499])
def test_a_file_that_is_gone_is_told_from_one_that_fails(status: int) -> None:
    with (
        serving(film=b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % status) as server,
        pytest.raises(SourceGoneError),
    ):
        check(f"{server.url}/film")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n", "status 500"),
        (b"HTTP/1.1 206 Part\r\nContent-Length: 2\r\n\r\nok", "status 206"),
        *[(b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % code, f"status {code}") for code in (408, 416, 425, 429)],
        (b"HTTP/1.1 200 OK\r\n\r\nfilm", "Content-Length"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "Content-Length"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\nContent-Length: 4\r\n\r\nfilm", "Transfer-Encoding"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nfilm!", "Content-Length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -4\r\n\r\nfilm", "Content-Length"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\nfilm", "Content-Length"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nfilm", "Content-Encoding"),
        (b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", "without a Location"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "ended within the response's head"),
        (b"", "ended before the response's head"),
        (b"no HTTP at all\r\n\r\n", "no HTTP"),
    ],
)
def test_an_answer_that_cannot_be_trusted_is_worth_another_try(answer: bytes, message: str) -> None:
    with serving(film=answer) as server, pytest.raises(SourceError, match=message) as raised:
        check(f"{server.url}/film")
    assert type(raised.value) is SourceError


@pytest.mark.parametrize("size", [0, 2049])
def test_a_file_of_no_bytes_or_too_many_is_not_opened(size: int) -> None:
    with serving(film=HEAD % size) as server, pytest.raises(SourceInvalidError, match=f"{size} bytes"):
        check(f"{server.url}/film", max_bytes=2048)


def test_a_port_that_refuses_is_worth_another_try() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(SourceError, match="ConnectionRefusedError") as raised:
            check(f"http://127.0.0.1:{taken.getsockname()[1]}/film")
    assert type(raised.value) is SourceError


def test_a_name_without_an_address_is_worth_another_try() -> None:
    def unknown(*_: object, **__: object) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.raises(SourceError, match="Name or service not known") as raised:
        check("https://example.com/film", resolve=unknown)
    assert type(raised.value) is SourceError


# Redirects


def redirect(to: str, status: int = 302) -> bytes:
    return b"HTTP/1.1 %d Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % (status, to.encode())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed(status: int) -> None:
    with serving(a=redirect("b", status), b=redirect("/片", status), **{"%E7%89%87": FILE}) as server:
        assert fetch(f"{server.url}/a") == BODY
        assert [head.split(b" ")[1] for head in server.requests] == [b"/a", b"/b", b"/%E7%89%87"]


def test_redirects_end() -> None:
    with (
        serving(a=redirect("/b"), b=redirect("/c"), c=redirect("/d"), d=redirect("/e"), e=FILE) as server,
        pytest.raises(SourceError, match="more than 3 redirects"),
    ):
        check(f"{server.url}/a")
    assert len(server.requests) == 4


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/meta-data/iam/security-credentials/",
        "https://169.254.169.254/",
        "https://[::ffff:169.254.169.254]/",
        "https://10.0.0.1/film",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_FLUSHALL",
        "ftp://127.0.0.1/film",
        "//user@127.0.0.1/film",
        "http://8.8.8.8/film",
        "https://8.8.8.8:8443/film",
        "https://[::1/film",
    ],
)
def test_a_redirect_is_checked_as_the_first_url_was(target: str) -> None:
    with serving(film=redirect(target)) as server, pytest.raises(SourceInvalidError):
        check(f"{server.url}/film")


def test_each_hop_looks_its_name_up_anew() -> None:
    with serving(film=redirect("/film")) as server, pytest.raises(SourceInvalidError, match=r"169\.254\.169\.254"):
        check(f"http://video.example:{server.port}/film", resolve=naming("127.0.0.1", "169.254.169.254"))


# A file that needs a key


def authorizations(server: Peer) -> list[bytes | None]:
    found = [re.search(rb"^Authorization: (.*)\r$", head, re.MULTILINE) for head in server.requests]
    return [match[1] if match else None for match in found]


def keys_of(server: Peer) -> dict[str, str]:
    return {f"{server.url}/videos/": "Bearer sk-hunter2"}


def test_the_key_is_sent_for_the_addresses_that_it_is_for_and_for_no_others() -> None:
    with serving(**{"videos/1/content": FILE, "films/1": FILE}) as server:
        for path in ("videos/1/content", "films/1"):
            assert fetch(f"{server.url}/{path}", keys=keys_of(server)) == BODY
            check(f"{server.url}/{path}", keys=keys_of(server))
        assert authorizations(server) == [b"Bearer sk-hunter2", b"Bearer sk-hunter2", None, None]
        assert "hunter2" not in repr(rules_for(keys=keys_of(server)))


def test_a_redirect_within_the_host_keeps_the_key() -> None:
    with serving(**{"videos/1": redirect("/films/1"), "films/1": FILE}) as server:
        assert fetch(f"{server.url}/videos/1", keys=keys_of(server)) == BODY
        assert authorizations(server) == [b"Bearer sk-hunter2", b"Bearer sk-hunter2"]


def test_a_redirect_that_leaves_the_host_loses_the_key_for_good() -> None:
    own, others = {"/videos/2": FILE}, {"/film": FILE}
    with serving(own) as server, serving(others) as elsewhere:
        others["/back"] = redirect(f"{server.url}/videos/2")
        own |= {"/videos/1": redirect(f"{elsewhere.url}/film"), "/videos/3": redirect(f"{elsewhere.url}/back")}

        assert fetch(f"{server.url}/videos/1", keys=keys_of(server)) == BODY
        assert fetch(f"{server.url}/videos/3", keys=keys_of(server)) == BODY
        assert authorizations(elsewhere) == [None, None]
        assert authorizations(server) == [b"Bearer sk-hunter2", b"Bearer sk-hunter2", None]


def test_another_hosts_redirect_never_gets_the_key() -> None:
    """Else a provider could have a file fetched that it may not have."""
    with serving(**{"videos/1": FILE}) as server, serving(film=redirect(f"{server.url}/videos/1")) as other:
        assert fetch(f"{other.url}/film", keys=keys_of(server)) == BODY
        assert authorizations(server) == [None]


@pytest.mark.parametrize(
    "disguise", ["{host}@127.0.0.1:{port}", "127.0.0.1:{port}/x?{host}", "127.0.0.1:{port}/{host}"]
)
def test_an_address_that_only_looks_like_the_keys_gets_none(disguise: str) -> None:
    rules = rules_for(keys={"https://gateway.example.com/v1/videos/": "Bearer sk-hunter2"})
    url = "http://" + disguise.format(host="gateway.example.com/v1/videos/", port=1)

    assert rules.authorization(url) == {}
    assert rules.authorization("https://gateway.example.com/v1/videos/1/content")


# Which URLs are refused


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.0.0.1/",
        "https://017700000001/",
        "https://0177.0.0.1/",
        "https://127.0.0.1./",
        "https://①②⑦.⓪.⓪.①/",
        "https://0.0.0.0/",
        "https://0/",
        "https://10.0.0.1/",
        "https://172.31.255.255/",
        "https://192.168.1.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://2852039166/",
        "https://0xa9fea9fe/",
        "https://100.64.0.1/",
        "https://100.100.100.200/",
        "https://192.0.0.192/",
        "https://198.18.0.1/",
        "https://224.0.0.1/",
        "https://240.0.0.1/",
        "https://255.255.255.255/",
        "https://[::]/",
        "https://[::1]/",
        "https://[::127.0.0.1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:8.8.8.8]/",
        "https://[64:ff9b::a9fe:a9fe]/",
        "https://[64:ff9b:1::a00:1]/",
        "https://[2002:7f00:1::]/",
        "https://[2001:0:7f00:1::]/",
        "https://[fe80::1]/",
        "https://[fc00::1]/",
        "https://[fd00:ec2::254]/",
        "https://[fec0::1]/",
        "https://[ff02::1]/",
        "https://[2001:db8::1]/",
    ],
)
def test_an_address_that_is_not_public_is_refused_however_it_is_written(url: str) -> None:
    with pytest.raises(SourceInvalidError, match="is not public HTTPS"):
        check(url, allow_loopback=False)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "film.mp4",
        "//example.com/film",
        "file:///etc/passwd",
        "ftp://example.com/film",
        "gopher://example.com/",
        "gopher://127.0.0.1:6379/",
        "data:video/mp4;base64,AAAA",
        "javascript:alert(1)",
        "https:///film",
        "https://",
        "https://user@example.com/",
        "https://user:password@example.com/",
        "https://example.com@127.0.0.1/",
        "https://example.com:https/",
        "https://example.com:99999/",
        "https://example.com\\@127.0.0.1/",
        " https://example.com/",
        "https://exam\tple.com/",
        "https://example.com/a\r\nHost: evil",
        "https://example.com/a\x00b",
        "https://[::1/",
        "https://[v1.a]/",
        f"https://{'a' * 64}.example/",
        "https://.example.com/",
    ],
)
def test_a_url_that_is_no_plain_https_is_refused_before_its_name_is_looked_up(url: str) -> None:
    with pytest.raises(SourceInvalidError):
        check(url, resolve=never)


@pytest.mark.parametrize(
    "url", ["http://example.com/", "https://example.com:444/", "https://example.com:80/", "https://example.com:0/"]
)
@pytest.mark.parametrize("allow_loopback", [False, True])
def test_a_public_host_is_spoken_to_in_https_on_its_own_port(url: str, allow_loopback: bool) -> None:
    with pytest.raises(SourceInvalidError, match="is not public HTTPS"):
        check(url, allow_loopback=allow_loopback, resolve=naming("8.8.8.8"))


def test_one_private_address_among_the_public_ones_is_enough_to_refuse() -> None:
    with pytest.raises(SourceInvalidError, match=r"10\.0\.0\.1"):
        check("https://example.com/", resolve=naming(["8.8.8.8", "2606:4700::1111", "10.0.0.1"]))


@pytest.mark.parametrize("path", ["/film", "//film"])
def test_loopback_is_closed_unless_it_is_opened(path: str) -> None:
    with serving(film=FILE) as server, pytest.raises(SourceInvalidError):
        check(server.url + path, allow_loopback=False)
    assert server.requests == []


def test_a_name_is_looked_up_once_and_its_checked_address_is_dialled() -> None:
    with serving(film=FILE) as server:
        body = fetch(f"http://rebinding.example:{server.port}/film", resolve=naming("127.0.0.1", "10.0.0.1"))

    assert body == BODY
    assert b"\r\nHost: rebinding.example:%d\r\n" % server.port in server.requests[0]


@pytest.mark.parametrize(
    ("host", "patterns"),
    [
        ("example.com", ("example.com",)),
        ("EXAMPLE.com.", ("example.com",)),
        ("cdn.example.com", ("example.org", "*.example.com")),
        ("a.b.example.com", ("*.Example.com",)),
        ("bücher.example", ("xn--bcher-kva.example",)),
    ],
)
def test_allowed_hosts_are_opened(host: str, patterns: tuple[str, ...]) -> None:
    with serving(film=FILE) as server:
        url = f"http://{host}:{server.port}/film"
        assert fetch(url, allowed_hosts=patterns, resolve=naming("127.0.0.1")) == BODY


@pytest.mark.parametrize(
    ("host", "patterns"),
    [
        ("example.org", ("example.com",)),
        ("cdn.example.com", ("example.com",)),
        ("example.com", ("*.example.com",)),
        ("evilexample.com", ("*.example.com", "example.com")),
        ("example.com.evil.org", ("*.example.com", "example.com")),
    ],
)
def test_other_hosts_are_not_even_looked_up(host: str, patterns: tuple[str, ...]) -> None:
    with pytest.raises(SourceInvalidError, match="not one of the allowed hosts"):
        check(f"https://{host}/film", allowed_hosts=patterns, resolve=never)


@given(st.ip_addresses())
def test_nothing_is_public_that_python_knows_to_be_special(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if is_public(address):
        assert address.is_global
        assert not address.is_multicast


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "104.16.0.1", "2606:4700::1111", "64:ff9b::808:808"])
def test_the_internet_is_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("tls") / "video.pem", "video.example")


def test_tls_proves_the_name_while_the_address_is_pinned(certificate: Path) -> None:
    asked: list[str | None] = []
    context = serving_tls(certificate)
    context.sni_callback = lambda _socket, name, _context: asked.append(name)
    known = trusting(certificate)
    with serving(tls=context, film=FILE) as server:
        url = f"https://video.example:{server.port}/film"
        assert fetch(url, resolve=naming("127.0.0.1"), tls=known) == BODY
        with pytest.raises(SourceError, match="SSLCertVerificationError"):
            fetch(url.replace("video", "other"), resolve=naming("127.0.0.1"), tls=known)
        with pytest.raises(SourceError, match="SSLCertVerificationError"):
            fetch(url, resolve=naming("127.0.0.1"))

    assert asked == ["video.example", "other.example", "video.example"]
    assert len(server.requests) == 1
