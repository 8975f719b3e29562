"""The models that users may ask for: what each accepts, what it costs, and which providers offer it."""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from clipferry.errors import ConfigurationError, ModelRetiredError, UnknownModelError

SHIPPED: Final = Path(__file__).parent / "models.toml"


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
class Offer:
    """A provider that makes the model, and its name for it. `input` is sent with each order, unchanged."""

    provider: str
    model: str
    image_model: str | None = None
    """The name when there is a start image, where it differs."""
    qualities: dict[str, str] = field(default_factory=dict)
    """The provider's words for the model's qualities, where they differ."""
    input: dict[str, Any] = field(default_factory=dict)

    def name_for(self, image_url: str | None) -> str:
        return self.image_model if image_url and self.image_model else self.model


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoOptions:
    """What a request says about its video; None where it leaves the choice to the model."""

    duration: int | None
    aspect_ratio: str | None
    quality: str | None
    has_image: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedOptions:
    """Options that their model accepts, with its defaults filled in, and the price."""

    model: Model
    duration: int
    aspect_ratio: str | None
    quality: str | None
    credits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model as users see it. Durations are in seconds. The first value of each list is the default."""

    id: str
    name: str
    description: str
    durations: tuple[int, ...]
    aspect_ratios: tuple[str, ...]
    qualities: tuple[str, ...]
    accepts_image: bool
    retired: bool
    cost: Cost
    offers: tuple[Offer, ...]

    def faults(self, options: VideoOptions) -> list[dict[str, str]]:
        """A fault for each option that the model doesn't accept, for `details.fields`."""
        faults = [
            _fault("duration", options.duration, self.durations),
            _fault("aspectRatio", options.aspect_ratio, self.aspect_ratios),
            _fault("quality", options.quality, self.qualities),
        ]
        if options.has_image and not self.accepts_image:
            faults.append({"path": "imageUrl", "code": "unsupported", "message": "this model takes no image"})
        return [fault for fault in faults if fault is not None]

    def resolve(self, options: VideoOptions) -> ResolvedOptions:
        """Fills in the model's defaults and the price. `options` must have no faults."""
        duration = options.duration or self.durations[0]
        quality = options.quality or next(iter(self.qualities), None)
        return ResolvedOptions(
            model=self,
            duration=duration,
            aspect_ratio=options.aspect_ratio or next(iter(self.aspect_ratios), None),
            quality=quality,
            credits=self.cost.credits(duration=duration, quality=quality),
        )

    def offers_by_preference(self, preferred: str) -> tuple[Offer, ...]:
        """The offers in the catalogue's order, but the preferred provider's first, if it has one."""
        return tuple(sorted(self.offers, key=lambda offer: offer.provider != preferred))


@dataclass(frozen=True, slots=True)
class Catalog:
    """All models, by id."""

    models: dict[str, Model]

    def get(self, model_id: str) -> Model:
        """The model; raises UnknownModelError or ModelRetiredError."""
        model = self.models.get(model_id)
        if model is None:
            raise UnknownModelError.for_field("model", "unknown", "there is no model with this id")
        if model.retired:
            raise ModelRetiredError.for_field("model", "retired", "this model is no longer offered")
        return model


def _fault(path: str, value: object, allowed: tuple[object, ...]) -> dict[str, str] | None:
    if value is None or value in allowed:
        return None
    choices = ", ".join(str(item) for item in allowed) or "nothing"
    return {"path": path, "code": "unsupported", "message": f"this model accepts {choices}"}


@cache
def load(path: Path = SHIPPED) -> Catalog:
    """Reads the catalogue in the TOML file `path`; raises ConfigurationError when it isn't valid."""
    try:
        with path.open("rb") as file:
            models = [_model(entry) for entry in tomllib.load(file)["model"]]
    except (OSError, ValueError, OverflowError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(f"{path.name}: {type(error).__name__}: {error}") from error
    if len({model.id for model in models}) != len(models):
        raise ConfigurationError(f"{path.name} has a model twice")
    return Catalog({model.id: model for model in models})


def _model(entry: dict[str, Any]) -> Model:
    model = Model(
        id=entry["id"],
        name=entry["name"],
        description=entry.get("description", ""),
        durations=tuple(entry["durations"]),
        aspect_ratios=tuple(entry.get("aspect_ratios", ())),
        qualities=tuple(entry.get("qualities", ())),
        accepts_image=entry.get("accepts_image", False),
        retired=entry.get("retired", False),
        cost=Cost(**{"quality_multipliers": {}, **entry["cost"]}),
        offers=tuple(Offer(**offer) for offer in entry.get("offer", ())),
    )
    _check(model)
    return model


def _check(model: Model) -> None:
    """Refuses a model that is free, that no provider offers, or that has a price for a quality it doesn't have."""
    prices = [
        model.cost.credits(duration=duration, quality=quality)
        for duration in model.durations
        for quality in model.qualities or (None,)
    ]
    problems = {
        "has no durations of whole seconds": not model.durations or any(not _is_seconds(d) for d in model.durations),
        "must cost at least one credit": not prices or min(prices) < 1,
        "prices a quality that it doesn't have": not set(model.cost.quality_multipliers) <= set(model.qualities),
        "has no offer": not model.offers and not model.retired,
    }
    wrong = [text for text, is_wrong in problems.items() if is_wrong]
    if wrong:
        raise ConfigurationError(f"model {model.id} {' and '.join(wrong)}")


def _is_seconds(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
