"""Checks the bucket: writing, reading and deleting, its public URL, and uploads from a browser."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit

from cli.doctor.findings import CheckFailedError, CheckSkippedError
from clipferry.net.http_client import send_request
from clipferry.storage import Storage

CONTENT: Final = b"a test object of clipferry doctor, which deletes it again\n"
CONTENT_TYPE: Final = "text/plain"


def round_trip(storage: Storage) -> str:
    """Writes an object under `doctor/`, reads its size, lists it as the daily chore lists uploads, and deletes it."""
    with _object(storage) as key:
        found = storage.head(key)
        if found is None:
            raise CheckFailedError(f"{key} isn't there after it was written")
        if found.size != len(CONTENT):
            raise CheckFailedError(f"{key} has {found.size} bytes, and {len(CONTENT)} were written")
        if not any(listed.key == key for page in storage.list_pages(key) for listed in page):
            raise CheckFailedError(f"{key} isn't listed after it was written")
    if storage.head(key) is not None:
        raise CheckFailedError(f"{key} is still there after it was deleted")
    return "put, head, list and delete"


def public_address(storage: Storage, *, plain_http: bool) -> str:
    """Reads an object at its public URL, as users do."""
    with _object(storage) as key:
        url = storage.public_url(key)
        answer = send_request("GET", url, plain_http=plain_http)
        if answer.status != 200 or answer.body != CONTENT:
            raise CheckFailedError(f"GET {url} answers {answer.status}, not the object")
    return urlsplit(url).netloc


def browser_upload(storage: Storage, *, plain_http: bool) -> str:
    """Uploads to a presigned URL, as a browser does."""
    key = _key()
    url = storage.get_signed_upload_url(key=key, content_type=CONTENT_TYPE, expires_in=60, content_length=len(CONTENT))
    try:
        answer = send_request("PUT", url, plain_http=plain_http, headers={"Content-Type": CONTENT_TYPE}, body=CONTENT)
    finally:
        storage.delete(key)
    if answer.status != 200:
        raise CheckFailedError(f"a presigned PUT is answered with {answer.status}")
    return "a presigned PUT is accepted"


def cors(endpoint: str, bucket: str, origins: Sequence[str], *, plain_http: bool) -> str:
    """Sends the preflight request that a browser sends before an upload, for each front end."""
    if not origins:
        raise CheckSkippedError("ALLOWED_ORIGINS is empty: no front end uploads from a browser")
    url = f"{endpoint.rstrip('/')}/{bucket}/{_key()}"
    refused = [origin for origin in origins if not _may_put(url, origin, plain_http=plain_http)]
    if refused:
        raise CheckFailedError(f"the bucket refuses PUT from {', '.join(refused)}")
    return f"the bucket allows PUT from {', '.join(origins)}"


def _may_put(url: str, origin: str, *, plain_http: bool) -> bool:
    preflight = {
        "Origin": origin,
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "content-type",
    }
    answer = send_request("OPTIONS", url, plain_http=plain_http, headers=preflight)
    allowed = {name: _comma_separated(answer.headers.get(f"access-control-allow-{name}", "")) for name in _ALLOWED}
    return (
        answer.status in (200, 204)
        and bool({origin.lower(), "*"} & allowed["origin"])
        and bool({"put", "*"} & allowed["methods"])
        and bool({"content-type", "*"} & allowed["headers"])
    )


_ALLOWED: Final = ("origin", "methods", "headers")


def _comma_separated(header: str) -> set[str]:
    return {value.strip().lower() for value in header.split(",")}


@contextmanager
def _object(storage: Storage) -> Iterator[str]:
    """Writes an object with CONTENT and yields its key; deletes it after the block."""
    key = _key()
    storage.upload_file(key=key, body=CONTENT, content_type=CONTENT_TYPE)
    try:
        yield key
    finally:
        storage.delete(key)


def _key() -> str:
    """A new key each time: R2 allows one write a second for a key, and a CDN caches."""
    return f"doctor/{secrets.token_hex(8)}.txt"
