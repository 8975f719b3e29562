"""A film's size as displayed, and the names that sizes have: `1080p`, `16:9`."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Final

_RUNGS: Final = (144, 240, 360, 480, 540, 720, 1080, 1440, 2160, 4320)
_RATIOS: Final = {
    "16:9": 16 / 9,
    "9:16": 9 / 16,
    "1:1": 1,
    "4:3": 4 / 3,
    "3:4": 3 / 4,
    "3:2": 3 / 2,
    "2:3": 2 / 3,
    "21:9": 21 / 9,
}


def displayed_size(coded: tuple[int, int], *, pixel: tuple[int, int], is_turned: bool) -> tuple[int, int]:
    """Returns width and height with square pixels: the height stays, then a film that is turned has them swapped."""
    width, height = coded
    across, down = pixel
    width = (2 * width * across + down) // (2 * down)
    return (height, width) if is_turned else (width, height)


def resolution_name(width: int | None, height: int | None) -> str | None:
    """Returns the nearest rung by area, such as `720p`: providers make every shape of one order with one area.

    2176 by 928 is a `1080p` film in 21:9, and 1440 by 1440 one in 1:1. A rung's area is that of its 16:9.
    """
    if not width or not height:
        return None
    area = 9 * width * height
    if 2 * area < 16 * _RUNGS[0] ** 2:
        return f"{max(round(math.sqrt(area / 16)), 1)}p"
    # The border between two rungs is the geometric mean of their areas.
    above = [rung for lower, rung in pairwise(_RUNGS) if area >= 16 * lower * rung]
    return f"{above[-1] if above else _RUNGS[0]}p"


def aspect_ratio_name(width: int | None, height: int | None) -> str | None:
    """Returns the nearest ratio that has a name, such as `16:9`."""
    if not width or not height:
        return None
    shape = math.log(width / height)
    return min(_RATIOS, key=lambda name: abs(math.log(_RATIOS[name]) - shape))
