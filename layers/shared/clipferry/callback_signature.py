"""The signed callback URL: whoever calls it was told it by us, within the last day, for this one video.

Format of the original system: `{base}/{provider}?videoUuid=<uuid>&ts=<unix ms>&sig=<hex>`, where `sig` is the
HMAC-SHA256 of `"{videoUuid}:{ts}"`. The provider, the body and the task id are not covered: hence a callback is a
doorbell, and the provider itself is asked (docs/decisions.md).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from clipferry.errors import InvalidSignatureError

MAX_AGE = timedelta(hours=24)
MAX_AHEAD = timedelta(seconds=300)
_YEAR_10000 = 253_402_300_800_000
"""In milliseconds: what comes after can't be a datetime."""


def sign(video_uuid: str, timestamp: str, secret: str) -> str:
    """Lower-case hex HMAC-SHA256 of `video_uuid:timestamp`; the timestamp is signed as it is written."""
    signed = f"{video_uuid}:{timestamp}".encode("utf-8", "surrogatepass")
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def callback_url(base_url: str, *, provider: str, video_uuid: str, secret: str, now: datetime) -> str:
    """The URL to give to `provider`; parameters in the original's order."""
    timestamp = str(int(now.timestamp() * 1000))
    signature = sign(video_uuid, timestamp, secret)
    query = urlencode({"videoUuid": video_uuid, "ts": timestamp, "sig": signature})
    return f"{base_url.rstrip('/')}/{provider}?{query}"


def verify(video_uuid: str, timestamp: str, signature: str, *, secrets: Sequence[str], now: datetime) -> datetime:
    """When the URL was signed; raises InvalidSignatureError if by none of `secrets`, too long ago, or in the future."""
    expected = [sign(video_uuid, timestamp, secret).encode() for secret in secrets]
    given = signature.encode("utf-8", "surrogatepass")
    if not any([hmac.compare_digest(candidate, given) for candidate in expected]):  # noqa: C419 - every one is compared
        raise InvalidSignatureError("callback signature doesn't match")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 16 and int(timestamp) < _YEAR_10000):
        raise InvalidSignatureError("callback timestamp is not a number of milliseconds")
    signed_at = datetime.fromtimestamp(int(timestamp) / 1000, UTC)
    if signed_at > now + MAX_AHEAD or signed_at < now - MAX_AGE:
        raise InvalidSignatureError("callback signature is expired or not valid yet", has_expired=True)
    return signed_at
