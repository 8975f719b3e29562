"""A response's head as servers send it: what is read, what one bad line costs, and what is refused."""

from __future__ import annotations

import pytest

from clipferry.net.request_head import Origin, request_head
from clipferry.net.response import Response
from clipferry.net.response_head import BadResponseError, find_end, parse_head


def headers(*lines: str) -> dict[str, str]:
    return parse_head("\r\n".join(["HTTP/1.1 200 OK", *lines, "", ""]).encode("latin-1")).headers.joined()


@pytest.mark.parametrize(
    ("lines", "read"),
    [
        (["X-A:  one \t"], {"x-a": "one"}),
        (["X-A : one"], {"x-a": "one"}),
        (["X-A: one", "x-a: two"], {"x-a": "one, two"}),
        (["X-A: one,", "\t two"], {"x-a": "one, two"}),
        (["X-A:", "ETag: x"], {"x-a": "", "etag": "x"}),
        (["X-A: c\xc3\xa0\xa0"], {"x-a": "c\xc3\xa0\xa0"}),
        (["X-A: a\rETag: forged\x0b\x0c\x85b", "ETag: x"], {"x-a": "a\rETag: forged\x0b\x0c\x85b", "etag": "x"}),
        (["no colon at all", "ETag: x"], {"etag": "x"}),
        ([": no name", "ETag: x"], {"etag": "x"}),
        (["two words: a", " and more", "ETag: x"], {"etag": "x"}),
        (["N\xe4me: a", "ETag: x"], {"etag": "x"}),
        ([" begins with a blank", "ETag: x"], {"etag": "x"}),
    ],
)
def test_one_malformed_line_costs_that_line_only(lines: list[str], read: dict[str, str]) -> None:
    assert headers(*lines) == read


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_a_head_ends_with_an_empty_line_of_either_kind(end: bytes) -> None:
    raw = end.join([b"HTTP/1.1 200 OK", b"X-A: 1", b"", b""])
    assert [find_end(raw[:size], max(size - 1, 0)) for size in range(len(raw) + 1)] == [None] * len(raw) + [len(raw)]
    assert parse_head(raw).headers.joined() == {"x-a": "1"}


@pytest.mark.parametrize(
    ("line", "status", "keeps_alive"),
    [
        ("HTTP/1.1 200 OK", 200, True),
        ("HTTP/1.1 404", 404, True),
        ("HTTP/1.1  299  \xff\x85", 299, True),
        ("HTTP/1.0 200 OK", 200, False),
        ("HTTP/1.0 200 OK\r\nConnection: Keep-Alive", 200, True),
        ("HTTP/1.1 200 OK\r\nConnection: x, Close", 200, False),
    ],
)
def test_a_status_line_says_the_status_and_whether_the_connection_goes_on(
    line: str, status: int, keeps_alive: bool
) -> None:
    head = parse_head(f"{line}\r\n\r\n".encode("latin-1"))
    assert (head.status, head.keeps_alive) == (status, keeps_alive)


@pytest.mark.parametrize("line", ["HTTP/2 200 OK", "HTTP/1.1 20 OK", "HTTP/1.1 2000 OK", "HTTP/1.1 099 Low", ""])
def test_another_status_line_is_refused(line: str) -> None:
    with pytest.raises(BadResponseError, match="status line"):
        parse_head(f"{line}\r\n\r\n".encode())


@pytest.mark.parametrize(
    "received", [b"SSH-2.0", b"H2", b"HTTP/1.1 200 OK\r\nX: " + bytes(65_536), b"HTTP/1.1 200 OK\r\n" + b"X" * 65_536]
)
def test_what_cannot_be_a_head_any_more_is_not_waited_for(received: bytes) -> None:
    with pytest.raises(BadResponseError):
        find_end(received, 0)


@pytest.mark.parametrize(
    ("lines", "length"),
    [
        ([], None),
        (["Content-Length: 5"], 5),
        (["Content-Length: 5, 5 ,5"], 5),
        (["Content-Length: 5", "content-length: 5"], 5),
        (["Content-Length:"], None),
    ],
)
def test_lengths_that_agree_are_one(lines: list[str], length: int | None) -> None:
    assert parse_head("\r\n".join(["HTTP/1.1 200 OK", *lines, "", ""]).encode()).headers.content_length == length


@pytest.mark.parametrize(
    "lines", [["5, 6"], ["5", "6"], ["-5"], ["+5"], ["5x"], ["0x5"], ["5 5"], ["9" * 19], ["\xb2"], ["5.0"]]
)
def test_lengths_that_disagree_or_are_no_numbers_are_refused(lines: list[str]) -> None:
    raw = "\r\n".join(["HTTP/1.1 200 OK", *(f"Content-Length: {value}" for value in lines), "", ""])
    with pytest.raises(BadResponseError, match="Content-Length"):
        _ = parse_head(raw.encode("latin-1")).headers.content_length


class Sent:
    """What a connection still has, given in pieces of at most `most` bytes."""

    def __init__(self, content: bytes, most: int = 3) -> None:
        self.content, self.most = content, most

    def read_into(self, view: memoryview) -> int:
        piece, self.content = self.content[: min(len(view), self.most)], self.content[min(len(view), self.most) :]
        view[: len(piece)] = piece
        return len(piece)

    def read_line(self, max_bytes: int) -> bytes:
        line, end, self.content = self.content.partition(b"\n")
        if not end or len(line) > max_bytes:
            raise BadResponseError("no line")
        return line.rstrip(b"\r")


def response(head: str, body: bytes, *, has_body: bool = True) -> Response:
    return Response(Sent(body), parse_head(f"HTTP/1.1 {head}\r\n\r\n".encode()), has_body=has_body)


CHUNKED = "200 OK\r\nTransfer-Encoding: "


@pytest.mark.parametrize(
    ("head", "sent", "body", "may_be_followed"),
    [
        ("200 OK\r\nContent-Length: 5", b"abcdef", b"abcde", True),
        ("200 OK\r\nContent-Length: 5, 5\r\nConnection: close", b"abcde", b"abcde", False),
        ("200 OK", b"abcde", b"abcde", False),
        ("204 No Content", b"", b"", True),
        ("304 Not Modified\r\nContent-Length: 5", b"", b"", True),
        (CHUNKED + "chunked", b"5;x=y\r\nabcde\r\n00\r\nTrailer: x\r\n\r\n", b"abcde", True),
        (CHUNKED + "Chunked , chunked", b"2\nab\n3\ncde\n0\n\n", b"abcde", True),
        (CHUNKED + "identity\r\nContent-Length: 5", b"abcde", b"abcde", True),
        (CHUNKED + "chunked\r\nContent-Length: 99", b"A\r\nabcdefghij\r\n0\r\n\r\n", b"abcdefghij", True),
    ],
)
def test_a_body_ends_where_its_head_says(head: str, sent: bytes, body: bytes, may_be_followed: bool) -> None:
    answer = response(head, sent)
    assert (answer.read(100), answer.may_be_followed) == (body, may_be_followed)


@pytest.mark.parametrize(
    ("head", "sent"),
    [
        ("200 OK\r\nContent-Length: 5", b"abcd"),
        ("200 OK\r\nContent-Length: 5, 6", b"abcde"),
        (CHUNKED + "chunked", b"5\r\nabcd"),
        (CHUNKED + "chunked", b"5\r\nabcde\r\n"),
        (CHUNKED + "chunked", b"5\r\nabcdefgh\r\n0\r\n\r\n"),
        (CHUNKED + "chunked", b"-5\r\nabcde\r\n0\r\n\r\n"),
        (CHUNKED + "chunked", b"0x5\r\nabcde\r\n0\r\n\r\n"),
        (CHUNKED + "chunked", b"\r\n"),
        (CHUNKED + "chunked", b"0\r\n" + b"X: y\r\n" * 200 + b"\r\n"),
        (CHUNKED + "gzip, chunked", b"0\r\n\r\n"),
        ("200 OK\r\nContent-Length: 500", b"a" * 500),
        ("200 OK", b"a" * 101),
    ],
)
def test_a_body_that_is_cut_short_or_senseless_or_too_long_is_refused(head: str, sent: bytes) -> None:
    answer = response(head, sent)
    with pytest.raises(BadResponseError):
        answer.read(100)
    assert not answer.may_be_followed


def test_the_answer_to_head_has_no_body() -> None:
    answer = response("200 OK\r\nContent-Length: 5", b"", has_body=False)
    assert (answer.read(100), answer.may_be_followed, answer.headers.content_length) == (b"", True, 5)


def test_a_view_is_filled_or_it_says_how_much_is_missing() -> None:
    answer, view = response("200 OK\r\nContent-Length: 5", b"abcd"), memoryview(bytearray(5))
    answer.fill(view[:4])
    assert bytes(view[:4]) == b"abcd"
    with pytest.raises(BadResponseError, match="1 bytes too early"):
        answer.fill(view[4:])


@pytest.mark.parametrize(
    ("name", "value"),
    [("X", "a\r\nY: b"), ("X", "a\nb"), ("X", "a\0"), ("X", "ä"), ("X y", "a"), ("X\r\n", "a"), ("", "a")],
)
def test_a_request_whose_header_says_something_else_is_refused_without_its_value(name: str, value: str) -> None:
    with pytest.raises(ValueError, match="Invalid header") as refused:
        request_head(Origin(secure=True, name="example.com", port=443), "GET", "/", {name: value}, None)
    assert repr(value) not in str(refused.value)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        (Origin(secure=True, name="a.example", port=443), "a.example"),
        (Origin(secure=True, name="a.example", port=444), "a.example:444"),
        (Origin(secure=False, name="2001:db8::1", port=80), "[2001:db8::1]"),
    ],
)
def test_the_host_header_has_a_port_that_is_not_the_standard_one(origin: Origin, host: str) -> None:
    assert f"\r\nHost: {host}\r\n".encode() in request_head(origin, "GET", "/", {}, None)


def test_a_request_that_may_have_a_body_says_its_length() -> None:
    origin = Origin(secure=True, name="a.example", port=443)
    assert b"Content-Length: 0\r\n" in request_head(origin, "POST", "/", {}, None)
    assert b"Content-Length: 7\r\n" in request_head(origin, "PUT", "/", {"content-length": "7"}, None).title()
    assert b"Content-Length" not in request_head(origin, "GET", "/", {}, None)
