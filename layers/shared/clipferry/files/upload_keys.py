"""The keys of users' uploads: whose folder they are in, what kind of file they name, and how large it may be."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from typing import Final

PREFIX: Final = "uploads/"
UPLOAD_TYPES: Final = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/gif": "gif",
    "image/webp": "webp",
    "video/mp4": "mp4",
    "video/quicktime": "mov",
    "video/webm": "webm",
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/mp4": "m4a",
    "audio/m4a": "m4a",
    "audio/aac": "aac",
}
"""File name endings by the content type that is signed; the file's own name decides nothing."""
LARGEST_UPLOADS: Final = {"image": 10 * 1024 * 1024, "video": 100 * 1024 * 1024, "audio": 20 * 1024 * 1024}
"""Bytes of a file that a browser uploads to the bucket, by the first word of its type: the newer original's limits."""

_KINDS: Final = {ending: content_type.partition("/")[0] for content_type, ending in UPLOAD_TYPES.items()} | {
    "jpeg": "image",
    "avi": "video",
}
"""The kind by the ending. The newer original uploads by itself, under keys like ours with the file's own ending."""
_KEY: Final = re.compile(r"uploads/([A-Za-z0-9_-]{1,64})/[A-Za-z0-9_-]{21}\.([A-Za-z0-9]{3,4})")


def new_key(user_id: str, content_type: str) -> str:
    """Returns a key that nobody can guess and nobody gets twice: 126 random bits, in the user's own folder."""
    return f"{folder(user_id)}{secrets.token_urlsafe(16)[:21]}.{UPLOAD_TYPES[content_type]}"


def content_key(user_id: str, content_type: str, content: bytes) -> str:
    """Returns the key of these bytes: the same ones of the same user have the same key."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode()
    return f"{folder(user_id)}{digest[:21]}.{UPLOAD_TYPES[content_type]}"


def folder(user_id: str) -> str:
    """Returns the prefix of the user's uploads: the id, or its hash where it has characters that mean something."""
    plain = re.fullmatch(r"[A-Za-z0-9_-]{1,64}", user_id)
    name = user_id if plain else hashlib.sha256(user_id.encode()).hexdigest()[:32]
    return f"{PREFIX}{name}/"


def owner_folder(key: str) -> str | None:
    """Returns the name of the folder, None for a key that isn't an upload's."""
    match = _KEY.fullmatch(key)
    return match[1] if match and match[2].lower() in _KINDS else None


def largest_size(key: str) -> int:
    """Returns the most bytes that the file of a key with an `owner_folder` may have."""
    return LARGEST_UPLOADS[_KINDS[key.rpartition(".")[2].lower()]]
