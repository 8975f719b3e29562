"""Parameters of paths and queries: each is checked here, and a fault is named by its parameter."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from clipferry.errors import InvalidRequestError, NotFoundError, VideoNotFoundError
from clipferry.models import TRANSACTION_TYPES, FileVariant, VideoStatus

_LANGUAGE: Final = re.compile(
    r"(?P<code>[A-Za-z]{2,3})(-[A-Za-z0-9-]{1,30})?(\s*;\s*q=(?P<weight>[01](\.[0-9]{0,3})?))?"
)


def video_uuid(text: str) -> str:
    """The id in a path. Text that can't be an id is answered as an unknown video: 404."""
    if not _is_id(text):
        raise VideoNotFoundError("not an id")
    return text


def _is_id(text: str) -> bool:
    return 0 < len(text) <= 64 and text.isascii() and text.replace("-", "").replace("_", "").isalnum()


def key_id(text: str) -> int:
    """The id of an API key in a path. Text that can't be one is answered as an unknown key: 404."""
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise NotFoundError("not a key's id")
    return int(text)


def page_limit(text: str | None, *, default: int = 20, largest: int = 100) -> int:
    """`limit`, 1 to `largest`."""
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= largest):
        raise InvalidRequestError.for_field("limit", "invalid", f"must be a whole number from 1 to {largest}")
    return int(text)


def file_variant(text: str | None) -> FileVariant:
    """`variant`: the film, unless the thumbnail is asked for."""
    if text is None:
        return FileVariant.VIDEO
    if text not in list(FileVariant):
        choices = ", ".join(FileVariant)
        raise InvalidRequestError.for_field("variant", "invalid", f"must be one of {choices}")
    return FileVariant(text)


def flag(name: str, text: str | None) -> bool:
    """A parameter that is 1 or 0; without it 0."""
    if text not in (None, "0", "1"):
        raise InvalidRequestError.for_field(name, "invalid", "must be 0 or 1")
    return text == "1"


def after(text: str | None) -> str | None:
    """`after`, the id of a video."""
    if text is not None and not _is_id(text):
        raise InvalidRequestError.for_field("after", "invalid", "no video of yours has this id")
    return text


def is_ascending(text: str | None) -> bool:
    """`order`: desc, the newest first, unless asc is asked for."""
    if text not in (None, "asc", "desc"):
        raise InvalidRequestError.for_field("order", "invalid", "must be asc or desc")
    return text == "asc"


def status_filter(text: str | None) -> VideoStatus | None:
    """`status`, one of the five, or None."""
    if text is None:
        return None
    if text not in VideoStatus.__members__:
        choices = ", ".join(VideoStatus)
        raise InvalidRequestError.for_field("status", "invalid", f"must be one of {choices}")
    return VideoStatus(text)


def history_offset(query: Mapping[str, str], *, largest: int = 1_000_000) -> int:
    """`offset`, or the `nextCursor` of the page before, which is one: 0 to `largest`."""
    name = "cursor" if "cursor" in query else "offset"
    text = query.get(name, "0")
    if not (text.isascii() and text.isdigit() and len(text) <= 7 and int(text) <= largest):
        raise InvalidRequestError.for_field(name, "invalid", f"must be a whole number from 0 to {largest}")
    return int(text)


def languages(text: str) -> list[str]:
    """`Accept-Language` as codes such as `zh`, the most wanted first; what can't be read isn't wanted."""
    read = (_LANGUAGE.fullmatch(part.strip()) for part in text[:1000].split(","))
    wanted = [(float(found["weight"] or 1), found["code"].lower()) for found in read if found]
    return [code for weight, code in sorted(wanted, key=lambda one: -one[0]) if weight > 0]


def transaction_type(text: str | None) -> str | None:
    """`type`, one of the ledger's, or None."""
    if text is not None and text not in TRANSACTION_TYPES:
        raise InvalidRequestError.for_field("type", "invalid", f"must be one of {', '.join(TRANSACTION_TYPES)}")
    return text
