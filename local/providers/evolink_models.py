"""Evolink's video models and their limits, from the page that each of them has in its documentation."""

from __future__ import annotations

import re
from dataclasses import dataclass

LANDSCAPE_OR_PORTRAIT = ("16:9", "9:16")
ANY_RATIO = ("16:9", "9:16", "1:1", "4:3", "3:4", "21:9", "adaptive")
QUALITIES = ("480p", "720p", "1080p")


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """`name` is a pattern; the first duration is the default, and so is the first ratio."""

    name: str
    durations: tuple[int, ...]
    ratios: tuple[str, ...] = ANY_RATIO
    qualities: tuple[str, ...] = QUALITIES
    images: int = 2
    prompt_limit: int = 5000
    """Characters. Where the page gives tokens only, as many characters."""


# Kling, Happy Horse and Wan 2.7 have pages too; their limits were not looked up, so these are lenient.
MODELS = (
    Model(name="sora-2", durations=(10, 15), ratios=LANDSCAPE_OR_PORTRAIT, images=1),
    Model(
        name="sora-2-(pro-)?preview",
        durations=(4, 8, 12),
        ratios=(*LANDSCAPE_OR_PORTRAIT, "1280x720", "720x1280"),
        images=1,
    ),
    Model(name=r"seedance-1\.5-pro", durations=(5, *range(4, 13)), prompt_limit=2000),
    Model(
        name=r"seedance-2\.0-(fast-|mini-)?(text|image|reference)-to-video",
        durations=(5, *range(4, 16)),
        images=9,
    ),
    Model(
        name=r"seedance-2\.5-(text-to-video|image-to-video|reference-to-video|video-edit|video-extend)",
        durations=(5, -1, *range(4, 31)),
        ratios=("adaptive", *ANY_RATIO),
        images=9,
    ),
    Model(
        name=r"veo3\.1-fast|veo-3\.1-(fast-)?generate-preview",
        durations=(4, 6, 8),
        ratios=LANDSCAPE_OR_PORTRAIT,
        qualities=("720p", "1080p"),
        prompt_limit=2000,
    ),
    Model(
        name=r"wan2\.6-(text-to-video|image-to-video|reference-video)(-flash)?",
        durations=(5, *range(2, 16)),
        qualities=("720p", "1080p"),
        images=1,
        prompt_limit=1500,
    ),
    Model(name=r"(wan2\.7|kling|happyhorse-1\.0)-[a-z0-9.-]+", durations=(5, *range(2, 31))),
)


def find_model(name: str) -> Model | None:
    return next((model for model in MODELS if re.fullmatch(model.name, name)), None)
