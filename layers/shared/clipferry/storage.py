"""The owner's bucket, spoken to as S3: the founding document's three operations, and what a mirror needs besides.

The bytes, and all else that a mirror asks for, go through the transfer core. boto3 signs upload URLs and deletes; it
is imported by the first such call, because its S3 client costs 263 ms of CPU.
"""

from __future__ import annotations

import functools
import hashlib
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from clipferry.aws.sigv4 import Credentials
from clipferry.errors import ConfigurationError, StorageError
from clipferry.net.connection import Deadline
from clipferry.net.safe_get import Rules
from clipferry.s3.client import Bucket, StoredObject
from clipferry.s3.multipart import Multipart, Progress, UnfinishedUpload, list_unfinished
from clipferry.s3.retry import Retries
from clipferry.transfer.engine import OnProgress, Plan, Transfer, Transferred
from clipferry.transfer.ranged_source import RangedSource

CONNECT_SECONDS = 5
READ_SECONDS = 60
ATTEMPTS = 3
TRANSFER_SECONDS = 900.0
REQUEST_SECONDS = 60.0
CHECK_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A file that is in the bucket."""

    url: str
    key: str
    size: int
    """Bytes."""
    sha256: str
    """Lower-case hex."""


class Storage:
    """One bucket of Cloudflare R2 or of anything else that speaks S3. Every failure of its is a StorageError.

    `public_domain` is where the bucket is public, `https://cdn.example.com`. `allowed_hosts` and `allow_loopback`
    say where files may be fetched from (`remote.open_source`); a plain HTTP endpoint needs `allow_loopback` too.
    `tls` replaces the system's certificates.
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
        plan: Plan | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        place = urlsplit(endpoint)
        if not place.hostname or place.scheme not in ({"https", "http"} if allow_loopback else {"https"}):
            raise ConfigurationError("the storage endpoint must be https://…")
        self._endpoint = endpoint
        self._region = region
        self._keys = (access_key, secret_key)
        self._name = bucket
        self._public_domain = public_domain
        self._plan = plan or Plan()
        self._rules = Rules(allowed_hosts=allowed_hosts, allow_loopback=allow_loopback, tls=tls)
        credentials = Credentials(access_key=access_key, secret_key=secret_key)
        self._bucket = Bucket(
            endpoint=endpoint,
            region=region,
            credentials=credentials,
            name=bucket,
            tls=tls,
            stall=self._plan.stall_seconds,
        )

    def upload_file(
        self,
        *,
        key: str,
        body: bytes | bytearray,
        content_type: str = "application/octet-stream",
        deadline: float = REQUEST_SECONDS,
    ) -> StoredFile:
        """Writes `body` in one PUT, over what is there, within `deadline` seconds."""
        whole = bytes(body)
        retries = Retries(deadline=Deadline(deadline))
        headers = {"Content-Type": content_type}
        retries.call_with_retry(
            lambda: self._bucket.call("PUT", key, deadline=retries.deadline, headers=headers, body=whole)
        )
        return self._stored(key, len(whole), hashlib.sha256(whole).hexdigest())

    def download_and_upload(
        self,
        *,
        source_url: str,
        key: str,
        content_type: str = "video/mp4",
        on_chunk: Callable[[bytes], None] | None = None,
        progress: Progress | None = None,
        on_progress: OnProgress | None = None,
        deadline: float = TRANSFER_SECONDS,
        ranges: bool = True,
    ) -> StoredFile:
        """Streams the MP4 at `source_url` to `key`, in a part of memory for each worker whatever its size.

        `on_chunk` sees every byte once, in order. Doing it twice is harmless: the key is written over. With
        `on_progress`, which is told what to keep, what was interrupted can be continued by giving it as `progress`;
        without, nothing is left behind on failure. `deadline` is in seconds: then TransferInterruptedError. Without
        `ranges` the file is read in one answer, which can't be continued.

        Raises what `remote.open_source` raises, SourceChangedError for a file that was replaced meanwhile or whose
        ranges don't hold, and SourceInvalidError for what isn't an MP4, before anything is written.
        """
        transferred = self.transfer(
            source_url=source_url,
            key=key,
            content_type=content_type,
            on_chunk=on_chunk,
            progress=progress,
            on_progress=on_progress,
            deadline=deadline,
            ranges=ranges,
        )
        return self._stored(key, transferred.size, transferred.sha256)

    def transfer(
        self,
        *,
        source_url: str,
        key: str,
        content_type: str = "video/mp4",
        on_chunk: Callable[[bytes], None] | None = None,
        progress: Progress | None = None,
        on_progress: OnProgress | None = None,
        deadline: float = TRANSFER_SECONDS,
        ranges: bool = True,
    ) -> Transferred:
        """`download_and_upload`, with an account of how it went."""
        time_left, stop, stall = Deadline(deadline), threading.Event(), self._plan.stall_seconds
        return Transfer(
            file=RangedSource(source_url, rules=self._rules, deadline=time_left, stall=stall, ranges=ranges),
            bucket=self._bucket,
            key=key,
            content_type=content_type,
            retries=Retries(deadline=time_left, stop=stop, pause_seconds=self._plan.pause_seconds),
            stop=stop,
            plan=self._plan,
            observe=on_chunk,
            earlier=progress,
            on_progress=on_progress,
        ).run()

    def abandon(self, *, key: str, progress: Progress) -> None:
        """Takes back what an interrupted transfer has left; for who won't continue it."""
        Multipart(self._bucket, key, Retries(deadline=Deadline(REQUEST_SECONDS))).abort(progress.upload_id)

    def unfinished_uploads(self, prefix: str) -> Iterator[UnfinishedUpload]:
        """Those to keys that begin with `prefix`, of whoever has begun them."""
        return list_unfinished(self._bucket, prefix, Retries(deadline=Deadline(REQUEST_SECONDS)))

    def abort_upload(self, upload: UnfinishedUpload) -> None:
        """Takes it back, with its parts; one that is over already is fine."""
        Multipart(self._bucket, upload.key, Retries(deadline=Deadline(REQUEST_SECONDS))).abort(upload.upload_id)

    def get_signed_upload_url(
        self, *, key: str, content_type: str, expires_in: int = 3600, content_length: int | None = None
    ) -> str:
        """A URL that takes one PUT with this very Content-Type, for `expires_in` seconds (R2: 1 to 604,800).

        With `content_length` also of this very size: a presigned PUT can fix its size, but not bound it.
        """
        target: dict[str, str | int] = {"Bucket": self._name, "Key": key, "ContentType": content_type}
        if content_length is not None:
            target["ContentLength"] = content_length
        with _translated(f"sign {key}"):
            return self._client.generate_presigned_url("put_object", Params=target, ExpiresIn=expires_in)

    def public_url(self, key: str) -> str:
        """The founding document's rule; its fallback isn't public, so a deployed stack sets the domain."""
        origin = self._public_domain or f"https://{self._name}.r2.cloudflarestorage.com"
        return f"{origin.rstrip('/')}/{key}"

    def key_of(self, url: str) -> str | None:
        """The key whose `public_url` this is; None for an address that isn't ours."""
        before = self.public_url("")
        return url[len(before) :] or None if url.startswith(before) else None

    def head(self, key: str) -> StoredObject | None:
        """What is stored at `key`, None when nothing is."""
        retries = Retries(deadline=Deadline(REQUEST_SECONDS))
        return retries.call_with_retry(lambda: self._bucket.head(key, deadline=retries.deadline))

    def delete(self, key: str) -> None:
        """Removes `key`; nothing being there is fine."""
        with _translated(f"delete {key}"):
            self._client.delete_object(Bucket=self._name, Key=key)

    def check(self) -> None:
        """Raises StorageError unless the bucket is there and these keys may use it."""
        self._bucket.call("HEAD", "", deadline=Deadline(CHECK_SECONDS))

    def checksum_settings(self) -> tuple[str, str]:
        """What boto3 does for requests and for responses, as it was really set: R2 bears `when_required` alone."""
        config = self._client.meta.config
        return config.request_checksum_calculation, config.response_checksum_validation

    def close(self) -> None:
        """Lets go of the connections that are kept for the next request."""
        self._bucket.close()

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


@contextmanager
def _translated(what: str) -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise StorageError(f"{what}: {error}") from error
