"""Prices in credits: by duration, and by mode, quality and sound where a model's prices depend on them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from clipferry.models import Mode


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """The price in credits: `base` for `included_seconds`, and for each second more `per_extra_second`.

    A quality multiplies the sum.
    """

    base: float
    included_seconds: int = 10
    per_extra_second: float = 0
    quality_multipliers: dict[str, float]

    def credits(self, *, duration: int, quality: str | None) -> int:
        """The price in whole credits, rounded half up, as Math.round does in the original's JavaScript."""
        total = self.base + max(0, duration - self.included_seconds) * self.per_extra_second
        return math.floor(total * self.quality_multipliers.get(quality or "", 1) + 0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """A cost for some orders only; None means every mode, quality, or sound."""

    cost: Cost
    modes: tuple[Mode, ...] | None = None
    qualities: tuple[str, ...] | None = None
    audio: bool | None = None

    def is_for(self, mode: Mode, quality: str | None, audio: bool | None) -> bool:
        return (
            (self.modes is None or mode in self.modes)
            and (self.qualities is None or quality in self.qualities)
            and (self.audio is None or self.audio == audio)
        )
