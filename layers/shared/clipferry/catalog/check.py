"""Checks that a catalogue keeps its promises: what a model is said to take is sent by an offer, and it has a price."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any, Final

from clipferry.catalog.limits import NONE, Audio, Limits
from clipferry.catalog.models import Model
from clipferry.catalog.prices import Cost
from clipferry.catalog.templates import NAMES, names_in
from clipferry.models import Mode

_IMAGES: Final = {"$image_url", "$image_urls"}
_LAST_IMAGE: Final = {"$last_image_url", "$image_urls"}


def what_is_sent(limits: Limits, sent: dict[str, Any], *, mode: Mode, provider: str) -> Limits:
    """Returns the limits without the seed and the negative prompt where the offer's `input` doesn't send them.

    Raises ValueError when it names something unknown, or leaves out what the request may choose.
    """
    names, where = names_in(sent), f"{provider}'s {mode.value}"
    if unknown := sorted(names - NAMES):
        raise ValueError(
            f"{where} sends the unknown {', '.join(unknown)}; the known ones are {', '.join(sorted(NAMES))}"
        )
    if missing := list(_missing(limits, names, mode)):
        raise ValueError(f"{where} doesn't send {' and '.join(missing)}")
    return replace(
        limits,
        seed=limits.seed if "$seed" in names else None,
        negative_prompt=limits.negative_prompt if "$negative_prompt" in names else None,
    )


def _missing(limits: Limits, names: set[str], mode: Mode) -> Iterator[str]:
    has_frames = mode is not Mode.REFERENCE  # only a frame is `$image_url` or `$last_image_url`
    wanted = {
        "$duration": (len(limits.durations) > 1, {"$duration", "$duration_text"}),
        "$aspect_ratio": (len(limits.aspect_ratios) > 1, {"$aspect_ratio", "$size"}),
        "$quality": (len(limits.qualities) > 1, {"$quality", "$size"}),
        "$generate_audio": (limits.audio is Audio.OPTIONAL, {"$generate_audio"}),
        "$image_url or $image_urls": (has_frames and limits.images.max > 0, _IMAGES),
        "$last_image_url or $image_urls": (has_frames and limits.images.min > 1, _LAST_IMAGE),
        "$image_urls": (not has_frames and limits.images.max > 0, {"$image_urls", "$image_references"}),
        "$video_urls": (limits.videos.max > 0, {"$video_urls"} | ({"$video_url"} if limits.videos.max == 1 else set())),
        "$audio_urls": (limits.audios.max > 0, {"$audio_urls"} | ({"$audio_url"} if limits.audios.max == 1 else set())),
    }
    return (name for name, (is_wanted, any_of) in wanted.items() if is_wanted and not names & any_of)


def check(model: Model) -> None:
    """Raises ValueError for a model that is free, or that says something which no offer keeps."""
    problems = {
        "must cost at least one credit": min(_prices(model)) < 1,
        "prices a quality that it doesn't have": not _priced_qualities(model) <= _qualities(model),
        "must not cost less for more seconds": any(cost.per_extra_second < 0 for cost in _costs(model)),
        "has no offer": not model.offers and not model.retired,
    }
    problems |= {f"has {what}, which no offer takes": True for what in _unkept(model) if not model.retired}
    wrong = [text for text, is_wrong in problems.items() if is_wrong]
    if wrong:
        raise ValueError(" and ".join(wrong))


def _costs(model: Model) -> list[Cost]:
    return [model.cost, *(price.cost for price in model.prices)]


def _qualities(model: Model) -> set[str]:
    return {quality for limits in model.modes.values() for quality in limits.qualities}


def _priced_qualities(model: Model) -> set[str]:
    multiplied = {quality for cost in _costs(model) for quality in cost.quality_multipliers}
    return multiplied | {quality for price in model.prices for quality in price.qualities or ()}


def _prices(model: Model) -> Iterator[int]:
    """Yields the price of the shortest video of each kind: a longer one doesn't cost less."""
    for mode, limits in model.modes.items():
        for quality, audio in product(limits.qualities or (None,), limits.audio_choices):
            yield model.credits(mode=mode, duration=min(limits.durations), quality=quality, audio=audio)


def _unkept(model: Model) -> Iterator[str]:
    for mode, limits in model.modes.items():
        offered = [offer.modes[mode].limits for offer in model.offers if mode in offer.modes]
        if not offered:
            yield f"the mode {mode.value}"
            continue
        for name in ("durations", "aspect_ratios", "qualities", "audio_choices"):
            kept = {value for own in offered for value in getattr(own, name)}
            yield from (f"{value} in {name} of {mode.value}" for value in getattr(limits, name) if value not in kept)
        for name in ("seed", "negative_prompt"):
            if getattr(limits, name) is not None and all(getattr(own, name) is None for own in offered):
                yield f"a {name} in {mode.value}"
        for name in ("images", "videos", "audios"):
            most = getattr(limits, name).max
            if most > NONE.max and all(getattr(own, name).max < most for own in offered):
                yield f"{most} {name} in {mode.value}"
