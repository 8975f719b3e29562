"""The bucket: written to, read, deleted from; its public address; uploads from a browser."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit

from cli.doctor.findings import NotLookedAtError, TroubleError
from cli.doctor.web import ask
from clipferry.storage import Storage

CONTENT: Final = b"clipferry doctor was here, and takes this away again\n"
TYPE: Final = "text/plain"


def round_trip(storage: Storage) -> str:
    """Puts an object under `doctor/`, asks for it and deletes it."""
    with _object(storage) as key:
        found = storage.head(key)
        if found is None:
            raise TroubleError(f"{key} isn't there after it was written")
        if found.size != len(CONTENT):
            raise TroubleError(f"{key} has {found.size} bytes, and {len(CONTENT)} were written")
    if storage.head(key) is not None:
        raise TroubleError(f"{key} is still there after it was deleted")
    return "put, head and delete"


def public_address(storage: Storage, *, plain_http: bool) -> str:
    """Reads an object where users will."""
    with _object(storage) as key:
        url = storage.public_url(key)
        answer = ask("GET", url, plain_http=plain_http)
        if answer.status != 200 or answer.body != CONTENT:
            raise TroubleError(f"GET {url} answers {answer.status}, not the object")
    return urlsplit(url).netloc


def checksums(storage: Storage) -> str:
    """By default boto3 sends checksums as trailers of a chunked body, which R2 refuses."""
    settings = storage.checksum_settings()
    if set(settings) != {"when_required"}:
        raise TroubleError(f"boto3 has request_checksum_calculation={settings[0]}, response…={settings[1]}")
    return "boto3 adds none by itself"


def browser_upload(storage: Storage, *, plain_http: bool) -> str:
    """A presigned upload, done as a browser does it."""
    key = _key()
    url = storage.get_signed_upload_url(key=key, content_type=TYPE, expires_in=60, content_length=len(CONTENT))
    try:
        answer = ask("PUT", url, plain_http=plain_http, headers={"Content-Type": TYPE}, body=CONTENT)
    finally:
        storage.delete(key)
    if answer.status != 200:
        raise TroubleError(f"a presigned PUT is answered {answer.status}")
    return "a presigned PUT is taken"


def cors(endpoint: str, bucket: str, origins: Sequence[str], *, plain_http: bool) -> str:
    """Asks for each front end what a browser asks before it uploads."""
    if not origins:
        raise NotLookedAtError("ALLOWED_ORIGINS is empty: no front end uploads from a browser")
    url = f"{endpoint.rstrip('/')}/{bucket}/{_key()}"
    refused = [origin for origin in origins if not _may_put(url, origin, plain_http=plain_http)]
    if refused:
        raise TroubleError(f"no PUT from {', '.join(refused)}")
    return f"PUT from {', '.join(origins)}"


def _may_put(url: str, origin: str, *, plain_http: bool) -> bool:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "content-type",
    }
    answer = ask("OPTIONS", url, plain_http=plain_http, headers=asked)
    allowed = {name: _words(answer.headers.get(f"access-control-allow-{name}", "")) for name in _ALLOWED}
    return (
        answer.status in (200, 204)
        and bool({origin.lower(), "*"} & allowed["origin"])
        and bool({"put", "*"} & allowed["methods"])
        and bool({"content-type", "*"} & allowed["headers"])
    )


_ALLOWED: Final = ("origin", "methods", "headers")


def _words(header: str) -> set[str]:
    return {word.strip().lower() for word in header.split(",")}


@contextmanager
def _object(storage: Storage) -> Iterator[str]:
    """A key that holds CONTENT until the block ends."""
    key = _key()
    storage.upload_file(key=key, body=CONTENT, content_type=TYPE)
    try:
        yield key
    finally:
        storage.delete(key)


def _key() -> str:
    """One of our own each time: R2 takes one write a second for a key, and a CDN remembers what was there."""
    return f"doctor/{secrets.token_hex(8)}.txt"
