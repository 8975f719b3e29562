"""The URLs that providers accept, for callbacks and for images."""

from __future__ import annotations

import ipaddress
import re
from typing import TypeGuard
from urllib.parse import urlsplit

LIMIT = 2048


def problem_with(url: object, *, local: bool) -> str | None:
    """Says why a callback's URL is refused; None when it isn't. `local` allows plain HTTP, and this machine."""
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
    """Looks at the name alone, without resolving it."""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
