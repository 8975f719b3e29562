"""The few things that we read of S3's XML, with a namespace or without."""

from __future__ import annotations

import re

# The standard library's own is in xml.sax, whose import costs 20 ms. The ampersand comes last.
_ESCAPED = {"&quot;": '"', "&#34;": '"', "&#x22;": '"', "&apos;": "'", "&lt;": "<", "&gt;": ">", "&amp;": "&"}
_ERROR = re.compile(r"<(?:\w+:)?Error[\s>]")
_ROOT = re.compile(r"<([A-Za-z_][\w:.-]*)")


def element_text(xml: str, name: str) -> str:
    """Returns the text of the first element of that name; empty when there is none."""
    match = re.search(rf"{_opening(name)}([^<]*)<", xml)
    text = match[1] if match else ""
    for escaped, character in _ESCAPED.items():
        text = text.replace(escaped, character)
    return text


def escaped(text: str) -> str:
    """Returns `text` as an element may hold it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def elements(xml: str, name: str) -> list[str]:
    """Returns what is inside of each element of that name."""
    return re.findall(rf"{_opening(name)}(.*?)</(?:\w+:)?{name}>", xml, re.DOTALL)


def is_error(xml: str) -> bool:
    """Whether it is S3's error document, which may come with status 200."""
    return _ERROR.search(xml) is not None


def is_whole(xml: str) -> bool:
    """Whether the document's first element is closed at its end; True for what isn't XML."""
    root = _ROOT.search(xml)
    return root is None or xml.rstrip().endswith((f"</{root[1]}>", "/>"))


def _opening(name: str) -> str:
    return rf"<(?:\w+:)?{name}(?:\s[^<>]*)?>"
