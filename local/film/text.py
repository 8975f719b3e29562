"""A font for a film's prompt: Pillow's own knows only Latin; for other scripts one of the system's is taken, if any."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from PIL import ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

SYSTEM_FONTS: Final = (
    ("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", 2),
    ("/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc", 2),
    ("/usr/share/fonts/google-noto-sans-cjk-fonts/NotoSansCJK-Regular.ttc", 2),
    ("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc", 0),
    ("/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf", 0),
    ("/System/Library/Fonts/PingFang.ttc", 0),
    ("/System/Library/Fonts/Hiragino Sans GB.ttc", 0),
    ("/System/Library/Fonts/STHeiti Medium.ttc", 0),
)
"""Fonts with Chinese on Debian, Arch, Fedora and macOS: the file, and the font's index in it."""
_UNASSIGNED: Final = "\U0010ffff"
"""A character that no font has: it is drawn as every missing one is."""


def font_for(prompt: str, *, size: float) -> Font:
    """Returns Pillow's own font, or a system's where Pillow's lacks a letter. `size` is in pixels."""
    own = ImageFont.load_default(size=size)
    other = None if _drawn(own, prompt) == _letters(prompt) else find_system_font()
    return own if other is None else ImageFont.truetype(other[0], size, index=other[1])


def legible(prompt: str, font: Font) -> str:
    """Returns the prompt without the letters that would be boxes; its length in words, when none is left."""
    letters = _letters(prompt)
    boxes = letters - _drawn(font, prompt)
    text = "".join(letter for letter in prompt if letter not in boxes)
    return text if text.strip() or not letters else f"a prompt of {len(prompt)} characters"


def _letters(prompt: str) -> set[str]:
    return {letter for letter in prompt if letter.isprintable() and letter != " "}


def _drawn(font: Font, prompt: str) -> set[str]:
    missing = _picture(font, _UNASSIGNED)
    return {letter for letter in _letters(prompt) if _picture(font, letter) != missing}


def _picture(font: Font, letter: str) -> bytes:
    return bytes(font.getmask(letter))  # pyright: ignore[reportArgumentType] - a mask is a sequence of its pixels


@cache
def find_system_font() -> tuple[str, int] | None:
    return next((font for font in SYSTEM_FONTS if Path(font[0]).is_file()), None)
