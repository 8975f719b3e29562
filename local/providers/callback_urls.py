"""Which URLs the providers take: where a callback may go, where an image may be."""

from __future__ import annotations

import ipaddress
import re
from typing import TypeGuard
from urllib.parse import urlsplit

LIMIT = 2048


def problem_with(url: object, *, local: bool) -> str | None:
    """What is wrong with a callback's URL; nothing, when None. `local` lets it be plain HTTP, and this machine."""
    if not is_url(url, ("http", "https") if local else ("https",)):
        return "must be an HTTPS URL"
    if len(url) > LIMIT:
        return f"must have at most {LIMIT} characters"
    if not local and _is_private(urlsplit(url).hostname or ""):
        return "must not be a private address"
    return None


def is_url(url: object, schemes: tuple[str, ...] = ("http", "https")) -> TypeGuard[str]:
    if not isinstance(url, str) or not re.fullmatch(r"[!-~]+", url):  # printable ASCII
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a broken port or IPv6 address
        return False


def _is_private(host: str) -> bool:
    """By the name alone: what it resolves to is the real provider's concern."""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
