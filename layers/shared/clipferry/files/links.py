"""Addresses of files in the bucket: the public one, and one that is signed and expires, made without boto3.

Source: "Authenticating Requests: Using Query Parameters" in the Amazon S3 API Reference; R2 takes the same
(developers.cloudflare.com/r2/api/s3/presigned-urls).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, unquote

from clipferry.aws.sigv4 import Credentials, presign

LINK_SECONDS: Final = 3600
"""How long a signed address works: a player asks for ranges of a film as long as it plays."""
_URL_CHARACTERS: Final = "!#$%&'()*+,/:;=?@[]~"


class FileLinks:
    """The bucket's addresses by the founding document's rule. `public_domain` is where it is public."""

    def __init__(
        self, *, endpoint: str, region: str, bucket: str, public_domain: str | None, credentials: Credentials
    ) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._region = region
        self._bucket = bucket
        self._public_domain = public_domain
        self._credentials = credentials

    def public_url(self, key: str) -> str:
        """Returns the URL by the founding document's rule, the key percent-encoded.

        Without a public domain nobody can read it.
        """
        origin = self._public_domain or f"https://{self._bucket}.r2.cloudflarestorage.com"
        return f"{origin.rstrip('/')}/{quote(key)}"

    def key_of(self, url: str) -> str | None:
        """Returns the key whose `public_url` this is; None for a URL that isn't ours."""
        prefix = self.public_url("")
        return unquote(url[len(prefix) :]) or None if url.startswith(prefix) else None

    def address(self, url: str, *, is_download: bool, now: datetime | None = None) -> str:
        """Returns where a stored file is read, fit for a header. A browser saves a download instead of showing it.

        What lies elsewhere, as files of the original application may, is read where it is.
        """
        key = self.key_of(url)
        if key is None or not is_download:
            return quote(url, safe=_URL_CHARACTERS)
        name = quote(key.rpartition("/")[2], safe="")
        query = f"response-content-disposition={quote(f'attachment; filename={name}', safe='')}"
        return presign(
            url=f"{self._endpoint}/{self._bucket}/{quote(key)}?{query}",
            region=self._region,
            service="s3",
            expires_in=LINK_SECONDS,
            credentials=self._credentials,
            now=now or datetime.now(UTC),
        )
