"""Strangers' words, as they can be kept."""

from __future__ import annotations

from typing import Final

LONGEST: Final = 500
"""Characters of what somebody said that a story keeps."""


def storable(text: str, *, limit: int = LONGEST) -> str:
    """The beginning of `text` as PostgreSQL's text takes it: no NUL, no half of a character."""
    return text[:limit].encode("utf-8", "replace").decode().replace("\x00", "\ufffd")
