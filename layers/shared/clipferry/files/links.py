"""Addresses of files in the bucket: the public one, and one that is signed and expires, made without boto3.

Source: "Authenticating Requests: Using Query Parameters" in the Amazon S3 API Reference; R2 takes the same
(developers.cloudflare.com/r2/api/s3/presigned-urls).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, unquote

from clipferry.aws.sigv4 import Credentials, presign
from clipferry.models import Video

LINK_SECONDS: Final = 3600
"""How long a signed address works at the most: a player asks for ranges of a film as long as it plays."""
_STEPS: Final = 10
"""An address stays the same for a tenth of its time, so that a player isn't begun anew by each look at a list."""
_URL_CHARACTERS: Final = "!#$%&'()*+,/:;=?@[]~"


class FileLinks:
    """The bucket's addresses by the founding document's rule. `public_domain` is where it is public."""

    def __init__(
        self,
        *,
        endpoint: str,
        region: str,
        bucket: str,
        public_domain: str | None,
        credentials: Credentials,
        is_private: bool = False,
        seconds: int = LINK_SECONDS,
    ) -> None:
        """`is_private` signs every address under which a film or a thumbnail is read, for up to `seconds`."""
        self._endpoint = endpoint.rstrip("/")
        self._region = region
        self._bucket = bucket
        self._public_domain = public_domain
        self._credentials = credentials
        self._is_private = is_private
        self._seconds = seconds

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

    def readable(self, video: Video, *, now: datetime | None = None) -> Video:
        """The video with addresses under which its files can be read now; itself where the bucket is public."""
        if not self._is_private or not (video.video_url or video.thumbnail_url):
            return video
        moment = now or datetime.now(UTC)
        return replace(
            video,
            video_url=self._signed_if_ours(video.video_url, moment),
            thumbnail_url=self._signed_if_ours(video.thumbnail_url, moment),
        )

    def address(self, url: str, *, is_download: bool, now: datetime | None = None) -> str:
        """Returns where a stored file is read, fit for a header. A browser saves a download instead of showing it.

        What lies elsewhere, as files of the original application may, is read where it is.
        """
        key, moment = self.key_of(url), now or datetime.now(UTC)
        if key is not None and is_download:
            name = quote(key.rpartition("/")[2], safe="")
            disposition = quote(f"attachment; filename={name}", safe="")
            return self._signed(key, moment, query=f"?response-content-disposition={disposition}")
        if key is not None and self._is_private:
            return self._signed(key, self._step(moment))
        return quote(url, safe=_URL_CHARACTERS)

    def _signed_if_ours(self, url: str | None, moment: datetime) -> str | None:
        key = self.key_of(url) if url else None
        return url if key is None else self._signed(key, self._step(moment))

    def _step(self, moment: datetime) -> datetime:
        length = self._seconds // _STEPS
        return datetime.fromtimestamp(moment.timestamp() // length * length, UTC)

    def _signed(self, key: str, moment: datetime, *, query: str = "") -> str:
        return presign(
            url=f"{self._endpoint}/{self._bucket}/{quote(key)}{query}",
            region=self._region,
            service="s3",
            expires_in=self._seconds,
            credentials=self._credentials,
            now=moment,
        )
