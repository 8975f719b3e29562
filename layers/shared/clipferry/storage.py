"""The owner's S3 bucket: the founding document's three operations, and what a mirror needs besides.

Every request goes through our own S3 client. boto3 signs upload URLs; it is imported by the first such call, because
its S3 client costs 263 ms of CPU.
"""

from __future__ import annotations

import functools
import hashlib
import ssl
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Unpack
from urllib.parse import urlsplit

from clipferry.aws.sigv4 import Credentials
from clipferry.errors import ConfigurationError, StorageError
from clipferry.files.links import FileLinks
from clipferry.net.deadline import Deadline
from clipferry.net.safe_get import Rules
from clipferry.s3.client import Bucket
from clipferry.s3.multipart import Multipart, UnfinishedUpload, list_unfinished
from clipferry.s3.object_headers import immutable_headers
from clipferry.s3.objects import MOST_DELETED, ListedObject, delete_objects, list_objects
from clipferry.s3.retry import Retries
from clipferry.s3.stored_objects import StoredObject, find_object
from clipferry.transfer.interface import StoredFile, TransferConfig, TransferOptions, TransferResult
from clipferry.transfer.mirror import Mirror

ATTEMPTS = 3
REQUEST_SECONDS = 60.0


class Storage:
    """One bucket of Cloudflare R2, or of another S3 service. All failures are StorageErrors.

    `public_domain` is where the bucket is public, `https://cdn.example.com`. `allowed_hosts` and `allow_loopback`
    say where files may be fetched from (`safe_get.Rules`); a plain HTTP endpoint needs `allow_loopback` too.
    `source_keys` has the Authorization for files whose address begins like this.
    `tls` replaces the system's certificates. Raises ConfigurationError for another endpoint.
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
        source_keys: Mapping[str, str] | None = None,
        config: TransferConfig | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        parts = urlsplit(endpoint)
        if not parts.hostname or parts.scheme not in ({"https", "http"} if allow_loopback else {"https"}):
            raise ConfigurationError("the storage endpoint must be https://…")
        self._endpoint = endpoint
        self._region = region
        self._keys = (access_key, secret_key)
        self._name = bucket
        credentials = Credentials(access_key=access_key, secret_key=secret_key)
        self._links = FileLinks(
            endpoint=endpoint, region=region, bucket=bucket, public_domain=public_domain, credentials=credentials
        )
        chosen = config or TransferConfig()
        self._bucket = Bucket(
            endpoint=endpoint,
            region=region,
            credentials=credentials,
            name=bucket,
            tls=tls,
            stall_seconds=chosen.stall_seconds,
        )
        rules = Rules(allowed_hosts=allowed_hosts, allow_loopback=allow_loopback, tls=tls, keys=source_keys or {})
        self._mirror = Mirror(self._bucket, rules, chosen)

    def upload_file(
        self,
        *,
        key: str,
        body: bytes | bytearray,
        content_type: str = "application/octet-stream",
        immutable: bool = False,
        deadline: float = REQUEST_SECONDS,
    ) -> StoredFile:
        """Writes `body` to `key` in one PUT, within `deadline` seconds; an object that is there is replaced.

        One that is `immutable` is served as a film is: cached for a year, and with its file name.
        """
        content = bytes(body)
        retries = Retries(deadline=Deadline(deadline))
        headers = immutable_headers(key, content_type) if immutable else {"Content-Type": content_type}
        retries.call_with_retry(
            lambda: self._bucket.call("PUT", key, deadline=retries.deadline, headers=headers, body=content)
        )
        return self._stored(key, len(content), hashlib.sha256(content).hexdigest())

    def download_and_upload(self, *, source_url: str, key: str, **options: Unpack[TransferOptions]) -> StoredFile:
        """Streams the MP4 at `source_url` to `key`, as `Mirror.transfer` does; raises what that raises."""
        result = self.transfer(source_url=source_url, key=key, **options)
        return self._stored(key, result.size, result.sha256)

    def transfer(self, *, source_url: str, key: str, **options: Unpack[TransferOptions]) -> TransferResult:
        """Does what `download_and_upload` does; returns how it went."""
        return self._mirror.transfer(source_url=source_url, key=key, **options)

    def unfinished_uploads(self, prefix: str) -> Iterator[UnfinishedUpload]:
        """Yields the unfinished uploads to keys that begin with `prefix`, whoever began them."""
        return list_unfinished(self._bucket, prefix, Retries(deadline=Deadline(REQUEST_SECONDS)))

    def abort_upload(self, key: str, upload_id: str) -> None:
        """Aborts an upload and deletes its parts; one that is over already is fine."""
        Multipart(self._bucket, key, Retries(deadline=Deadline(REQUEST_SECONDS))).abort(upload_id)

    def get_signed_upload_url(
        self, *, key: str, content_type: str, expires_in: int = 3600, content_length: int | None = None
    ) -> str:
        """Returns a URL for one PUT with exactly this Content-Type, valid for `expires_in` seconds (R2: 1 to 604,800).

        With `content_length` (bytes) it takes exactly that size: a presigned PUT can't say "at most".
        """
        parameters: dict[str, str | int] = {"Bucket": self._name, "Key": key, "ContentType": content_type}
        if content_length is not None:
            parameters["ContentLength"] = content_length
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

        try:
            return self._client.generate_presigned_url("put_object", Params=parameters, ExpiresIn=expires_in)
        except (BotoCoreError, ClientError) as error:
            raise StorageError(f"sign {key}: {error}") from error

    def public_url(self, key: str) -> str:
        """Returns the URL by the founding document's rule, as `FileLinks` does."""
        return self._links.public_url(key)

    def key_of(self, url: str) -> str | None:
        """Returns the key whose `public_url` this is; None for a URL that isn't ours."""
        return self._links.key_of(url)

    def head(self, key: str) -> StoredObject | None:
        """Returns what is stored at `key`, None when nothing is."""
        retries = Retries(deadline=Deadline(REQUEST_SECONDS))
        return retries.call_with_retry(lambda: find_object(self._bucket, key, deadline=retries.deadline))

    def delete(self, key: str) -> None:
        """Deletes `key`; nothing being there is fine."""
        retries = Retries(deadline=Deadline(REQUEST_SECONDS), tries=ATTEMPTS)
        retries.call_with_retry(lambda: self._bucket.call("DELETE", key, deadline=retries.deadline))

    def delete_all(self, keys: Sequence[str]) -> None:
        """Deletes many keys, 1,000 with each request; raises StorageError when one of them couldn't be deleted."""
        for start in range(0, len(keys), MOST_DELETED):
            retries = Retries(deadline=Deadline(REQUEST_SECONDS), tries=ATTEMPTS)
            delete_objects(self._bucket, keys[start : start + MOST_DELETED], retries)

    def list_pages(self, prefix: str, *, after: str = "") -> Iterator[list[ListedObject]]:
        """Yields what is stored under keys that begin with `prefix`, page by page, behind the key `after`."""
        return list_objects(self._bucket, prefix, lambda: Retries(deadline=Deadline(REQUEST_SECONDS)), after=after)

    def close(self) -> None:
        """Closes the idle connections."""
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
                s3={"addressing_style": "path"},
            ),
        )
