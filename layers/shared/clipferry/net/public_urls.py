"""What a URL's text must be like before anybody asks for it: the rules that need no connection and no name look-up."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, quote, urlsplit

from clipferry.errors import SourceInvalidError
from clipferry.net.public_addresses import may_be_public
from clipferry.net.request_head import Origin

_VISIBLE_ASCII = "".join(map(chr, range(0x21, 0x7F)))


def check_public_url(url: str) -> None:
    """Raises SourceInvalidError for a URL that can't lead to a public host, whatever a name may resolve to.

    It is for a URL that somebody else will fetch: nothing is looked up, and any port is allowed.
    """
    origin, _ = check_url(url, ())
    if not origin.secure or not may_be_public(origin.name):
        raise SourceInvalidError(f"{origin.name} is not public HTTPS")


def check_url(url: str, allowed_hosts: tuple[str, ...]) -> tuple[Origin, str]:
    """Returns the URL's origin and request target; raises SourceInvalidError when its text breaks a rule."""
    if re.search(r"[\x00-\x20\x7f\\]", url):  # parsers differ in what they make of them
        raise SourceInvalidError("white space, control characters or backslashes in a URL")
    try:
        parts = urlsplit(url)
        origin = _origin(parts)
    except ValueError as error:
        raise SourceInvalidError(f"not a URL to fetch: {error}") from None
    if allowed_hosts and not any(_matches(origin.name, pattern.lower()) for pattern in allowed_hosts):
        raise SourceInvalidError(f"{origin.name} is not one of the allowed hosts")
    has_query = "?" in url.partition("#")[0]  # an empty one, too, may be covered by a signature
    target = (parts.path or "/") + (f"?{parts.query}" if has_query else "")
    return origin, quote(target, safe=_VISIBLE_ASCII)


def _origin(parts: SplitResult) -> Origin:
    """Returns the URL's origin; raises ValueError unless it is http(s) to a host, without a user name."""
    if parts.scheme not in ("https", "http") or not parts.hostname or "@" in parts.netloc:
        raise ValueError(f"{parts.scheme or 'no scheme'}, {parts.hostname or 'no host'}")
    if "[" in parts.netloc:
        ipaddress.IPv6Address(parts.hostname)
    name = parts.hostname.rstrip(".").encode("idna").decode()
    port = parts.port
    if port is None:
        port = 443 if parts.scheme == "https" else 80
    return Origin(parts.scheme == "https", name, port)


def _matches(name: str, pattern: str) -> bool:
    return name.endswith(pattern[1:]) if pattern.startswith("*.") else name == pattern
