"""The models that users may ask for: what each accepts, what it costs, and who makes it under which name."""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from clipferry.errors import ConfigurationError, InvalidRequestError, ModelRetiredError, UnknownModelError

SHIPPED: Final = Path(__file__).parent / "models.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """`base` credits cover `included_seconds`; each second more costs `per_extra_second`; then a quality multiplies."""

    base: float
    included_seconds: int = 10
    per_extra_second: float = 0
    quality_multipliers: dict[str, float]

    def credits(self, *, duration: int, quality: str | None) -> int:
        """Whole credits, rounded half up as JavaScript's Math.round does (the original's rule: multiply, round)."""
        total = self.base + max(0, duration - self.included_seconds) * self.per_extra_second
        return math.floor(total * self.quality_multipliers.get(quality or "", 1) + 0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One provider's name for a model; `image_model` where a start image changes it. `input` goes along as it is."""

    provider: str
    model: str
    image_model: str | None = None
    input: dict[str, Any]

    def name_for(self, image_url: str | None) -> str:
        return self.image_model if image_url and self.image_model else self.model


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model as users see it. Durations in seconds; the first of each list is the default."""

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

    def offers_by_preference(self, preferred: str) -> tuple[Offer, ...]:
        """In the catalogue's order, but the preferred provider first wherever the model has it."""
        return tuple(sorted(self.offers, key=lambda offer: offer.provider != preferred))


@dataclass(frozen=True, slots=True)
class Catalog:
    """All models, by id."""

    models: dict[str, Model]

    def get(self, model_id: str) -> Model:
        model = self.models.get(model_id)
        if model is None:
            raise UnknownModelError.for_field("model", "unknown", "there is no model with this id")
        if model.retired:
            raise ModelRetiredError.for_field("model", "retired", "this model is no longer offered")
        return model


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A request that fits its model."""

    model: Model
    duration: int
    aspect_ratio: str | None
    quality: str | None
    credits: int


def choose(
    model: Model, *, duration: int | None, aspect_ratio: str | None, quality: str | None, has_image: bool
) -> Choice:
    """Fills in the defaults; raises InvalidRequestError that names every field which the model doesn't accept."""
    faults = [
        _fault("duration", duration, model.durations),
        _fault("aspectRatio", aspect_ratio, model.aspect_ratios),
        _fault("quality", quality, model.qualities),
    ]
    if has_image and not model.accepts_image:
        faults.append({"path": "imageUrl", "code": "unsupported", "message": "this model takes no image"})
    named = [fault for fault in faults if fault is not None]
    if named:
        raise InvalidRequestError("not offered by the model", details={"fields": named})
    seconds = duration or model.durations[0]
    grade = quality or next(iter(model.qualities), None)
    return Choice(
        model=model,
        duration=seconds,
        aspect_ratio=aspect_ratio or next(iter(model.aspect_ratios), None),
        quality=grade,
        credits=model.cost.credits(duration=seconds, quality=grade),
    )


def _fault(path: str, value: object, allowed: tuple[object, ...]) -> dict[str, str] | None:
    if value is None or value in allowed:
        return None
    choices = ", ".join(str(item) for item in allowed) or "nothing"
    return {"path": path, "code": "unsupported", "message": f"this model accepts {choices}"}


@cache
def load(path: Path = SHIPPED) -> Catalog:
    """The catalogue in the TOML file `path`; raises ConfigurationError when it doesn't make sense."""
    try:
        with path.open("rb") as file:
            models = [_model(entry) for entry in tomllib.load(file)["model"]]
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise ConfigurationError(f"{path.name}: {type(error).__name__}: {error}") from error
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
        offers=tuple(Offer(**{"input": {}, **offer}) for offer in entry.get("offer", ())),
    )
    _check(model)
    return model


def _check(model: Model) -> None:
    """A model that is free, or that nobody makes, is a mistake in the file."""
    prices = [
        model.cost.credits(duration=duration, quality=quality)
        for duration in model.durations
        for quality in model.qualities or (None,)
    ]
    if not prices or min(prices) < 1:
        raise ConfigurationError(f"model {model.id} must have durations and cost at least one credit")
    if not model.offers and not model.retired:
        raise ConfigurationError(f"model {model.id} has no offer")
