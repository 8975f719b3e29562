"""Where a redirect leads: its Location as servers write it, blanks and raw letters included."""

from __future__ import annotations

import re
from urllib.parse import quote

from clipferry.errors import SourceError, SourceInvalidError
from clipferry.net.response import Response

REDIRECTS = frozenset({301, 302, 303, 307, 308})
_VISIBLE_ASCII = "".join(map(chr, range(0x21, 0x7F)))
_SCHEME = r"[A-Za-z][A-Za-z0-9+.-]*:"
_BASE = r"([A-Za-z]+)://([^/?#]*)([^?#]*)"


def redirect_target(url: str, response: Response) -> str:
    """Returns the URL that `url` is redirected to; nothing of it has been checked yet.

    Blanks and what isn't ASCII are percent-encoded. Raises SourceError without one Location, and SourceInvalidError for
    one with control characters.
    """
    locations = set(response.headers.get_all("Location")) - {""}
    if len(locations) != 1:
        raise SourceError(f"status {response.status} {'with several Locations' if locations else 'without a Location'}")
    location = locations.pop()
    if re.search(r"[\x00-\x1f\x7f]", location):
        raise SourceInvalidError(f"redirected to what is no URL: {location[:100]!r}")
    raw = location.encode("latin-1")  # a header's characters are bytes
    try:
        encoded = raw.decode().replace(" ", "%20")  # letters of a host's name must stay: it isn't percent-encoded
    except ValueError:
        encoded = quote(raw, safe=_VISIBLE_ASCII)
    return _joined(url, encoded.partition("#")[0])


def _joined(url: str, location: str) -> str:
    """Resolves a reference (RFC 3986 §5.2). `urljoin` drops a `?` or `;` at the end, which a signature may cover."""
    base = re.match(_BASE, url)
    if base is None or re.match(_SCHEME, location):
        return location
    scheme, host, path = base.groups()
    if location.startswith("//"):
        return f"{scheme}:{location}"
    if location[:1] in ("", "?"):
        return f"{scheme}://{host}{path}{location}"
    target, question, query = location.partition("?")
    if not target.startswith("/"):
        target = f"{path.rpartition('/')[0]}/{target}"
    return f"{scheme}://{host}{_without_dots(target)}{question}{query}"


def _without_dots(path: str) -> str:
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == ".." and len(kept) > 1:
            kept.pop()
        elif segment not in (".", ".."):
            kept.append(segment)
    return "/".join(kept) + ("/" if path.endswith(("/.", "/..")) else "")
