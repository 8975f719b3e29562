"""The owner's bucket, spoken to as S3: the founding document's three operations, and what a mirror needs besides.

boto3 is imported by the first call, not by this module: its S3 client costs 263 ms of CPU.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from clipferry.errors import ConfigurationError, SourceInvalidError, StorageError
from clipferry.remote import Source, open_source

PART = 8 * 1024 * 1024
"""Bytes. R2 wants all parts but the last of one size (5 MiB to 5 GiB); a file of one part is a single PUT."""
CONNECT_SECONDS = 5
READ_SECONDS = 60
ATTEMPTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A file that is in the bucket."""

    url: str
    key: str
    size: int
    """Bytes."""
    sha256: str
    """Lower-case hex."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """What the bucket says of a key: bytes, and the ETag without its quotes."""

    size: int
    etag: str


class Storage:
    """One bucket of Cloudflare R2 or of anything else that speaks S3. Every failure of its is a StorageError.

    `public_domain` is where the bucket is public, `https://cdn.example.com`. `allowed_hosts` and `allow_loopback`
    say where files may be fetched from (`remote.open_source`); a plain HTTP endpoint needs `allow_loopback` too.
    """

    def __init__(
        self,
        *,
        endpoint: str,
        region: str,
        access_key: str,
        secret_key: str,
        bucket: str,
        public_domain: str | None,
        allowed_hosts: tuple[str, ...] = (),
        allow_loopback: bool = False,
    ) -> None:
        place = urlsplit(endpoint)
        if not place.hostname or place.scheme not in ({"https", "http"} if allow_loopback else {"https"}):
            raise ConfigurationError("the storage endpoint must be https://…")
        self._endpoint = endpoint
        self._region = region
        self._keys = (access_key, secret_key)
        self._bucket = bucket
        self._public_domain = public_domain
        self._allowed_hosts = allowed_hosts
        self._allow_loopback = allow_loopback

    def upload_file(
        self, *, key: str, body: bytes | bytearray, content_type: str = "application/octet-stream"
    ) -> StoredFile:
        """Writes `body` in one PUT, over what is there."""
        with _translated(f"put {key}"):
            self._client.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType=content_type)
        return self._stored(key, len(body), hashlib.sha256(body).hexdigest())

    def download_and_upload(
        self,
        *,
        source_url: str,
        key: str,
        content_type: str = "video/mp4",
        on_chunk: Callable[[bytes], None] | None = None,
    ) -> StoredFile:
        """Streams the MP4 at `source_url` to `key`, in less than two parts of memory whatever its size.

        `on_chunk` sees every byte once, in order. Doing it twice is harmless: the key is written over. Nothing is
        left behind on failure, an interrupted upload included. Raises what `remote.open_source` and `Source.read`
        raise, and SourceInvalidError for what isn't an MP4, before anything is written.
        """
        digest = hashlib.sha256()
        with open_source(source_url, allowed_hosts=self._allowed_hosts, allow_loopback=self._allow_loopback) as source:
            parts = _parts(source, (digest.update, on_chunk) if on_chunk else (digest.update,))
            if source.size <= PART:
                self.upload_file(key=key, body=next(parts), content_type=content_type)
            else:
                self._upload_parts(key, parts, content_type)
        self._confirm(key, source.size)
        return self._stored(key, source.size, digest.hexdigest())

    def get_signed_upload_url(
        self, *, key: str, content_type: str, expires_in: int = 3600, content_length: int | None = None
    ) -> str:
        """A URL that takes one PUT with this very Content-Type, for `expires_in` seconds (R2: 1 to 604,800).

        With `content_length` also of this very size: a presigned PUT can fix its size, but not bound it.
        """
        target: dict[str, str | int] = {"Bucket": self._bucket, "Key": key, "ContentType": content_type}
        if content_length is not None:
            target["ContentLength"] = content_length
        with _translated(f"sign {key}"):
            return self._client.generate_presigned_url("put_object", Params=target, ExpiresIn=expires_in)

    def public_url(self, key: str) -> str:
        """The founding document's rule; its fallback isn't public, so a deployed stack sets the domain."""
        origin = self._public_domain or f"https://{self._bucket}.r2.cloudflarestorage.com"
        return f"{origin.rstrip('/')}/{key}"

    def head(self, key: str) -> StoredObject | None:
        """What is stored at `key`, None when nothing is."""
        from botocore.exceptions import ClientError  # noqa: PLC0415

        with _translated(f"head {key}"):
            try:
                found = self._client.head_object(Bucket=self._bucket, Key=key)
            except ClientError as error:
                if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                    return None
                raise
        return StoredObject(size=found["ContentLength"], etag=found["ETag"].strip('"'))

    def delete(self, key: str) -> None:
        """Removes `key`; nothing being there is fine."""
        with _translated(f"delete {key}"):
            self._client.delete_object(Bucket=self._bucket, Key=key)

    def check(self) -> None:
        """Raises StorageError unless the bucket is there and these keys may use it."""
        with _translated(f"bucket {self._bucket}"):
            self._client.head_bucket(Bucket=self._bucket)

    def _upload_parts(self, key: str, parts: Iterator[bytearray], content_type: str) -> None:
        target = {"Bucket": self._bucket, "Key": key}
        with _translated(f"begin {key}"):
            begun = self._client.create_multipart_upload(**target, ContentType=content_type)
        target["UploadId"] = begun["UploadId"]
        try:
            done = [self._upload_part(target, number, part) for number, part in enumerate(parts, start=1)]
            with _translated(f"complete {key}"):
                self._client.complete_multipart_upload(**target, MultipartUpload={"Parts": done})
        except BaseException:
            with suppress(StorageError), _translated(f"abort {key}"):
                self._client.abort_multipart_upload(**target)
            raise

    def _upload_part(self, target: dict[str, str], number: int, part: bytearray) -> dict[str, Any]:
        with _translated(f"part {number} of {target['Key']}"):
            answer = self._client.upload_part(**target, PartNumber=number, Body=part)
        return {"PartNumber": number, "ETag": answer["ETag"]}

    def _confirm(self, key: str, size: int) -> None:
        found = self.head(key)
        if found is None or found.size != size:
            raise StorageError(f"{key}: {found.size if found else 'no'} bytes are stored of {size}")

    def _stored(self, key: str, size: int, sha256: str) -> StoredFile:
        return StoredFile(url=self.public_url(key), key=key, size=size, sha256=sha256)

    @functools.cached_property
    def _client(self) -> Any:
        from boto3.session import Session  # noqa: PLC0415
        from botocore.config import Config  # noqa: PLC0415

        access_key, secret_key = self._keys
        return Session().client(
            "s3",
            endpoint_url=self._endpoint,
            region_name=self._region,
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
            config=Config(
                signature_version="s3v4",
                # By default boto3 sends checksums as trailers of a chunked body, which R2 refuses.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
                connect_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS,
                s3={"addressing_style": "path"},
            ),
        )


def _parts(source: Source, observers: tuple[Callable[[bytes], None], ...]) -> Iterator[bytearray]:
    """The file in equal parts of PART bytes, the last one smaller; SourceInvalidError if it isn't an MP4.

    All are the same piece of memory: each is gone when the next is asked for.
    """
    part = bytearray()
    for position, chunk in enumerate(source):
        if position == 0 and chunk[4:8] != b"ftyp":
            raise SourceInvalidError(f"{source.content_type} begins with {chunk[:16]!r}, not as an MP4 does")
        for observe in observers:
            observe(chunk)
        part += chunk
        if len(part) == PART:  # chunks divide it
            yield part
            part.clear()
    if part:
        yield part


@contextmanager
def _translated(what: str) -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise StorageError(f"{what}: {error}") from error
