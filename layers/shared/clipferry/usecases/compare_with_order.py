"""Compares a film with what was ordered."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

_OTHER_NAMES: Final = {"2k": "1440p", "4k": "2160p", "8k": "4320p"}


def differences(
    ordered: Mapping[str, Any] | None, duration: int | None, resolution: str | None, aspect_ratio: str | None
) -> dict[str, dict[str, Any]] | None:
    """Returns what was `ordered` and what was `found`, by name, where they differ; None where they don't.

    `ordered` is what the video's row keeps of its order. What the order or the file doesn't say isn't compared, and
    neither is a quality that is no resolution, such as `high`, or a ratio that is none, such as `auto`.
    """
    known = ordered or {}
    pairs = {
        "duration": (known.get("duration"), duration),
        "resolution": (_resolution(known.get("quality")), resolution),
        "aspectRatio": (_ratio(known.get("aspectRatio")), aspect_ratio),
    }
    different = {name: pair for name, pair in pairs.items() if None not in pair and pair[0] != pair[1]}
    if not different:
        return None
    return {
        "ordered": {name: pair[0] for name, pair in different.items()},
        "found": {name: pair[1] for name, pair in different.items()},
    }


def _resolution(quality: object) -> str | None:
    name = str(quality).lower()
    return name if re.fullmatch(r"\d+p", name) else _OTHER_NAMES.get(name)


def _ratio(name: object) -> str | None:
    return name if isinstance(name, str) and re.fullmatch(r"\d+:\d+", name) else None
