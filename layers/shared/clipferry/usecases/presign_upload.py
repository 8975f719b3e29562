"""Lets a browser put one file into the bucket by itself, under a key that nobody else can aim at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from clipferry.db import rate_limits, sign_in
from clipferry.db.connection import Database
from clipferry.errors import InvalidRequestError, RateLimitedError
from clipferry.files.upload_keys import LARGEST_UPLOADS, new_key
from clipferry.models import Credential

if TYPE_CHECKING:  # imported here, it would cost every cold start of account's
    from clipferry.storage import Storage

EXPIRES_IN: Final = 3600
"""Seconds, as in the original."""
UPLOADS_PER_MINUTE: Final = 20
"""Uploads that a user may sign in a minute: two orders with as many images as a model takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PresignedUpload:
    """The URL to PUT to, and the one where the file is then."""

    upload_url: str
    public_url: str
    key: str
    expires_in: int


def count_upload(*, user_id: str, database: Database) -> None:
    """Raises RateLimitedError when the user has signed too many uploads in this minute."""
    counted = database.run(rate_limits.count_upload, user_id)
    if any(row["requests"] > UPLOADS_PER_MINUTE for row in counted.all()):
        raise RateLimitedError


def presign_upload(
    *,
    credential: Credential,
    content_type: str,
    content_length: int | None,
    length_required: bool,
    database: Database,
    storage: Storage,
) -> PresignedUpload:
    """`content_type` is one of UPLOAD_TYPES. A `content_length` is signed: a PUT of another size is refused.

    Without one a PUT of any size is taken, up to the bucket's own limit. Raises RateLimitedError, and
    InvalidRequestError if it is required, and for one that is larger than LARGEST_UPLOADS says.
    """
    user_id = sign_in.signed_in(database.run(sign_in.authenticate, credential)).user_id
    count_upload(user_id=user_id, database=database)
    if content_length is None and length_required:
        raise InvalidRequestError.for_field("contentLength", "missing", "is required")
    kind = content_type.partition("/")[0]
    if content_length is not None and content_length > (largest := LARGEST_UPLOADS[kind]):
        raise InvalidRequestError.for_field("contentLength", "too_large", f"must be at most {largest} for {kind} files")
    key = new_key(user_id, content_type)
    url = storage.get_signed_upload_url(
        key=key, content_type=content_type, expires_in=EXPIRES_IN, content_length=content_length
    )
    return PresignedUpload(upload_url=url, public_url=storage.public_url(key), key=key, expires_in=EXPIRES_IN)
