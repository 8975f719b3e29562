"""The bucket, with moto's S3 behind: what is written, listed, removed and named, and what is said when it can't be."""

from __future__ import annotations

import hashlib
import socket
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from clipferry.errors import (
    ConfigurationError,
    SourceError,
    SourceInvalidError,
    StorageError,
)
from clipferry.net.deadline import Deadline
from clipferry.s3.stored_objects import StoredObject
from clipferry.storage import Storage
from clipferry.transfer.interface import PART_SIZE, StoredFile, TransferConfig
from clipferry.transfer.part_io import STEP
from local.http.exchange import Exchange
from local.http.messages import Response
from local.http.server import HttpServer
from tests.integration.mirror_fixtures import Behaviour, film, serving
from tests.web import web

BUCKET = "films"
KEY = "videos/vid_1.mp4"


class Sink:
    """Just enough of S3 to upload to, which keeps nothing: moto would fill the memory that a test measures."""

    def __init__(self) -> None:
        self.received = 0
        self.heads: list[dict[str, str]] = []

    def serve(self, exchange: Exchange) -> None:
        size = sum(map(len, exchange.body()))
        match exchange.command:
            case "PUT":
                self.received += size
                self.heads.append({name.lower(): value for name, value in exchange.headers.items()})
                exchange.send(Response(status=200, headers={"ETag": '"etag"'}))
            case "POST":
                exchange.send(Response(status=200, body=b"<R><UploadId>upload</UploadId><ETag>etag</ETag></R>"))
            case _:
                headers = {"ETag": '"etag"', "Content-Length": str(self.received)}
                exchange.send(Response(status=200, headers=headers))


@contextmanager
def sinking() -> Iterator[tuple[Storage, Sink]]:
    sink, server = Sink(), HttpServer()
    server.start(sink.serve)
    with closing(server), closing(storage_at(server.url)) as storage:
        yield storage, sink


@pytest.fixture(scope="module")
def eyes(aws_client: Callable[..., Any]) -> Any:
    client = aws_client("s3")
    client.create_bucket(Bucket=BUCKET)
    return client


@pytest.fixture
def s3(eyes: Any) -> Any:
    """A second pair of eyes on the bucket, which is empty at the start."""
    for found in eyes.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        eyes.delete_object(Bucket=BUCKET, Key=found["Key"])
    return eyes


def storage_at(endpoint: str, **changes: Any) -> Storage:
    settings: dict[str, Any] = {
        "endpoint": endpoint,
        "region": "us-east-1",
        "access_key": "testing",
        "secret_key": "testing",
        "bucket": BUCKET,
        "public_domain": "https://cdn.example.com",
        "allow_loopback": True,
        "config": TransferConfig(single_seconds=0, cpus=0.0),  # in whole parts, however fast or busy this machine is
    }
    return Storage(**(settings | changes))


@pytest.fixture(scope="module")
def storage(aws: str) -> Storage:
    """One for all tests: like a warm function's, it remembers nothing."""
    return storage_at(aws)


def contents(s3: Any, key: str = KEY) -> bytes:
    return s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()


# Writing


def test_a_file_is_uploaded(storage: Storage, s3: Any) -> None:
    stored = storage.upload_file(key="a/b.jpg", body=b"picture", content_type="image/jpeg")

    sha256 = hashlib.sha256(b"picture").hexdigest()
    assert stored == StoredFile(url="https://cdn.example.com/a/b.jpg", key="a/b.jpg", size=7, sha256=sha256)
    found = s3.get_object(Bucket=BUCKET, Key="a/b.jpg")
    assert (found["Body"].read(), found["ContentType"]) == (b"picture", "image/jpeg")


def test_a_file_of_no_declared_kind_is_bytes(storage: Storage, s3: Any) -> None:
    storage.upload_file(key="a", body=b"x")

    assert s3.head_object(Bucket=BUCKET, Key="a")["ContentType"] == "application/octet-stream"


@pytest.mark.parametrize(
    ("size", "parts"),
    [
        (12, 0),
        (PART_SIZE - 1, 0),
        (PART_SIZE, 0),
        (PART_SIZE + 1, 2),
        (2 * PART_SIZE, 2),
        (2 * PART_SIZE + STEP + 5, 3),
    ],
)
def test_a_film_is_mirrored_byte_for_byte(storage: Storage, s3: Any, size: int, parts: int) -> None:
    content, seen = film(size), list[bytes]()
    with serving(Behaviour(content)) as source:
        stored = storage.download_and_upload(source_url=source.url, key=KEY, on_chunk=seen.append)

    assert (stored.key, stored.size, stored.url) == (KEY, size, f"https://cdn.example.com/{KEY}")
    assert contents(s3) == b"".join(seen) == content
    assert stored.sha256 == hashlib.sha256(content).hexdigest()
    found = s3.head_object(Bucket=BUCKET, Key=KEY)
    assert found["ContentType"] == "video/mp4"
    assert found["ETag"].strip('"').partition("-")[2] == (str(parts) if parts else "")


# Failing


def test_a_failed_mirror_leaves_the_earlier_file_alone(storage: Storage, s3: Any) -> None:
    storage.upload_file(key=KEY, body=b"earlier")
    with serving(Behaviour(film(PART_SIZE + 1), ranges=False, fault="early end")) as source, pytest.raises(SourceError):
        storage.download_and_upload(source_url=source.url, key=KEY)
    assert contents(s3) == b"earlier"


def test_a_source_on_loopback_needs_allow_loopback() -> None:
    storage = Storage(
        endpoint="https://example.com",
        region="auto",
        access_key="a",
        secret_key="b",
        bucket=BUCKET,
        public_domain=None,
    )
    with pytest.raises(SourceInvalidError, match="not public HTTPS"):
        storage.download_and_upload(source_url="http://127.0.0.1:9/film", key=KEY)


def test_sources_may_be_narrowed(aws: str) -> None:
    storage = storage_at(aws, allowed_hosts=("*.example.com",))
    with pytest.raises(SourceInvalidError, match="allowed hosts"):
        storage.download_and_upload(source_url="http://127.0.0.1:9/film", key=KEY)


OPERATIONS: dict[str, Callable[[Storage, str], object]] = {
    "upload": lambda storage, _: storage.upload_file(key=KEY, body=b"x"),
    "mirror in one": lambda storage, source: storage.download_and_upload(source_url=source, key=KEY),
    "mirror in parts": lambda storage, source: storage.download_and_upload(source_url=source, key=KEY),
    "delete": lambda storage, _: storage.delete(KEY),
    "delete many": lambda storage, _: storage.delete_all([KEY]),
    "list": lambda storage, _: list(storage.list_pages("uploads/")),
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_bucket_that_is_not_there_is_a_storage_error(aws: str, operation: str) -> None:
    content = film(PART_SIZE + 1 if operation == "mirror in parts" else 100)
    with serving(Behaviour(content)) as source, pytest.raises(StorageError) as raised:
        OPERATIONS[operation](storage_at(aws, bucket="elsewhere"), source.url)
    assert raised.value.retryable


def test_a_storage_that_cannot_be_reached_is_a_storage_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        storage = storage_at(f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(StorageError, match="ConnectionRefusedError"):
            storage._bucket.call("HEAD", KEY, deadline=Deadline(5))  # one request, without retries


def test_a_size_that_comes_back_wrong_is_a_storage_error() -> None:
    """The sink counts all that it ever received, so that the second upload finds twice its size."""
    with sinking() as (storage, _), serving(Behaviour(film(100))) as source:
        storage.download_and_upload(source_url=source.url, key=KEY)
        with pytest.raises(StorageError, match="200 bytes are stored of 100"):
            storage.download_and_upload(source_url=source.url, key=KEY)


def test_memory_holds_two_parts_whatever_the_size() -> None:
    with sinking() as (storage, sink), web(200, film(4 * PART_SIZE)) as source:  # which copies nothing
        storage.head(KEY)  # what the first connection loads is not the question
        tracemalloc.start()
        storage.download_and_upload(source_url=source.url, key=KEY)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

    assert sink.received == 4 * PART_SIZE
    assert peak < 2 * PART_SIZE


# Asking, removing, naming


def test_an_object_tells_its_size_and_etag(storage: Storage, s3: Any) -> None:
    storage.upload_file(key=KEY, body=b"picture")

    assert storage.head(KEY) == StoredObject(size=7, etag=hashlib.md5(b"picture").hexdigest())


def test_nothing_is_found_where_nothing_is(storage: Storage, s3: Any) -> None:
    assert storage.head("videos/nothing.mp4") is None


def test_what_is_deleted_is_gone_and_may_be_deleted_again(storage: Storage, s3: Any) -> None:
    storage.upload_file(key=KEY, body=b"x")
    storage.delete(KEY)
    storage.delete(KEY)

    assert storage.head(KEY) is None


def test_what_is_listed_by_its_prefix_can_be_deleted_at_once(
    storage: Storage, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clipferry.storage.MOST_DELETED", 2)
    keys = ["uploads/a/&<b>'.png", 'uploads/a/"ä b".png', "uploads/a/c.png", "uploads/b/d.png"]
    for key in [*keys, "videos/vid_1.mp4"]:
        storage.upload_file(key=key, body=key.encode())

    [page] = storage.list_pages("uploads/")
    [behind] = storage.list_pages("uploads/", after="uploads/a/c.png")

    assert [(found.key, found.size) for found in page] == [(key, len(key.encode())) for key in sorted(keys)]
    assert all(abs(datetime.now(UTC) - found.modified) < timedelta(hours=1) for found in page)
    assert [found.key for found in behind] == ["uploads/b/d.png"]
    storage.delete_all([*keys, "uploads/never.png"])
    assert [found.key for page in storage.list_pages("") for found in page] == ["videos/vid_1.mp4"]


def test_a_signed_url_takes_the_upload_it_was_signed_for(storage: Storage, s3: Any) -> None:
    url = urlsplit(storage.get_signed_upload_url(key="uploads/a.png", content_type="image/png", expires_in=60))
    assert url.hostname
    connection = HTTPConnection(url.hostname, url.port)
    connection.request("PUT", f"{url.path}?{url.query}", body=b"png", headers={"Content-Type": "image/png"})
    assert connection.getresponse().status == 200
    connection.close()

    assert contents(s3, "uploads/a.png") == b"png"
    query = parse_qs(url.query)
    assert query["X-Amz-SignedHeaders"] == ["content-type;host"]
    assert query["X-Amz-Expires"] == ["60"]
    assert not any("checksum" in name.lower() for name in query)


@pytest.mark.parametrize(
    ("domain", "url"),
    [
        ("https://cdn.example.com", "https://cdn.example.com/videos/a.mp4"),
        ("https://cdn.example.com/", "https://cdn.example.com/videos/a.mp4"),
        (None, "https://films.r2.cloudflarestorage.com/videos/a.mp4"),
        ("", "https://films.r2.cloudflarestorage.com/videos/a.mp4"),
    ],
)
def test_public_urls_follow_the_founding_rule(domain: str | None, url: str) -> None:
    assert storage_at("https://example.com", public_domain=domain).public_url("videos/a.mp4") == url


def test_a_public_url_encodes_its_key_and_leads_back_to_it() -> None:
    storage = storage_at("https://example.com", public_domain="https://cdn.example.com")
    key = "uploads/Ann Lee/100% <爱>?#.png"

    url = storage.public_url(key)

    assert url == "https://cdn.example.com/uploads/Ann%20Lee/100%25%20%3C%E7%88%B1%3E%3F%23.png"
    assert storage.key_of(url) == key


@pytest.mark.parametrize("endpoint", ["http://example.com", "example.com", "ftp://example.com", "https://", ""])
def test_an_endpoint_is_https(endpoint: str) -> None:
    with pytest.raises(ConfigurationError):
        storage_at(endpoint, allow_loopback=False)


def test_no_checksum_is_sent_that_r2_refuses() -> None:
    with sinking() as (storage, sink):
        storage.upload_file(key=KEY, body=b"x")

    [head] = sink.heads
    assert head["content-length"] == "1"
    assert "transfer-encoding" not in head
    assert not any("checksum" in name or "trailer" in name for name in head)


def test_boto3_is_not_imported_before_it_is_needed() -> None:
    program = """
import sys, clipferry.storage, clipferry.mirror_queue
storage = clipferry.storage.Storage(endpoint="https://example.com", region="auto", access_key="a", secret_key="b",
                                    bucket="c", public_domain=None)
storage.public_url("a")
loaded = [name for name in sys.modules if name.partition(".")[0] in ("boto3", "botocore", "urllib3")]
print([name for name in loaded if name != "botocore"])  # Powertools asks for its `__init__`, for a User-Agent
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
