"""A client of one S3 bucket over our own connections: signed requests, streamed bodies, and nothing buffered.

Sources: the Amazon S3 API Reference; R2's differences are in Cloudflare's "S3 API compatibility".
"""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import NamedTuple, NoReturn
from urllib.parse import quote, urlencode, urlsplit

from clipferry.aws.sigv4 import UNSIGNED_PAYLOAD, Credentials, sign
from clipferry.errors import StorageError
from clipferry.net.connection import Connection
from clipferry.net.deadline import Deadline
from clipferry.net.pool import ConnectionPool
from clipferry.net.request_head import Origin
from clipferry.net.response import Response
from clipferry.net.response_head import Headers
from clipferry.net.retry_after import retry_after
from clipferry.s3.retry import BucketRefusedError
from clipferry.s3.xml import element_text, is_error, is_whole

MAX_RESPONSE_BYTES = 4 * 1024 * 1024
"""A list of 1,000 parts takes about 200 kB."""
_LATE_RESPONSE_SECONDS = 1.0
"""For reading why the bucket has closed the connection."""


class BucketResponse(NamedTuple):
    """A complete response of status 2xx."""

    headers: Headers
    body: str


class Bucket:
    """One bucket, by its path-style URL. Thread-safe.

    Every request raises StorageError when there is no response or half of one, and BucketRefusedError for a status that
    isn't 2xx or an error with status 200. `has_conditions` is False once it has answered `If-None-Match` with 501.
    """

    def __init__(
        self,
        *,
        endpoint: str,
        region: str,
        credentials: Credentials,
        name: str,
        tls: ssl.SSLContext | None = None,
        stall_seconds: float = 30.0,
    ) -> None:
        """`stall_seconds` is for one step of a body, and for a response."""
        parts = urlsplit(endpoint)
        secure, host = parts.scheme == "https", parts.hostname or ""
        origin = Origin(secure, host, parts.port or (443 if secure else 80))
        self._base = f"{parts.scheme}://{parts.netloc}"
        self._path = f"{parts.path.rstrip('/')}/{quote(name)}"
        self._name = name
        self._region = region
        self._stall_seconds = stall_seconds
        self.has_conditions = True
        self._credentials = credentials
        self._pool = ConnectionPool(origin, tls=tls)

    def call(
        self,
        method: str,
        key: str,
        *,
        deadline: Deadline,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> BucketResponse:
        """Sends one request, whose body is small and signed, and returns the response."""
        target, signed = self._signed(method, key, query or {}, headers or {}, hashlib.sha256(body).hexdigest())
        what = _named(method, key or self._name, query)
        with self._connection(what, deadline) as connection:
            response = connection.request(method, target, headers=signed, body=body or None)
            return self._read_response(what, connection, response)

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
        """Begins a PUT of `length` bytes, which the block sends (`PutRequest.send`) and ends (`PutRequest.finish`)."""
        sized = {**(headers or {}), "Content-Length": str(length)}
        target, signed = self._signed("PUT", key, query or {}, sized, UNSIGNED_PAYLOAD)
        what = _named("PUT", key, query)
        with self._connection(what, deadline) as connection:
            connection.send_head("PUT", target, headers=signed)
            yield PutRequest(self, connection, what)

    @contextmanager
    def get(self, key: str, headers: Mapping[str, str], *, deadline: Deadline) -> Iterator[Response]:
        """Gives the response, whatever its status; its connection is closed afterwards."""
        target, signed = self._signed("GET", key, {}, headers, UNSIGNED_PAYLOAD)
        with self._connection(f"GET {key}", deadline) as connection:
            try:
                yield connection.request("GET", target, headers=signed)
            finally:
                connection.close()

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
        """Gives a connection for one request; closes it after an error. `_read_response` gives it back to the pool."""
        with _translated(what):
            connection = self._pool.acquire(deadline=deadline, stall_seconds=self._stall_seconds)
            try:
                yield connection
            except BaseException:
                connection.close()
                raise

    def _read_response(self, what: str, connection: Connection, response: Response) -> BucketResponse:
        status, body = response.status, response.read(MAX_RESPONSE_BYTES).decode(errors="replace")
        if not 200 <= status <= 299 or is_error(body):  # S3 may send 200 first, and an error in the body
            refuse(what, response, body)
        if not is_whole(body):  # without a Content-Length an early end looks like any other
            raise StorageError(f"{what}: the response was cut short")
        if response.may_be_followed and connection.is_quiet():
            self._pool.release(connection)
        else:
            connection.close()
        return BucketResponse(response.headers, body)


class PutRequest:
    """A PUT whose head is sent."""

    def __init__(self, bucket: Bucket, connection: Connection, what: str) -> None:
        self._bucket = bucket
        self._connection = connection
        self._what = what

    def send(self, view: memoryview) -> None:
        """Sends the body's next bytes. A bucket that closes the connection has often said why: that is raised then."""
        with _translated(self._what):
            try:
                self._connection.sendall(view)
            except OSError:
                self.wait_no_longer()
                with suppress(OSError):
                    self.finish()
                raise

    def wait_no_longer(self) -> None:
        """Lets the answer take one second more at the most."""
        self._connection.stall_seconds = _LATE_RESPONSE_SECONDS

    def finish(self) -> str:
        """Returns the ETag of what was sent, without its quotes."""
        with _translated(self._what):
            response = self._connection.get_response()
            return etag_of(self._bucket._read_response(self._what, self._connection, response).headers)  # noqa: SLF001


def refuse(what: str, response: Response, body: str) -> NoReturn:
    """Raises BucketRefusedError with what S3's error document says."""
    message = element_text(body, "Message")[:200]
    raise BucketRefusedError(
        f"{what} {message}".strip(),
        http_status=response.status,
        reason=element_text(body, "Code"),
        wait_seconds=retry_after(response.headers.get("Retry-After")) or 0.0,
    )


def etag_of(headers: Headers) -> str:
    """Returns the ETag without its quotes; a proxy may have made it a weak one."""
    return headers.get("ETag").removeprefix("W/").strip('"')


def _named(method: str, key: str, query: Mapping[str, str] | None) -> str:
    part = (query or {}).get("partNumber")
    return f"{method} {key}" + (f" part {part}" if part else "")


@contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except (OSError, UnicodeError) as error:
        raise StorageError(f"{what}: {type(error).__name__}: {error}") from error
