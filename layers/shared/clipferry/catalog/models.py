"""A model as users see it, the offers of its providers, and the choice among them that a request makes."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from clipferry.catalog.limits import Fault, Limits, VideoOptions, fault
from clipferry.catalog.prices import Cost, Price
from clipferry.errors import InvalidRequestError, ModelRetiredError, UnknownModelError
from clipferry.models import Mode, Order


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferMode:
    """What an offer takes in one mode: the provider's name for the model, and the parameters that are sent."""

    model: str
    limits: Limits
    input: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A provider that makes the model, in some of its modes."""

    provider: str
    modes: dict[Mode, OfferMode]
    quality_names: dict[str, str] = field(default_factory=dict)
    """The provider's words for the model's qualities, where they differ."""
    aspect_ratio_names: dict[str, str] = field(default_factory=dict)
    body: str | None = None
    """The kind of request that a server with OpenAI's video API takes, where `input` came from it."""

    def faults(self, options: VideoOptions) -> list[Fault]:
        own = self.modes.get(options.mode)
        return [fault("mode", "no provider makes this model in this mode")] if not own else own.limits.faults(options)


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model as users see it: what it takes in each of its modes, and what that costs."""

    id: str
    name: str
    description: str
    descriptions: dict[str, str] = field(default_factory=dict)
    """The description in other languages, by their codes (`zh`)."""
    modes: dict[Mode, Limits]
    cost: Cost
    prices: tuple[Price, ...] = ()
    """Prices that replace `cost` for some orders; the first that matches counts."""
    offers: tuple[Offer, ...]
    retired: bool = False

    def credits(self, *, mode: Mode, duration: int, quality: str | None, audio: bool | None) -> int:
        own = next((price.cost for price in self.prices if price.is_for(mode, quality, audio)), self.cost)
        return own.credits(duration=duration, quality=quality)

    def made_by(self, providers: Collection[str]) -> Model | None:
        """Returns the model with the offers of these providers, and with the modes and choices that they have.

        None when nobody of them makes it; a retired model stays as it is, so that it can be said to be.
        """
        if self.retired:
            return self
        offers = tuple(offer for offer in self.offers if offer.provider in providers)
        offered = {mode: [offer.modes[mode].limits for offer in offers if mode in offer.modes] for mode in self.modes}
        modes = {mode: self.modes[mode].offered_in(limits) for mode, limits in offered.items() if limits}
        return replace(self, offers=offers, modes=modes) if modes else None

    def described(self, languages: Iterable[str]) -> str:
        """Returns the description in the first of `languages` (`zh`) that there is; `description` counts as English."""
        known = {"en": self.description} | self.descriptions
        return next((known[language] for language in languages if language in known), self.description)

    def any_mode(self, name: str) -> list[Any]:
        """Returns what any of its modes has in `name`, such as `qualities`: in the catalogue's order, each once."""
        return list(dict.fromkeys(value for limits in self.modes.values() for value in getattr(limits, name)))

    def faults(self, options: VideoOptions) -> list[Fault]:
        """A fault for each option that the model doesn't take, or that no offer takes."""
        limits = self.modes.get(options.mode)
        if limits is None:
            return [fault("mode", f"this model has the modes {', '.join(self.modes)}")]
        filled = limits.filled(options)
        if faults := limits.faults(filled):
            return faults
        by_offer = [offer.faults(filled) for offer in self.offers]
        return min(by_offer, key=len, default=[])

    def any_mode_faults(self, options: VideoOptions) -> list[Fault]:
        """The faults of options whose mode the model doesn't have: those that it finds in each of its modes."""
        found = [
            limits.faults(replace(options, image_urls=(), video_urls=(), audio_urls=()))
            for limits in self.modes.values()
        ]
        return min(found, key=len)

    def resolve(self, options: VideoOptions) -> ResolvedOptions:
        """Fills in the model's defaults, the price, and the offers that can make exactly this.

        Raises InvalidRequestError for options that have faults.
        """
        if faults := self.faults(options):
            raise InvalidRequestError("not offered by the model", details={"fields": faults})
        limits = self.modes[options.mode]
        filled = limits.filled(options)
        duration = filled.duration or limits.durations[0]
        price = self.credits(mode=options.mode, duration=duration, quality=filled.quality, audio=filled.generate_audio)
        takers = tuple(offer for offer in self.offers if not offer.faults(filled))
        return ResolvedOptions(model=self, options=filled, duration=duration, offers=takers, credits=price)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedOptions:
    """Options that their model accepts, with its defaults filled in, the offers that take them, and the price."""

    model: Model
    options: VideoOptions
    duration: int
    """Seconds."""
    offers: tuple[Offer, ...]
    credits: int

    def offers_by_preference(self, preferred: str) -> tuple[Offer, ...]:
        """The offers in the catalogue's order, but the preferred provider's first, if it has one."""
        return tuple(sorted(self.offers, key=lambda offer: offer.provider != preferred))

    def order(self, offer: Offer, video_uuid: str) -> Order:
        """Builds what the offer's provider is asked to make, in its own words."""
        options, own = self.options, offer.modes[self.options.mode]
        images = options.image_urls
        has_frames = options.mode in (Mode.FIRST_FRAME, Mode.FIRST_LAST_FRAME)
        return Order(
            video_uuid=video_uuid,
            provider=offer.provider,
            prompt=options.prompt,
            model=own.model,
            duration=self.duration,
            aspect_ratio=options.aspect_ratio
            and offer.aspect_ratio_names.get(options.aspect_ratio, options.aspect_ratio),
            quality=options.quality and offer.quality_names.get(options.quality, options.quality),
            image_url=images[0] if has_frames else None,
            last_image_url=images[1] if options.mode is Mode.FIRST_LAST_FRAME else None,
            image_urls=images,
            video_urls=options.video_urls,
            audio_urls=options.audio_urls,
            generate_audio=options.generate_audio,
            seed=options.seed,
            negative_prompt=options.negative_prompt,
            input=own.input,
        )


@dataclass(frozen=True, slots=True)
class Catalog:
    """All models, by id. `aliases` leads from other spellings of an id to the id."""

    models: dict[str, Model]
    aliases: dict[str, str] = field(default_factory=dict)

    def made_by(self, providers: Collection[str]) -> Catalog:
        """Returns what these providers make, and what is retired: nobody is offered what can't be ordered."""
        made = {model_id: model.made_by(providers) for model_id, model in self.models.items()}
        return replace(self, models={model_id: model for model_id, model in made.items() if model is not None})

    def get(self, model_id: str) -> Model:
        """The model; raises UnknownModelError or ModelRetiredError."""
        model = self.models.get(model_id) or self.models.get(self.aliases.get(letters(model_id), ""))
        if model is None:
            raise UnknownModelError.for_field("model", "unknown", "there is no model with this id")
        if model.retired:
            raise ModelRetiredError.for_field("model", "retired", "this model is no longer offered")
        return model

    def models_of(self, provider: str) -> set[str]:
        """Returns the provider's own names for all that it offers."""
        offers = (offer for model in self.models.values() for offer in model.offers if offer.provider == provider)
        return {own.model for offer in offers for own in offer.modes.values()}


def letters(model_id: str) -> str:
    """Returns the id's letters and digits in lower case: ids that differ in nothing else mean the same model."""
    return "".join(character for character in model_id.lower() if character.isalnum())
