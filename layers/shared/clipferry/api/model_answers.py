"""What `/api/v1/config/models` answers: what each model takes in each mode, and what that costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from clipferry.api.media_inputs import MODE_NAMES
from clipferry.catalog import NONE
from clipferry.models import Mode

if TYPE_CHECKING:  # imported here, these would cost every function its cold start
    from clipferry.api.response_types import CostJson, ModeJson, ModelJson, PriceJson, RangeJson
    from clipferry.catalog import Catalog, Limits, Model, Range


def models(catalog: Catalog, languages: Sequence[str] = ()) -> list[ModelJson]:
    """Every model on offer, in the catalogue's order: a plain list, as in the original.

    A description is in the first of `languages` that the catalogue has.
    """
    return [_model(model, languages) for model in catalog.models.values() if not model.retired]


def _model(model: Model, languages: Sequence[str]) -> ModelJson:
    """The original's fields say what any mode takes; `modes` says it of each."""
    durations = model.any_mode("durations")
    answer: ModelJson = {
        "id": model.id,
        "name": model.name,
        "provider": model.offers[0].provider,
        "description": model.described(languages),
        "supportImageToVideo": Mode.FIRST_FRAME in model.modes,
        "maxDuration": max(durations),
        "durations": durations,
        "aspectRatios": model.any_mode("aspect_ratios"),
        "creditCost": _cost(model),
        "modes": [_mode(mode, limits) for mode, limits in model.modes.items()],
        "prices": _prices(model),
    }
    if qualities := model.any_mode("qualities"):  # the original leaves the field out where there is no choice
        answer["qualities"] = qualities
    return answer


def _mode(mode: Mode, limits: Limits) -> ModeJson:
    return {
        "mode": MODE_NAMES[mode],
        "durations": list(limits.durations),
        "aspectRatios": list(limits.aspect_ratios),
        "qualities": list(limits.qualities),
        "audio": limits.audio and limits.audio.value,
        "audioDefault": limits.default_audio,
        "seed": _range(limits.seed),
        "promptLength": {"min": limits.prompt.min, "max": limits.prompt.max},
        "negativePromptLength": _range(limits.negative_prompt),
        "images": _range(limits.images),
        "videos": _range(limits.videos),
        "audios": _range(limits.audios),
    }


def _range(found: Range | None) -> RangeJson | None:
    return None if found is None or found == NONE else {"min": found.min, "max": found.max}


def _prices(model: Model) -> list[PriceJson]:
    """Credits by seconds, for each quality; `audio` is None where the sound makes no difference to the price."""
    modes_by_row: dict[tuple[str | None, bool | None, tuple[tuple[str, int], ...]], list[str]] = {}
    for mode, limits in model.modes.items():
        for quality in limits.qualities or (None,):
            by_audio = {audio: _credits(model, mode, limits, quality, audio) for audio in limits.audio_choices}
            if len(set(by_audio.values())) == 1:
                by_audio = {None: next(iter(by_audio.values()))}
            for audio, credits_by_seconds in by_audio.items():
                modes_by_row.setdefault((quality, audio, credits_by_seconds), []).append(MODE_NAMES[mode])
    return [
        {"modes": modes, "quality": quality, "audio": audio, "credits": dict(credits_by_seconds)}
        for (quality, audio, credits_by_seconds), modes in modes_by_row.items()
    ]


def _credits(
    model: Model, mode: Mode, limits: Limits, quality: str | None, audio: bool | None
) -> tuple[tuple[str, int], ...]:
    return tuple(
        (str(seconds), model.credits(mode=mode, duration=seconds, quality=quality, audio=audio))
        for seconds in sorted(limits.durations)
    )


def _cost(model: Model) -> CostJson:
    cost: CostJson = {
        "base": model.cost.base,
        "includedSeconds": model.cost.included_seconds,
        "perExtraSecond": model.cost.per_extra_second,
        "qualityMultipliers": model.cost.quality_multipliers,
    }
    if "high" in model.cost.quality_multipliers:  # the original's one quality that costs more
        cost["highQualityMultiplier"] = model.cost.quality_multipliers["high"]
    return cost
