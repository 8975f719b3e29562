"""Reads the keys of a TOML table that say what a model or an offer takes; docs/providers-models.md explains each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from clipferry.catalog.limits import SEEDS, Audio, Range
from clipferry.models import Mode

REFERENCES: Final = ("images", "videos", "audios", "references", "audio_alone")
"""Keys that only the mode `reference` has: in every other one the mode says how many images there are."""
_NO_LENGTH: Final = Range(0, 2500)


def read_limits(table: dict[str, Any], mode: Mode) -> dict[str, Any]:
    """Returns the fields of `Limits` that the table gives. Raises ValueError or TypeError for a value of no use."""
    return {
        name: read(table[name])
        for name, read in READERS.items()
        if name in table and (mode is Mode.REFERENCE or name not in REFERENCES)
    }


def frames(mode: Mode) -> dict[str, Any]:
    """Returns how many images the mode itself asks for; references are the model's to say."""
    count = {Mode.TEXT: 0, Mode.FIRST_FRAME: 1, Mode.FIRST_LAST_FRAME: 2}.get(mode)
    return {} if count is None else {"images": Range(count, count)}


def _durations(value: Any) -> tuple[int, ...]:
    """Reads `[5, 10]`, or `{ min = 4, max = 15, step = 1, default = 5 }`; the default comes first."""
    if isinstance(value, dict):
        known(value, {"min", "max", "step", "default"})
        seconds = list(range(value["min"], value["max"] + 1, value.get("step", 1)))
        default = value.get("default", value["min"])
        if default not in seconds:
            raise ValueError(f"the default {default} is none of the durations")
        value = [default, *(second for second in seconds if second != default)]
    if not value or any(not _is_whole(second) or second < 1 for second in value):
        raise ValueError("durations must be whole seconds")
    return tuple(value)


def _words(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(word, str) and word for word in value):
        raise ValueError(f"{value!r} is not a list of words")
    return tuple(value)


def flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} is neither true nor false")
    return value


def _range(value: Any, *, least: int = 0) -> Range:
    """Reads `9` (at most), or `{ min = 1, max = 9 }`."""
    if isinstance(value, dict):
        known(value, {"min", "max"})
        found = Range(value.get("min", least), value["max"])
    else:
        found = Range(least, value)
    if not (_is_whole(found.min) and _is_whole(found.max) and 0 <= found.min <= found.max):
        raise ValueError(f"{value!r} is not a range")
    return found


def _optional(usual: Range, *, least: int = 0) -> Callable[[Any], Range | None]:
    """Reads true (the usual range), false (no such thing), or a range."""
    return lambda value: (usual if value else None) if isinstance(value, bool) else _range(value, least=least)


def known(table: dict[str, Any], names: set[str]) -> None:
    """Raises ValueError for a key that nobody reads: it may be a misspelt one."""
    if unknown := sorted(table.keys() - names):
        raise ValueError(f"unknown {', '.join(unknown)}")


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


READERS: Final[dict[str, Callable[[Any], Any]]] = {
    "durations": _durations,
    "aspect_ratios": _words,
    "qualities": _words,
    "audio": Audio,
    "audio_default": flag,
    "seed": _optional(SEEDS),
    "negative_prompt": _optional(_NO_LENGTH, least=1),
    "prompt": lambda value: _range(value, least=1),
    "images": _range,
    "videos": _range,
    "audios": _range,
    "references": lambda value: _range(value, least=1),
    "audio_alone": flag,
}
