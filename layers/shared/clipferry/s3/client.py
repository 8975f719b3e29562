"""A bucket, spoken to as S3 over connections of our own: signed requests, streamed bodies, and nothing buffered.

Sources: the Amazon S3 API Reference; R2's differences are in Cloudflare's "S3 API compatibility".
"""

from __future__ import annotations

import hashlib
import http.client
import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, urlencode, urlsplit

from clipferry.aws.sigv4 import UNSIGNED_PAYLOAD, Credentials, sign
from clipferry.errors import StorageError
from clipferry.net.connection import Connection, Deadline, Origin
from clipferry.net.pool import ConnectionPool
from clipferry.s3.retry import BucketRefusedError

MAX_ANSWER = 4 * 1024 * 1024
"""Bytes of XML; 1,000 parts take about 200 kB."""
_LATE_ANSWER_SECONDS = 1.0
# The standard library's own is in xml.sax, whose import costs 20 ms. The ampersand comes last.
_ESCAPED = {"&quot;": '"', "&#34;": '"', "&apos;": "'", "&lt;": "<", "&gt;": ">", "&amp;": "&"}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """What the bucket says of a key: bytes, and the ETag without its quotes."""

    size: int
    etag: str


@dataclass(frozen=True, slots=True)
class BucketAnswer:
    """A whole answer of status 2xx."""

    headers: http.client.HTTPMessage
    body: str

    @property
    def etag(self) -> str:
        return self.headers.get("ETag", "").strip('"')


class Bucket:
    """One bucket by path-style address. Thread-safe. Everything raises StorageError; a refusal BucketRefusedError."""

    def __init__(
        self,
        *,
        endpoint: str,
        region: str,
        credentials: Credentials,
        name: str,
        tls: ssl.SSLContext | None = None,
        stall: float = 30.0,
    ) -> None:
        """`stall` in seconds, for one step of a body and for an answer."""
        place = urlsplit(endpoint)
        secure, host = place.scheme == "https", place.hostname or ""
        origin = Origin(secure, host, place.port or (443 if secure else 80))
        self._base = f"{place.scheme}://{place.netloc}"
        self._path = f"{place.path.rstrip('/')}/{quote(name)}"
        self._name = name
        self._region = region
        self._stall = stall
        self._credentials = credentials
        self._pool = ConnectionPool(
            origin, lambda: socket.getaddrinfo(host, origin.port, type=socket.SOCK_STREAM), tls=tls
        )

    def call(
        self,
        method: str,
        key: str,
        *,
        deadline: Deadline,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> BucketAnswer:
        """One request whose body is small, and signed."""
        target, signed = self._signed(method, key, query or {}, headers or {}, hashlib.sha256(body).hexdigest())
        what = _named(method, key or self._name, query)
        with self._connection(what, deadline) as connection:
            response = connection.request(method, target, headers=signed, body=body or None)
            return self._finish(what, connection, response)

    @contextmanager
    def put(
        self,
        key: str,
        length: int,
        *,
        deadline: Deadline,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[PutRequest]:
        """A PUT whose `length` bytes are sent in the block; `PutRequest.finish` is its answer."""
        sized = {**(headers or {}), "Content-Length": str(length)}
        target, signed = self._signed("PUT", key, query or {}, sized, UNSIGNED_PAYLOAD)
        what = _named("PUT", key, query)
        with self._connection(what, deadline) as connection:
            yield PutRequest(self, connection, connection.send_head("PUT", target, headers=signed), what)

    @contextmanager
    def get(self, key: str, *, start: int, etag: str, deadline: Deadline) -> Iterator[Connection]:
        """The bytes of a known version from `start` on, to be read from the connection that is given."""
        asked = {"Range": f"bytes={start}-", "If-Match": f'"{etag}"'}
        target, signed = self._signed("GET", key, {}, asked, UNSIGNED_PAYLOAD)
        what = _named("GET", key, None)
        with self._connection(what, deadline) as connection:
            response = connection.request("GET", target, headers=signed)
            if response.status != 206:
                _refuse(what, response.status, response.read(MAX_ANSWER).decode(errors="replace"))
            try:
                yield connection
            finally:
                connection.close()

    def head(self, key: str, *, deadline: Deadline) -> StoredObject | None:
        """What is stored at `key`, None when nothing is."""
        try:
            answer = self.call("HEAD", key, deadline=deadline)
        except BucketRefusedError as refusal:
            if refusal.http_status == 404:
                return None
            raise
        return StoredObject(size=int(answer.headers.get("Content-Length", "-1")), etag=answer.etag)

    def close(self) -> None:
        self._pool.close()

    def _signed(
        self, method: str, key: str, query: Mapping[str, str], headers: Mapping[str, str], payload: str
    ) -> tuple[str, dict[str, str]]:
        target = self._path + (f"/{quote(key, safe='/~')}" if key else "")
        target += f"?{urlencode(query, quote_via=quote, safe='~')}" if query else ""
        signed = sign(
            method=method,
            url=self._base + target,
            region=self._region,
            service="s3",
            headers=headers,
            payload_sha256=payload,
            credentials=self._credentials,
            now=datetime.now(UTC),
        )
        return target, signed

    @contextmanager
    def _connection(self, what: str, deadline: Deadline) -> Iterator[Connection]:
        """A connection for one exchange, which ends with it unless `_finish` has given it back."""
        with _translated(what):
            connection = self._pool.acquire(deadline=deadline, stall=self._stall)
            try:
                yield connection
            except BaseException:
                connection.close()
                raise

    def _finish(self, what: str, connection: Connection, response: http.client.HTTPResponse) -> BucketAnswer:
        status, body = response.status, response.read(MAX_ANSWER).decode(errors="replace")
        if not 200 <= status <= 299 or "<Error>" in body:  # S3 may say 200 first and change its mind
            _refuse(what, status, body)
        if response.will_close or not connection.is_quiet():
            connection.close()
        else:
            self._pool.release(connection)
        return BucketAnswer(response.headers, body)


class PutRequest:
    """A PUT on its way."""

    def __init__(self, bucket: Bucket, connection: Connection, speaker: http.client.HTTPConnection, what: str) -> None:
        self._bucket = bucket
        self._connection = connection
        self._speaker = speaker
        self._what = what

    def send(self, view: memoryview) -> None:
        """The body's next bytes. A bucket that hangs up has often said why: that is raised then."""
        with _translated(self._what):
            try:
                self._connection.sendall(view)
            except OSError:
                self._connection.stall = _LATE_ANSWER_SECONDS
                with suppress(OSError, http.client.HTTPException):
                    self.finish()
                raise

    def finish(self) -> str:
        """The ETag of what was sent, without its quotes."""
        with _translated(self._what):
            return self._bucket._finish(self._what, self._connection, self._connection.answer(self._speaker)).etag  # noqa: SLF001


def field(xml: str, name: str) -> str:
    """The text of the first element of that name; empty when there is none."""
    found = re.search(rf"<{name}>([^<]*)</{name}>", xml)
    text = found[1] if found else ""
    for escaped, character in _ESCAPED.items():
        text = text.replace(escaped, character)
    return text


def _refuse(what: str, status: int, body: str) -> None:
    message = field(body, "Message")[:200]
    raise BucketRefusedError(f"{what} {message}".strip(), http_status=status, reason=field(body, "Code"))


def _named(method: str, key: str, query: Mapping[str, str] | None) -> str:
    part = (query or {}).get("partNumber")
    return f"{method} {key}" + (f" part {part}" if part else "")


@contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        raise StorageError(f"{what}: {type(error).__name__}: {error}") from error
