"""What a request's images, videos and sounds are for: the first frame, both frames, or references."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from clipferry.api.generate_body import GenerateVideo
from clipferry.catalog import Fault, fault
from clipferry.models import Mode

MODE_NAMES: Final = {
    Mode.TEXT: "text-to-video",
    Mode.FIRST_FRAME: "image-to-video",
    Mode.FIRST_LAST_FRAME: "frames-to-video",
    Mode.REFERENCE: "reference-to-video",
}
"""The original's names, which `/config/models` shows."""
_TEXT: Final = (Mode.TEXT, Mode.FIRST_FRAME, Mode.FIRST_LAST_FRAME)
_FRAMES: Final = (Mode.FIRST_FRAME, Mode.FIRST_LAST_FRAME)
_MODES: Final[dict[str, tuple[Mode, ...]]] = {
    "text-to-video": _TEXT,  # the original's front end says so with a picture, too, and means the first frame
    "text-image-to-video": _TEXT,
    "t2v": _TEXT,
    "image-to-video": _FRAMES,
    "i2v": _FRAMES,
    "frames-to-video": _FRAMES,
    "reference-to-video": (Mode.REFERENCE,),
    "r2v": (Mode.REFERENCE,),
}
"""What each name in `mode` may mean: the number of images decides between frames."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaInputs:
    """The mode, and its media; `faults` says what doesn't fit together."""

    mode: Mode
    image_urls: tuple[str, ...]
    faults: tuple[Fault, ...]


def read_media(body: GenerateVideo, available: Collection[Mode]) -> MediaInputs:
    """Tells what the request's media are for. `available` are the model's modes."""
    images, faults = _images(body)
    mode, fault_of_mode = _mode(body, images, available)
    if mode not in available and fault_of_mode is None:
        fault_of_mode = fault(_path(body, images), _unavailable(mode, available))
    return MediaInputs(mode=mode, image_urls=images, faults=(*faults, *([fault_of_mode] if fault_of_mode else [])))


def _images(body: GenerateVideo) -> tuple[tuple[str, ...], list[Fault]]:
    """Brings `imageUrl`, `lastImageUrl` and `imageUrls` together: each may repeat another, but not contradict it."""
    faults = []
    images: tuple[str, ...] = body.imageUrls or ((body.imageUrl,) if body.imageUrl else ())
    if body.imageUrl and body.imageUrl not in images[:1]:
        faults.append(fault("imageUrl", "must be the first of imageUrls when both are sent", "contradiction"))
    if body.lastImageUrl:
        if not images:
            faults.append(fault("lastImageUrl", "needs imageUrl, the first frame", "contradiction"))
        elif len(images) > 1 and images[1:] != (body.lastImageUrl,):
            faults.append(fault("lastImageUrl", "must be the second of imageUrls when both are sent", "contradiction"))
        images = (*images[:1], body.lastImageUrl) if len(images) < 2 else images
    return images, faults


def _mode(body: GenerateVideo, images: tuple[str, ...], available: Collection[Mode]) -> tuple[Mode, Fault | None]:
    """Returns the mode, and the fault in what was said about it."""
    if body.mode is None:
        return _unnamed(body, images, available)
    meant = _MODES.get(body.mode.strip().lower())
    if meant is None:
        return Mode.TEXT, fault("mode", f"is one of {', '.join(_MODES)}")
    if meant == (Mode.REFERENCE,):
        has_any = images or body.videoUrls or body.audioUrls
        missing = None if has_any else fault("imageUrls", "this mode needs a reference", "missing")
        return Mode.REFERENCE, missing or _last_frame_fault(body)
    for path in ("videoUrls", "audioUrls"):
        if getattr(body, path):
            return Mode.FIRST_FRAME, fault(path, "only reference-to-video takes them")
    if len(images) > 2:
        return Mode.FIRST_LAST_FRAME, fault("imageUrls", "this mode takes a first and a last frame")
    mode = (Mode.TEXT, *_FRAMES)[len(images)]
    return mode, None if mode in meant else fault("imageUrl", "this mode needs an image", "missing")


def _unnamed(body: GenerateVideo, images: tuple[str, ...], available: Collection[Mode]) -> tuple[Mode, Fault | None]:
    """Tells the mode from the media alone. Two images may be frames or references: then the model has to decide."""
    if body.videoUrls or body.audioUrls or len(images) > 2:
        return Mode.REFERENCE, _last_frame_fault(body)
    mode = (Mode.TEXT, *_FRAMES)[len(images)]
    if mode is Mode.TEXT or body.lastImageUrl or Mode.REFERENCE not in available:
        return mode, None
    if mode not in available:
        return Mode.REFERENCE, None
    names = f"{MODE_NAMES[Mode.FIRST_LAST_FRAME]} or {MODE_NAMES[Mode.REFERENCE]}"
    is_clear = mode is Mode.FIRST_FRAME
    return mode, None if is_clear else fault(
        "mode", f"must be {names}: this model takes two images for both", "missing"
    )


def _last_frame_fault(body: GenerateVideo) -> Fault | None:
    """The fault of a last frame among references: nobody would end the film with it."""
    if body.lastImageUrl is None:
        return None
    return fault("lastImageUrl", "is a frame, and references are in imageUrls", "contradiction")


def _path(body: GenerateVideo, images: tuple[str, ...]) -> str:
    """Returns the field that asked for what the model doesn't do."""
    for path in ("audioUrls", "videoUrls", "lastImageUrl"):
        if getattr(body, path):
            return path
    if body.imageUrl and len(images) == 1:
        return "imageUrl"
    return "imageUrls" if images else "mode"


def _unavailable(mode: Mode, available: Collection[Mode]) -> str:
    return f"this model has no {MODE_NAMES[mode]}, but {', '.join(MODE_NAMES[one] for one in available)}"
