"""A strict Cloudflare R2 on 127.0.0.1: refuses what R2 refuses, and fails on request, which moto does neither.

For `make dev`, tests and benchmarks. Addresses are path-style, there is one bucket, and objects are listed by prefix
only. What R2 doesn't implement, or this doesn't, is answered with 501.
"""

from __future__ import annotations

import hashlib
import ssl
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Lock
from typing import Final, Self
from urllib.parse import parse_qs, unquote
from xml.sax.saxutils import escape

from local.http.exchange import Exchange
from local.http.messages import Response
from local.http.server import HttpServer
from local.r2.bucket import MIN_PART, Blob, R2Bucket
from local.r2.checks import check_body, check_features, check_length
from local.r2.faults import Fault, next_fault
from local.r2.folder import KeptObjects
from local.r2.operations import OPERATIONS, Call, operation_name
from local.r2.signatures import RefusedError, verify

_BLOCK = 1 << 18
_SMALL_BLOCK = 1 << 14
"""A fault may be wanted in the middle of a body."""
_CORS: Final = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "GET, HEAD, PUT",
    "access-control-allow-headers": "content-type",
    "access-control-expose-headers": "etag",
}


class FakeR2:
    """`with FakeR2() as r2: …`; `r2.url` is the endpoint, `r2.bucket` what is stored, `r2.requests` what was asked.

    `keep=False` hashes bodies and throws them away. `tls` serves HTTPS. `cors` lets every page upload, as a rule of the
    bucket's would. With a `folder` the objects stay there.
    """

    def __init__(
        self,
        *,
        name: str = "films",
        access_key: str = "r2-access-key",
        secret_key: str = "r2-secret-key",
        keep: bool = True,
        min_part: int = MIN_PART,
        one_write_a_second: bool = False,
        tls: ssl.SSLContext | None = None,
        cors: bool = False,
        port: int = 0,
        folder: Path | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.name, self.access_key, self.secret_key, self.keep, self.now = name, access_key, secret_key, keep, now
        kept = KeptObjects(folder) if folder else None
        self.bucket = R2Bucket(min_part=min_part, one_write_a_second=one_write_a_second, folder=kept)
        self._cors = _CORS if cors else {}
        self.faults: list[Fault] = []
        self.requests: Counter[str] = Counter()
        """How often each operation was asked for."""
        self.received = 0
        """Bytes of bodies, those of requests that failed included."""
        self.checked_by_md5 = 0
        """Bytes of bodies that came with a Content-MD5, and agreed with it."""
        self._stopping = Event()
        self._lock = Lock()
        self._server = HttpServer(port=port, tls=tls)
        self.url = self._server.url

    @property
    def connections(self) -> int:
        """How many were accepted."""
        return self._server.accepted

    def fail(self, *faults: Fault) -> None:
        with self._lock:
            self.faults.extend(faults)

    def __enter__(self) -> Self:
        self._server.start(self._serve)
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._server.close()

    def _serve(self, exchange: Exchange) -> None:
        path, _, query = exchange.path.partition("?")
        parameters = {name: values[0] for name, values in parse_qs(query, keep_blank_values=True).items()}
        headers = {name.lower(): value.strip() for name, value in exchange.headers.items()}
        bucket, _, key = unquote(path).removeprefix("/").partition("/")
        method = exchange.command
        if method == "OPTIONS" and self._cors:
            exchange.send(Response(status=204, headers=self._cors))
            return
        operation = operation_name(method, key, parameters)
        with self._lock:
            self.requests[operation] += 1
            fault = next_fault(self.faults, operation)
        try:
            body = self._receive(exchange, headers, fault)
            keys = {self.access_key: self.secret_key}
            verify(method=method, path=path, query=query, headers=headers, keys=keys, now=self.now())
            self._check(bucket, headers, parameters, body)
            if fault is not None:
                fault.answer_badly()
            call = Call(
                method=method,
                bucket=self.bucket,
                key=key,
                parameters=parameters,
                headers=headers,
                body=body,
                now=self.now(),
            )
            is_refused = fault is not None and fault.kind == "refused"
            response = Response(status=200) if is_refused else OPERATIONS[operation](call)
        except RefusedError as refusal:
            response = _refusal(refusal)
        except _BrokenOffError:
            if fault is None or fault.kind != "refused":
                exchange.hang_up(reset=True)
                return
            exchange.close_connection, response = True, Response(status=200)
        if fault is not None and fault.kind in ("answered", "refused"):
            response = fault.answer(response)
        if fault is not None and fault.kind == "lost":
            exchange.hang_up()
        else:
            exchange.send(replace(response, headers={**response.headers, **self._cors}))

    def _receive(self, exchange: Exchange, headers: Mapping[str, str], fault: Fault | None) -> Blob:
        """The body, counted and hashed on its way."""
        exchange.close_connection |= "transfer-encoding" in headers
        check_length(exchange.command, headers)
        is_kept = self.keep or exchange.command == "POST"
        md5, sha256, kept, size = hashlib.md5(usedforsecurity=False), hashlib.sha256(), bytearray(), 0
        self._break_off(fault, 0)
        for block in exchange.body(block_size=_BLOCK if fault is None else _SMALL_BLOCK):
            if fault is not None and fault.kind == "damaged" and size == 0:
                block = bytes([block[0] ^ 1]) + block[1:]  # noqa: PLW2901 - from here on, it came like this
            size += len(block)
            md5.update(block)
            sha256.update(block)
            if is_kept:
                kept += block
            with self._lock:
                self.received += len(block)
            self._break_off(fault, size)
        content = bytes(kept) if is_kept else None
        return Blob(size=size, md5=md5.hexdigest(), sha256=sha256.hexdigest(), content=content)

    def _break_off(self, fault: Fault | None, received: int) -> None:
        if fault is None or not fault.breaks_off(received):
            return
        if fault.kind == "stall":
            self._stopping.wait(60)
        raise _BrokenOffError

    def _check(self, bucket: str, headers: Mapping[str, str], parameters: Mapping[str, str], body: Blob) -> None:
        check_features(headers, parameters)
        check_body(headers, body)
        if "content-md5" in headers:
            with self._lock:
                self.checked_by_md5 += body.size
        if bucket != self.name:
            raise RefusedError(404, "NoSuchBucket", "The specified bucket does not exist. (10006)")


class _BrokenOffError(Exception):
    """The connection ends here."""


def _refusal(refusal: RefusedError) -> Response:
    words = f"<Code>{refusal.code}</Code><Message>{escape(refusal.message)}</Message>"
    return Response(status=refusal.status, body=f"<Error>{words}</Error>".encode())
