"""A strict Cloudflare R2 on 127.0.0.1: refuses what R2 refuses, and fails on request, which moto does neither.

For tests, benchmarks and the local stack. Path-style addresses and one bucket; not implemented is what R2 doesn't
implement, and listing by anything but a prefix.
"""

from __future__ import annotations

import base64
import hashlib
import re
import socket
import ssl
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Final, Literal, Self
from urllib.parse import parse_qs, unquote
from xml.sax.saxutils import escape, unescape

from local.r2.bucket import MIN_PART, Blob, R2Bucket
from local.r2.signatures import RefusedError, verify

STEP: Final = 1 << 18
REFUSED_HEADERS: Final = re.compile(
    r"x-amz-(acl|grant-.*|tagging|server-side-encryption(?!-customer).*|object-lock-.*|website-.*|request-payer"
    r"|expected-bucket-owner)"
)
UPLOADS_A_PAGE: Final = 1000
_LISTED_PART: Final = re.compile(r"<Part>(.*?)</Part>", re.DOTALL)

FaultKind = Literal["500", "503", "429", "reset", "stall", "slow", "lost", "damaged"]


@dataclass(slots=True, kw_only=True)
class Fault:
    """What goes wrong with the next `times` requests of an operation (`UploadPart`, … or `*`), after `skip` good ones.

    `reset`: the connection breaks off after `after` bytes of the body. `stall`: nothing more is read from there.
    `slow`: `seconds` before the answer. `damaged`: the body's first byte is another. `lost`: all is done as asked, and
    the connection closes without an answer.
    """

    operation: str
    kind: FaultKind
    times: int = 1
    skip: int = 0
    after: int = 0
    seconds: float = 0.2


class FakeR2:
    """`with FakeR2() as r2: …`; `r2.url` is the endpoint, `r2.bucket` what is stored, `r2.requests` what was asked.

    `keep=False` hashes bodies and throws them away. `tls` serves HTTPS.
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
        port: int = 0,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.name, self.access_key, self.secret_key, self.keep, self.now = name, access_key, secret_key, keep, now
        self.bucket = R2Bucket(min_part=min_part, one_write_a_second=one_write_a_second)
        self.faults: list[Fault] = []
        self.requests: Counter[str] = Counter()
        self.received = 0
        """Bytes of bodies, those of requests that failed included."""
        self.checked_by_md5 = 0
        """Bytes of bodies that came with a Content-MD5, and agreed with it."""
        self.stopping = Event()
        self.lock = Lock()
        self._server = _Server(port, self, tls)
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name="r2")
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self._server.server_port}"

    @property
    def connections(self) -> int:
        """How many were accepted."""
        return self._server.accepted

    def fail(self, *faults: Fault) -> None:
        with self.lock:
            self.faults.extend(faults)

    def start(self) -> Self:
        self._thread.start()
        return self

    def stop(self) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.hang_up()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 128

    def __init__(self, port: int, r2: FakeR2, tls: ssl.SSLContext | None) -> None:
        self.r2, self._tls = r2, tls
        self.accepted = 0
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Handler)

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        connection, address = super().get_request()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._tls is not None:
            connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        self._open.add(connection)
        self.accepted += 1
        return connection, address

    def shutdown_request(self, request: socket.socket) -> None:  # type: ignore[override]
        self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Ends the connections that clients keep, so that their threads end."""
        for connection in list(self._open):
            with suppress(OSError):
                socket.socket.shutdown(connection, socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are what is being tested."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride]
    timeout = 60

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass

    def do_GET(self) -> None:
        self._serve()

    do_HEAD = do_PUT = do_POST = do_DELETE = do_GET  # noqa: N815

    def _serve(self) -> None:
        self.r2 = self.server.r2
        path, _, self.query = self.path.partition("?")
        self.asked = {name: values[0] for name, values in parse_qs(self.query, keep_blank_values=True).items()}
        bucket, _, key = unquote(path).removeprefix("/").partition("/")
        self.key = key
        self.plain = {name.lower(): value.strip() for name, value in self.headers.items()}
        operation = self._operation()
        self.fault = self._next_fault(operation)
        try:
            with self.r2.lock:
                self.r2.requests[operation] += 1
            blob = self._read()
            self._check(path, bucket, blob)
            self._obey_fault()
            status, headers, body = getattr(self, operation)(blob)
        except RefusedError as refusal:
            code = f"<Code>{refusal.code}</Code><Message>{escape(refusal.message)}</Message>"
            status, headers, body = refusal.status, {}, f"<Error>{code}</Error>".encode()
        except _BrokenOffError:
            self.close_connection = True
            return
        if self.fault is not None and self.fault.kind == "lost":
            self.close_connection = True
            return
        self._answer(status, headers, body)

    def _operation(self) -> str:
        if not self.key:
            found = {"HEAD": "HeadBucket", "GET": "ListMultipartUploads" if "uploads" in self.asked else "ListObjects"}
        elif "uploadId" in self.asked:
            found = {
                "PUT": "UploadPart",
                "POST": "CompleteMultipartUpload",
                "DELETE": "AbortMultipartUpload",
                "GET": "ListParts",
            }
        else:
            found = {"PUT": "PutObject", "GET": "GetObject", "HEAD": "HeadObject", "DELETE": "DeleteObject"}
            found["POST"] = "CreateMultipartUpload" if "uploads" in self.asked else "NotImplemented"
        return found.get(self.command, "NotImplemented")

    def _next_fault(self, operation: str) -> Fault | None:
        with self.r2.lock:
            for fault in self.r2.faults:
                if fault.operation in (operation, "*") and fault.times > 0:
                    if fault.skip > 0:
                        fault.skip -= 1
                        return None
                    fault.times -= 1
                    return fault
        return None

    def _read(self) -> Blob:
        """The body, counted and hashed on its way."""
        if self.plain.get("transfer-encoding") or (self.command == "PUT" and "content-length" not in self.plain):
            self.close_connection = True
            raise RefusedError(411, "MissingContentLength", "You must provide the Content-Length HTTP header. (10034)")
        size = left = int(self.plain.get("content-length", "0"))
        md5, sha256, kept = hashlib.md5(usedforsecurity=False), hashlib.sha256(), bytearray()
        while left:
            self._break_off(size - left)
            chunk = self.rfile.read(min(left, STEP if self.fault is None else 1 << 14))
            if not chunk:
                raise _BrokenOffError
            left -= len(chunk)
            if self.fault is not None and self.fault.kind == "damaged" and not kept:
                chunk = bytes([chunk[0] ^ 1]) + chunk[1:]
            md5.update(chunk)
            sha256.update(chunk)
            if self.r2.keep or self.command == "POST":
                kept += chunk
            with self.r2.lock:
                self.r2.received += len(chunk)
        self._break_off(size)
        content = bytes(kept) if self.r2.keep or self.command == "POST" else None
        return Blob(size=size, md5=md5.hexdigest(), sha256=sha256.hexdigest(), content=content)

    def _break_off(self, done: int) -> None:
        if self.fault is None or self.fault.kind not in ("reset", "stall") or done < self.fault.after:
            return
        if self.fault.kind == "stall":
            self.r2.stopping.wait(60)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # close by RST
        raise _BrokenOffError

    def _obey_fault(self) -> None:
        if self.fault is None:
            return
        if self.fault.kind == "slow":
            time.sleep(self.fault.seconds)
        elif self.fault.kind == "500":
            raise RefusedError(500, "InternalError", "We encountered an internal error. Please try again. (10001)")
        elif self.fault.kind == "503":
            raise RefusedError(503, "SlowDown", "Reduce your request rate.")
        elif self.fault.kind == "429":
            raise RefusedError(429, "TooManyRequests", "(10058)")

    def _check(self, path: str, bucket: str, blob: Blob) -> None:
        keys = {self.r2.access_key: self.r2.secret_key}
        verify(method=self.command, path=path, query=self.query, headers=self.plain, keys=keys, now=self.r2.now())
        payload = self.plain.get("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
        if payload.startswith("STREAMING-") or "aws-chunked" in self.plain.get("content-encoding", ""):
            raise RefusedError(501, "NotImplemented", f"{payload} not implemented")
        for name in self.plain:
            if REFUSED_HEADERS.fullmatch(name):
                raise RefusedError(501, "NotImplemented", f"Header '{name}' with value is not implemented")
        if {"acl", "tagging"} & self.asked.keys():
            raise RefusedError(501, "NotImplemented", "not implemented")
        if payload not in ("UNSIGNED-PAYLOAD", blob.sha256):
            raise RefusedError(400, "XAmzContentSHA256Mismatch", "The payload is not what was signed.")
        if "content-md5" in self.plain:
            given = base64.b64decode(self.plain["content-md5"]).hex()
            if given != blob.md5:
                raise RefusedError(400, "BadDigest", "The Content-MD5 you specified did not match. (10037)")
            with self.r2.lock:
                self.r2.checked_by_md5 += blob.size
        if bucket != self.r2.name:
            raise RefusedError(404, "NoSuchBucket", "The specified bucket does not exist. (10006)")

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    # The operations: each gives status, headers, body.

    def NotImplemented(self, _blob: Blob) -> _Answer:  # noqa: N802
        raise RefusedError(501, "NotImplemented", f"{self.command} {self.path.partition('?')[2]}")

    def HeadBucket(self, _blob: Blob) -> _Answer:  # noqa: N802
        return 200, {}, b""

    def PutObject(self, blob: Blob) -> _Answer:  # noqa: N802
        stored = self.r2.bucket.put(
            self.key, blob, content_type=self._content_type(), if_match=self.plain.get("if-match"),
            if_none_match=self.plain.get("if-none-match"),
        )  # fmt: skip
        return 200, {"ETag": f'"{stored.etag}"'}, b""

    def CreateMultipartUpload(self, _blob: Blob) -> _Answer:  # noqa: N802
        upload_id = self.r2.bucket.create(self.key, content_type=self._content_type(), now=self.r2.now())
        return 200, {}, _xml("InitiateMultipartUploadResult", f"<UploadId>{escape(upload_id)}</UploadId>")

    def UploadPart(self, blob: Blob) -> _Answer:  # noqa: N802
        etag = self.r2.bucket.put_part(self.key, self.asked["uploadId"], int(self.asked["partNumber"]), blob)
        return 200, {"ETag": f'"{etag}"'}, b""

    def CompleteMultipartUpload(self, blob: Blob) -> _Answer:  # noqa: N802
        listed = [_listed(part) for part in _LISTED_PART.findall((blob.content or b"").decode())]
        stored = self.r2.bucket.complete(
            self.key, self.asked["uploadId"], listed, if_match=self.plain.get("if-match"),
            if_none_match=self.plain.get("if-none-match"),
        )  # fmt: skip
        return 200, {}, _xml("CompleteMultipartUploadResult", f"<ETag>&quot;{stored.etag}&quot;</ETag>")

    def AbortMultipartUpload(self, _blob: Blob) -> _Answer:  # noqa: N802
        self.r2.bucket.abort(self.key, self.asked["uploadId"])
        return 204, {}, b""

    def ListParts(self, _blob: Blob) -> _Answer:  # noqa: N802
        """At most 1,000 at a time, as S3 has it."""
        parts = sorted(self.r2.bucket.upload(self.key, self.asked["uploadId"]).parts.items())
        after, limit = int(self.asked.get("part-number-marker", "0")), int(self.asked.get("max-parts", "1000"))
        rest = [(number, part) for number, part in parts if number > after]
        page = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>&quot;{part.md5}&quot;</ETag><Size>{part.size}</Size></Part>"
            for number, part in rest[:limit]
        )
        more = "true" if len(rest) > limit else "false"
        return 200, {}, _xml("ListPartsResult", f"<IsTruncated>{more}</IsTruncated>{page}")

    def ListMultipartUploads(self, _blob: Blob) -> _Answer:  # noqa: N802
        """By key and id, at most 1,000 at a time, as S3 has it."""
        prefix, limit = self.asked.get("prefix", ""), int(self.asked.get("max-uploads", UPLOADS_A_PAGE))
        after = (self.asked.get("key-marker", ""), self.asked.get("upload-id-marker", ""))
        found = sorted((upload.key, upload_id) for upload_id, upload in self.r2.bucket.uploads.items())
        rest = [place for place in found if place[0].startswith(prefix) and place > after]
        page = "".join(
            f"<Upload><Key>{escape(key)}</Key><UploadId>{escape(upload_id)}</UploadId>"
            f"<Initiated>{self.r2.bucket.uploads[upload_id].begun:%Y-%m-%dT%H:%M:%S.000Z}</Initiated></Upload>"
            for key, upload_id in rest[:limit]
        )
        more = "<IsTruncated>false</IsTruncated>"
        if len(rest) > limit:
            key, upload_id = map(escape, rest[limit - 1])
            more = f"<NextKeyMarker>{key}</NextKeyMarker><NextUploadIdMarker>{upload_id}</NextUploadIdMarker>"
            more += "<IsTruncated>true</IsTruncated>"
        return 200, {}, _xml("ListMultipartUploadsResult", more + page)

    def ListObjects(self, _blob: Blob) -> _Answer:  # noqa: N802
        prefix = self.asked.get("prefix", "")
        page = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{found.size}</Size></Contents>"
            for key, found in sorted(self.r2.bucket.objects.items())
            if key.startswith(prefix)
        )
        return 200, {}, _xml("ListBucketResult", f"<IsTruncated>false</IsTruncated>{page}")

    def DeleteObject(self, _blob: Blob) -> _Answer:  # noqa: N802
        self.r2.bucket.delete(self.key)
        return 204, {}, b""

    def HeadObject(self, _blob: Blob) -> _Answer:  # noqa: N802
        found = self.r2.bucket.object(self.key)
        described = {"ETag": f'"{found.etag}"', "Content-Type": found.content_type, "Accept-Ranges": "bytes"}
        return 200, described | {"Content-Length": str(found.size)}, b""

    def GetObject(self, _blob: Blob) -> _Answer:  # noqa: N802
        found = self.r2.bucket.object(self.key)
        content = found.content if found.content is not None else bytes(found.size)
        described = {"ETag": f'"{found.etag}"', "Content-Type": found.content_type, "Accept-Ranges": "bytes"}
        if self.plain.get("if-match", found.etag).strip('"') not in (found.etag, "*"):
            raise RefusedError(412, "PreconditionFailed", "(10031)")
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.plain.get("range", ""))
        if asked is None:
            return 200, described, content
        start, last = int(asked[1]), min(int(asked[2] or found.size), found.size - 1)
        if start > last:
            raise RefusedError(416, "InvalidRange", "(10039)")
        described["Content-Range"] = f"bytes {start}-{last}/{found.size}"
        return 206, described, content[start : last + 1]

    def _content_type(self) -> str:
        return self.plain.get("content-type", "application/octet-stream")


_Answer = tuple[int, dict[str, str], bytes]


class _BrokenOffError(Exception):
    """The connection ends here."""


def _xml(name: str, content: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?><{name}>{content}</{name}>'.encode()


def _listed(part: str) -> tuple[int, str]:
    number, etag = re.search(r"<PartNumber>(\d+)</PartNumber>", part), re.search(r"<ETag>(.*?)</ETag>", part)
    if number is None or etag is None:
        raise RefusedError(400, "MalformedXML", "(10040)")
    return int(number[1]), unescape(etag[1], {"&quot;": '"'}).strip('"')
