"""Texts that act on a terminal, or that are markup, and whether a text is free of them."""

from __future__ import annotations

import unicodedata

from hypothesis import strategies as st

ATTACKS = (
    "\x1b]52;c;cm0gLXJmIH4=\x07",
    "\x1b[2J",
    "\x9b2J",
    "fine\rgone",
    "\u202etxt.exe",
    "\u2066\u061c",
    "[/x]",
    "[link=https://a.example]b[/link]",
    "[red]",
    ":smile:",
    "\x7f\x85\u2028",
    "\ud800",
    "\\[b]",
)
TEXT = st.one_of(st.text(), st.sampled_from(ATTACKS), st.lists(st.sampled_from(ATTACKS)).map("".join))


def is_harmless(text: str) -> bool:
    """Whether no character but the line breaks between our own lines is a control, a bidi control or a surrogate."""
    return not any(
        unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")
        or unicodedata.bidirectional(char) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
        or char in "\u061c\u200e\u200f"
        for char in text.replace("\n", "")
    )
