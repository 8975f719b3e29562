"""The requests of the three kinds of servers that speak OpenAI's video API: an offer's `body` names one of them.

They agree on the path, the model and the prompt, and on little else. What an offer has in `input` is added, or stands
in the place of a field here.
"""

from __future__ import annotations

from typing import Any, Final

from clipferry.models import Mode

_OPENAI: Final = {"seconds": "$duration_text", "size": "$size"}
_NEW_API: Final = {
    "duration": "$duration",
    "size": "$size",
    "seed": "$seed",
    "metadata": {
        "aspect_ratio": "$aspect_ratio",
        "resolution": "$quality",
        "negative_prompt": "$negative_prompt",
        "generate_audio": "$generate_audio",
    },
}
_OPENROUTER: Final = {
    "duration": "$duration",
    "resolution": "$quality",
    "aspect_ratio": "$aspect_ratio",
    "generate_audio": "$generate_audio",
    "seed": "$seed",
    "callback_url": "$callback_url",
}


def _frame(url: str, which: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}, "frame_type": which}


_FIRST: Final = _frame("$image_url", "first_frame")
_LAST: Final = _frame("$last_image_url", "last_frame")

BODIES: Final[dict[str, dict[Mode, dict[str, Any]]]] = {
    "openai": {
        Mode.TEXT: _OPENAI,
        Mode.FIRST_FRAME: _OPENAI | {"input_reference": "$image_url"},
    },
    "new-api": {
        Mode.TEXT: _NEW_API,
        Mode.FIRST_FRAME: _NEW_API | {"image": "$image_url"},
        Mode.FIRST_LAST_FRAME: _NEW_API | {"images": "$image_urls"},
        Mode.REFERENCE: _NEW_API | {"images": "$image_urls"},
    },
    "openrouter": {
        Mode.TEXT: _OPENROUTER,
        Mode.FIRST_FRAME: _OPENROUTER | {"frame_images": [_FIRST]},
        Mode.FIRST_LAST_FRAME: _OPENROUTER | {"frame_images": [_FIRST, _LAST]},
        Mode.REFERENCE: _OPENROUTER | {"input_references": "$image_references"},
    },
}


def body(name: str, mode: Mode) -> dict[str, Any]:
    """Returns the request's fields in a mode; raises ValueError for a body, or a mode of it, that there is not."""
    modes = BODIES.get(name)
    if modes is None:
        raise ValueError(f"the body {name!r} is none of {', '.join(BODIES)}")
    if mode not in modes:
        raise ValueError(f"the body {name!r} has no field for what the mode {mode.value} is made from")
    return modes[mode]
