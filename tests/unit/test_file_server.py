"""Ranges and preconditions, as a resumed download meets them."""

from __future__ import annotations

from email.message import Message

import pytest

from local.file_server import ServedFile, serve
from local.http.messages import Response

CONTENT = bytes(range(100))
FILE = ServedFile.of(CONTENT, content_type="video/mp4")


def get(method: str = "GET", **headers: str) -> Response:
    """Header names with an underscore for the dash."""
    message = Message()
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    return serve(FILE, method=method, headers=message)


def test_a_file_comes_whole_with_all_that_describes_it() -> None:
    reply = get()

    assert (reply.status, reply.body) == (200, CONTENT)
    assert ServedFile.of(b"other", content_type="video/mp4").etag != FILE.etag
    assert reply.headers == {
        "etag": FILE.etag,
        "last-modified": FILE.last_modified,
        "accept-ranges": "bytes",
        "content-type": "video/mp4",
    }


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=99-99", 99, 100),
        ("bytes=90-", 90, 100),
        ("bytes=-7", 93, 100),
        ("bytes=-200", 0, 100),
        ("bytes=5-200", 5, 100),
        ("bytes=0-", 0, 100),
    ],
)
def test_a_range_is_served_as_asked(asked: str, start: int, end: int) -> None:
    reply = get(Range=asked)

    assert (reply.status, reply.body) == (206, CONTENT[start:end])
    assert reply.headers["content-range"] == f"bytes {start}-{end - 1}/100"
    assert reply.headers["etag"] == FILE.etag


@pytest.mark.parametrize("asked", ["bytes=100-", "bytes=105-109", "bytes=-0"])
def test_a_range_beyond_the_end_cannot_be_satisfied(asked: str) -> None:
    reply = get(Range=asked)

    assert (reply.status, reply.body) == (416, b"")
    assert reply.headers["content-range"] == "bytes */100"


@pytest.mark.parametrize(
    "asked",
    ["bytes=5-1", "bytes=0-1,4-5", "bytes=-", "items=0-1", "bytes=a-b", "bytes", "", "bytes=" + "9" * 5000 + "-"],
)
def test_a_range_that_makes_no_sense_is_ignored(asked: str) -> None:
    reply = get(Range=asked)

    assert (reply.status, reply.body) == (200, CONTENT)
    assert get("HEAD", Range="bytes=0-9").status == 200


@pytest.mark.parametrize(
    ("version", "status"),
    [(FILE.etag, 206), (FILE.last_modified, 206), ('"other"', 200), ("Thu, 01 Jan 1970 00:00:00 GMT", 200)],
    ids=["its ETag", "its date", "another ETag", "another date"],  # two processes must name a test alike
)
def test_a_range_of_another_version_gets_the_whole_file(version: str, status: int) -> None:
    assert get(Range="bytes=10-19", If_Range=version).status == status


@pytest.mark.parametrize(
    ("wanted", "status"), [(FILE.etag, 200), (f'"other", {FILE.etag}', 200), ("*", 200), ('"other"', 412)]
)
def test_if_match_guards_the_version(wanted: str, status: int) -> None:
    reply = get(If_Match=wanted)

    assert reply.status == status
    assert bool(reply.body) == (status == 200)
