"""Headers that a film and its thumbnail are stored with; the bucket repeats them whenever it serves the object.

Sources: RFC 9111 and RFC 8246 for Cache-Control, RFC 6266 for Content-Disposition.
"""

from __future__ import annotations

import re
from typing import Final

IMMUTABLE: Final = "public, max-age=31536000, immutable"
"""For a year, the longest that RFC 9111 caches count with: a key holds one film, which never changes."""
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")
"""All that a quoted file name can't hold, or that a disk wouldn't take."""


def immutable_headers(key: str, content_type: str) -> dict[str, str]:
    """Returns the headers for an object that is written once: browsers keep it, play it, and save it by its name."""
    name = _UNSAFE.sub("_", key.rpartition("/")[2])
    return {
        "Content-Type": content_type,
        "Cache-Control": IMMUTABLE,
        "Content-Disposition": f'inline; filename="{name}"',
    }
