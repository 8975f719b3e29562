"""The normal form in which texts are compared: whoever quotes a secret or a prompt may have escaped or reshaped it."""

from __future__ import annotations

import re
import unicodedata
from typing import Final
from urllib.parse import unquote

ROUNDS: Final = 6
"""How many kinds of escapes may be nested in each other; each round undoes any depth of one kind."""

_JSON: Final = re.compile(r'\\+(?:u([0-9a-fA-F]{4})|(["\\/bfnrt]))')
_JSON_MEANINGS: Final = {"b": " ", "f": " ", "n": "\n", "r": "\n", "t": "\t"}
_PERCENT: Final = re.compile(r"%(?:25)+(?=[0-9a-fA-F]{2})")
_HTML: Final = re.compile(r"&(?:amp;)*(?:#(\d{1,7});?|#[xX]([0-9a-fA-F]{1,6});?|([A-Za-z]{2,7});)")
_HTML_MEANINGS: Final = {
    "amp": "&", "apos": "'", "quot": '"', "lt": "<", "gt": ">", "nbsp": " ", "equals": "=", "quest": "?", "sol": "/",
    "colon": ":", "bsol": "\\", "percnt": "%", "plus": "+", "num": "#", "period": ".", "comma": ",", "tab": " ",
    "newline": " ",
}  # fmt: skip
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def plain_form(text: str) -> str | None:
    """Returns `text` with its escapes (JSON, HTML, percent) undone, as NFKC, with each run of whitespace as one space.

    None for a text that is escaped in more ways than anybody would have reason to.
    """
    for _ in range(ROUNDS):
        before = text
        if not text.isascii():
            text = unicodedata.normalize("NFKC", text)
        if "\\" in text:
            text = _joined(_JSON.sub(_json_meaning, text))
        if "&" in text:
            text = _HTML.sub(_html_meaning, text)
        if "%" in text:
            text = unquote(_PERCENT.sub("%", text), errors="replace")
        if text == before:
            return " ".join(text.split())
    return None


def normal_form(text: str) -> str:
    """Returns the plain form in which no letter's case matters; the text itself where there is no plain form."""
    plain = plain_form(text)
    return spaced(text if plain is None else plain).casefold()


def spaced(plain: str) -> str:
    """Returns a text in plain form with spaces for the plus signs by which a form writes them."""
    return " ".join(plain.replace("+", " ").split()) if "+" in plain else plain


def _json_meaning(found: re.Match[str]) -> str:
    return chr(int(found[1], 16)) if found[1] else _JSON_MEANINGS.get(found[2], found[2])


def _html_meaning(found: re.Match[str]) -> str:
    if found[3]:
        return _HTML_MEANINGS.get(found[3].lower(), found[0])
    code = int(found[1]) if found[1] else int(found[2], 16)
    return chr(code) if code <= 0x10FFFF else found[0]


def _joined(text: str) -> str:
    """Joins surrogate pairs, as JSON writes what is beyond U+FFFF; a half without the other can't be stored."""
    if not _SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
