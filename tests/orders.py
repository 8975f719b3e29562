"""An order as a provider's adapter is given it, for tests that care about some of its fields only."""

from __future__ import annotations

from typing import Any

from clipferry.models import Order

PROMPT = 'A ferry at dusk, "渡轮"'


def order(**changes: Any) -> Order:
    fields: dict[str, Any] = {
        "video_uuid": "vid_1",
        "provider": "any",
        "prompt": PROMPT,
        "model": "any",
        "duration": 5,
        "aspect_ratio": "16:9",
        "quality": "720p",
        "image_url": None,
    }
    return Order(**fields | changes)
