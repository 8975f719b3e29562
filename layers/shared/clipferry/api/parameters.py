"""Parameters of paths and queries: each is checked here, and a fault is named by its parameter."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from clipferry.errors import InvalidRequestError
from clipferry.models import TRANSACTION_TYPES, FileVariant, VideoStatus

_METADATA: Final = re.compile(r"metadata\[([^\x00\[\]]{1,40})\]")
_LONGEST_VALUE: Final = 500
_LANGUAGE: Final = re.compile(
    r"(?P<code>[A-Za-z]{2,3})(-[A-Za-z0-9-]{1,30})?(\s*;\s*q=(?P<weight>[01](\.[0-9]{0,3})?))?"
)


def video_uuid(text: str) -> str:
    """The id in a path. Text that can't be an id becomes the empty one, which no video has: 404."""
    return text if _is_id(text) else ""


def _is_id(text: str) -> bool:
    return 0 < len(text) <= 64 and text.isascii() and text.replace("-", "").replace("_", "").isalnum()


def key_id(text: str) -> int:
    """The id of an API key in a path. Text that can't be one becomes 0, which no key has: 404."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else 0


def page_limit(text: str | None) -> int:
    """`limit`, 1 to 100; without it 20."""
    return 20 if text is None else _whole_number("limit", text, 1, 100)


def history_offset(query: Mapping[str, str]) -> int:
    """`offset`, or the `nextCursor` of the page before, which is one: 0 to 1,000,000."""
    name = "cursor" if "cursor" in query else "offset"
    return _whole_number(name, query.get(name, "0"), 0, 1_000_000)


def file_variant(text: str | None) -> FileVariant:
    """`variant`: the film, unless the thumbnail is asked for."""
    return FileVariant(_choice("variant", text, FileVariant) or FileVariant.VIDEO)


def status_filter(text: str | None) -> VideoStatus | None:
    """`status`, one of the five, or None."""
    status = _choice("status", text, VideoStatus)
    return None if status is None else VideoStatus(status)


def transaction_type(text: str | None) -> str | None:
    """`type`, one of the ledger's, or None."""
    return _choice("type", text, TRANSACTION_TYPES)


def flag(name: str, text: str | None) -> bool:
    """A parameter that is 1 or 0; without it 0."""
    return _choice(name, text, ("0", "1")) == "1"


def is_ascending(text: str | None) -> bool:
    """`order`: desc, the newest first, unless asc is asked for."""
    return _choice("order", text, ("asc", "desc")) == "asc"


def after(text: str | None) -> str | None:
    """`after`, the id of a video."""
    if text is not None and not _is_id(text):
        raise InvalidRequestError.for_field("after", "invalid", "no video of yours has this id")
    return text


def metadata_filter(query: Mapping[str, str]) -> tuple[str, str] | None:
    """`metadata[name]=value`: the pair that a list is of, or None. One at a time: an index finds a pair, no two."""
    given = [name for name in query if name.partition("[")[0] == "metadata"]
    if not given:
        return None
    named = _METADATA.fullmatch(given[0])
    if named is None or len(given) > 1:
        raise InvalidRequestError.for_field("metadata", "invalid", "must be one metadata[name]=value")
    value = query[given[0]]
    if len(value) > _LONGEST_VALUE or "\x00" in value:
        raise InvalidRequestError.for_field("metadata", "invalid", f"a value has at most {_LONGEST_VALUE} characters")
    return named[1], value


def languages(text: str) -> list[str]:
    """`Accept-Language` as codes such as `zh`, the most wanted first; what can't be read isn't wanted."""
    read = (_LANGUAGE.fullmatch(part.strip()) for part in text[:1000].split(","))
    wanted = [(float(found["weight"] or 1), found["code"].lower()) for found in read if found]
    return [code for weight, code in sorted(wanted, key=lambda one: -one[0]) if weight > 0]


def _whole_number(name: str, text: str, smallest: int, largest: int) -> int:
    """Returns the number; leading zeros are fine as long as it has no more digits than `largest`."""
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(largest))
    if not (is_number and smallest <= int(text) <= largest):
        raise InvalidRequestError.for_field(name, "invalid", f"must be a whole number from {smallest} to {largest}")
    return int(text)


def _choice(name: str, text: str | None, choices: Iterable[str]) -> str | None:
    """Returns `text` if it is one of `choices`, or None for none."""
    known = list(choices)
    if text is not None and text not in known:
        raise InvalidRequestError.for_field(name, "invalid", f"must be one of {', '.join(known)}")
    return text
