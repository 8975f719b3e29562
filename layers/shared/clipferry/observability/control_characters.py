"""Escapes control characters: a stranger's text must not act on the terminal of whoever reads it.

A terminal obeys them: ESC ] 52 writes the clipboard, CR overwrites the line, a bidi control changes the order of the
text that is seen.
"""

from __future__ import annotations

import re
from typing import Final

_CONTROLS: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # C0, DEL, C1
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f"  # bidi controls, and the deprecated controls after them
    "\u2028\u2029"  # line and paragraph separators
    "\ud800-\udfff]"  # half of a surrogate pair, which can't be written as UTF-8
)
_SHORT: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def escape_controls(text: str) -> str:
    r"""Returns `text` with each control character as JSON writes it, such as \n or \u001b.

    JSON text stays the same JSON: these characters occur in its strings only, where the escape means the same.
    """
    return _CONTROLS.sub(_escaped, text)


def has_controls(text: str) -> bool:
    return _CONTROLS.search(text) is not None


def _escaped(found: re.Match[str]) -> str:
    return _SHORT.get(found[0]) or f"\\u{ord(found[0]):04x}"
