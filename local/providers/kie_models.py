"""KIE's video models and the parameters of each under `input`, from the page that each has in KIE's documentation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

RATIOS = ("16:9", "9:16", "1:1", "4:3", "3:4", "21:9")
RESOLUTIONS = ("720p", "1080p")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """`most` is a number of characters, or of URLs; `choices` are whole numbers or words, as they are written."""

    kind: Literal["words", "url", "urls", "flag", "choice"]
    choices: tuple[int | str, ...] = ()
    required: bool = False
    most: int = 0


def _words(most: int) -> Parameter:
    return Parameter(kind="words", required=True, most=most)


def _urls(most: int, *, required: bool = False) -> Parameter:
    return Parameter(kind="urls", most=most, required=required)


def _choice(*choices: int | str, required: bool = False) -> Parameter:
    return Parameter(kind="choice", choices=choices, required=required)


def _texts(*numbers: int) -> Parameter:
    """Numbers that this model wants in quotes."""
    return _choice(*map(str, numbers), required=True)


FLAG = Parameter(kind="flag")
URL = Parameter(kind="url")

MODELS: dict[str, dict[str, Parameter]] = {
    "bytedance/seedance-2": {
        "prompt": _words(20_000),
        "first_frame_url": URL,
        "last_frame_url": URL,
        "reference_image_urls": _urls(9),
        "reference_video_urls": _urls(3),
        "reference_audio_urls": _urls(3),
        "resolution": _choice("480p", "720p", "1080p", "4k"),
        "aspect_ratio": _choice(*RATIOS, "adaptive"),
        "duration": _choice(-1, *range(4, 16)),
        "generate_audio": FLAG,
        "web_search": FLAG,
        "nsfw_checker": FLAG,
    },
    "bytedance/seedance-1.5-pro": {
        "prompt": _words(20_000),
        "input_urls": _urls(2),
        "resolution": _choice("480p", "720p", "1080p"),
        "aspect_ratio": _choice(*RATIOS, required=True),
        "duration": _choice(*range(4, 13), required=True),
        "fixed_lens": FLAG,
        "generate_audio": FLAG,
        "nsfw_checker": FLAG,
    },
    "kling-3.0/video": {
        "prompt": _words(2500),
        "image_urls": _urls(2),
        "sound": FLAG,
        "duration": _texts(*range(3, 16)),
        "aspect_ratio": _choice("16:9", "9:16", "1:1"),
        "mode": _choice("std", "pro", "4K", required=True),
        "multi_shots": Parameter(kind="flag", required=True),
    },
    "wan/2-7-text-to-video": {
        "prompt": _words(5000),
        "negative_prompt": Parameter(kind="words", most=500),
        "audio_url": URL,
        "resolution": _choice(*RESOLUTIONS),
        "ratio": _choice("16:9", "9:16", "1:1", "4:3", "3:4"),
        "duration": _choice(*range(2, 16)),
        "prompt_extend": FLAG,
        "watermark": FLAG,
    },
    "wan/2-6-text-to-video": {
        "prompt": _words(5000),
        "duration": _texts(5, 10, 15),
        "resolution": _choice(*RESOLUTIONS),
        "multi_shots": FLAG,
    },
    "wan/2-6-image-to-video": {
        "prompt": _words(5000),
        "image_urls": _urls(1, required=True),
        "duration": _texts(5, 10, 15),
        "resolution": _choice(*RESOLUTIONS),
        "multi_shots": FLAG,
    },
}

PAUSED = ("sora-2",)
"""KIE has paused this family: code 500, "This interface is temporarily paused"."""
