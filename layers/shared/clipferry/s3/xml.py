"""The few elements that we read of S3's XML."""

from __future__ import annotations

import re

# The standard library's own is in xml.sax, whose import costs 20 ms. The ampersand comes last.
_ESCAPED = {"&quot;": '"', "&#34;": '"', "&apos;": "'", "&lt;": "<", "&gt;": ">", "&amp;": "&"}


def element_text(xml: str, name: str) -> str:
    """Returns the text of the first element of that name; empty when there is none."""
    match = re.search(rf"<{name}>([^<]*)</{name}>", xml)
    text = match[1] if match else ""
    for escaped, character in _ESCAPED.items():
        text = text.replace(escaped, character)
    return text


def escaped(text: str) -> str:
    """Returns `text` as an element may hold it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
