"""Puts a picture that came with a request into the bucket, where a presigned upload would have put it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from clipferry.db import sign_in
from clipferry.db.connection import Database
from clipferry.errors import InvalidRequestError
from clipferry.files.upload_keys import LARGEST_UPLOADS, content_key
from clipferry.models import Credential
from clipferry.usecases.presign_upload import count_upload

if TYPE_CHECKING:  # imported here, it would cost every cold start of create_video's
    from clipferry.storage import Storage

UPLOAD_SECONDS: Final = 6.0
"""How long the bucket may take: the provider is still to be asked before API Gateway gives up after 30."""
_BEGINNINGS: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)


def store_picture(content: bytes, *, field: str, credential: Credential, database: Database, storage: Storage) -> str:
    """Returns the picture's address. The same bytes of the same user have the same one, so that a repeat is one.

    Its type is what its first bytes say. It counts as a presigned upload does. Raises InvalidRequestError, which names
    `field`, RateLimitedError and StorageError.
    """
    user_id = sign_in.signed_in(database.run(sign_in.authenticate, credential)).user_id
    content_type = _image_type(content)
    if content_type is None:
        raise InvalidRequestError.for_field(field, "invalid_type", "must be a JPEG, PNG, GIF or WebP")
    if len(content) > (largest := LARGEST_UPLOADS["image"]):
        raise InvalidRequestError.for_field(field, "too_large", f"must be at most {largest} bytes")
    count_upload(user_id=user_id, database=database)
    key = content_key(user_id, content_type, content)
    storage.upload_file(key=key, body=content, content_type=content_type, deadline=UPLOAD_SECONDS)
    return storage.public_url(key)


def _image_type(content: bytes) -> str | None:
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for beginning, kind in _BEGINNINGS if content.startswith(beginning)), None)
