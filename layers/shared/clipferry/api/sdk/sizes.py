"""Sizes in pixels, and the ratio and quality that the catalogue has for them.

A quality's area is that of its 16:9: providers make every shape of one quality with about one area, so that 960x960
is 720p in 1:1.
"""

from __future__ import annotations

import math
import re
from typing import Final

from clipferry.catalog import Model
from clipferry.errors import InvalidRequestError

_SHAPE_TOLERANCE: Final = 1.03
"""1792x1024 is taken for 16:9."""
_AREA_TOLERANCE: Final = 1.15
_NAMED: Final = {"2k": 1440, "4k": 2160}
_RATIOS: Final = ("16:9", "9:16", "1:1", "4:3", "3:4")


def size_of(ratio: str | None, quality: str | None) -> str | None:
    """Returns the size that both stand for, such as 1280x720; None where one says none, as `adaptive` does."""
    shape, lines = _shape(ratio), _lines(quality)
    if shape is None or lines is None:
        return None
    height = lines * math.sqrt(16 / 9 / shape)
    return f"{2 * round(height * shape / 2)}x{2 * round(height / 2)}"


def sizes(model: Model) -> list[str]:
    """Every size that the model can be asked for by name, in the catalogue's order."""
    found = (size_of(ratio, quality) for quality in _qualities(model) for ratio in _ratios(model))
    return list(dict.fromkeys(size for size in found if size))


def ratio_and_quality(size: str, model: Model) -> tuple[str, str | None]:
    """Returns what the size asks of the model. A model without qualities makes its own size: then only the ratio.

    Raises InvalidRequestError for a size that is far from every one that the model can make.
    """
    width, height = (int(side) for side in size.split("x"))
    ratios = _ratios(model) or list(_RATIOS)
    ratio = min(ratios, key=lambda name: _distance(width / height, _shape(name) or 1))
    qualities = _qualities(model)
    lines = math.sqrt(width * height * 9 / 16)
    quality = min(qualities, key=lambda name: _distance(lines, _lines(name) or 1), default=None)
    is_near = _distance(width / height, _shape(ratio) or 1) <= math.log(_SHAPE_TOLERANCE)
    if quality is not None:
        is_near = is_near and 2 * _distance(lines, _lines(quality) or 1) <= math.log(_AREA_TOLERANCE)
    if not is_near:
        offered = ", ".join(sizes(model)) or ", ".join(ratios)
        raise InvalidRequestError.for_field("size", "not_offered", f"this model makes {offered}")
    return ratio, quality


def _ratios(model: Model) -> list[str]:
    return [name for name in model.any_mode("aspect_ratios") if _shape(name)]


def _qualities(model: Model) -> list[str]:
    return [name for name in model.any_mode("qualities") if _lines(name)]


def _shape(ratio: str | None) -> float | None:
    found = re.fullmatch(r"([1-9][0-9]?):([1-9][0-9]?)", ratio or "")
    return int(found[1]) / int(found[2]) if found else None


def _lines(quality: str | None) -> int | None:
    """Rows of the quality's 16:9."""
    found = re.fullmatch(r"([1-9][0-9]{2,3})p", quality or "")
    return int(found[1]) if found else _NAMED.get((quality or "").lower())


def _distance(one: float, other: float) -> float:
    return abs(math.log(one / other))
