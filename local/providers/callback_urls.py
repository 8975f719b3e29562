"""The URLs that providers accept, for callbacks and for images.

The real ones refuse plain HTTP and private addresses; to the fakes everything is local.
"""

from __future__ import annotations

import re
from typing import TypeGuard
from urllib.parse import urlsplit

LIMIT = 2048


def problem_with(url: object) -> str | None:
    """Says why a callback's URL is refused; None when it isn't."""
    if not is_url(url):
        return "must be an HTTP URL"
    return f"must have at most {LIMIT} characters" if len(url) > LIMIT else None


def is_url(url: object) -> TypeGuard[str]:
    if not isinstance(url, str) or not re.fullmatch(r"[!-~]+", url):  # printable ASCII
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a broken port or IPv6 address
        return False
