"""What a model takes in one mode, or an offer of it, and the faults of a request that asks for something else."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from clipferry.models import Mode

Fault = dict[str, str]


class Audio(StrEnum):
    """Whether a film has sound: always, never, or as the request says."""

    ALWAYS = "always"
    OPTIONAL = "optional"
    NEVER = "never"


_CHOICES: Final = {Audio.ALWAYS: (True,), Audio.OPTIONAL: (True, False), Audio.NEVER: (False,)}


@dataclass(frozen=True, slots=True)
class Range:
    """Whole numbers from `min` to `max`, both included."""

    min: int
    max: int

    def __contains__(self, value: int) -> bool:
        return self.min <= value <= self.max


NONE: Final = Range(0, 0)
SEEDS: Final = Range(0, 2**31 - 1)
PROMPT_LENGTHS: Final = Range(1, 5000)


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoOptions:
    """What a request says about its video; None where it leaves the choice to the model."""

    mode: Mode = Mode.TEXT
    prompt: str = "-"
    duration: int | None = None
    aspect_ratio: str | None = None
    quality: str | None = None
    image_urls: tuple[str, ...] = ()
    video_urls: tuple[str, ...] = ()
    audio_urls: tuple[str, ...] = ()
    generate_audio: bool | None = None
    seed: int | None = None
    negative_prompt: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is taken in one mode. Durations are in seconds; the first value of each list is the default.

    `seed` and `negative_prompt` are None where there is no such thing; `audio` is None where nobody has looked it up.
    """

    durations: tuple[int, ...]
    aspect_ratios: tuple[str, ...] = ()
    qualities: tuple[str, ...] = ()
    audio: Audio | None = None
    audio_default: bool = True
    """Only counts with OPTIONAL."""
    seed: Range | None = None
    negative_prompt: Range | None = None
    """Its length in characters."""
    prompt: Range = PROMPT_LENGTHS
    """Its length in characters."""
    images: Range = NONE
    videos: Range = NONE
    audios: Range = NONE
    references: Range | None = None
    """Images, videos and audios in all."""
    audio_alone: bool = False
    """Whether audio may be the only reference."""

    @property
    def audio_choices(self) -> tuple[bool | None, ...]:
        return (None,) if self.audio is None else _CHOICES[self.audio]

    @property
    def default_audio(self) -> bool | None:
        """What a request gets that doesn't say."""
        return self.audio_default if self.audio_default in self.audio_choices else self.audio_choices[0]

    def narrowed_by(self, given: dict[str, Any]) -> Limits:
        """Returns what both take; `given` has the fields that an offer states."""
        return replace(self, **{name: _narrow(getattr(self, name), value) for name, value in given.items()})

    def offered_in(self, offered: Collection[Limits]) -> Limits:
        """Returns these limits with what one of `offered` takes: the choices in their places, and ranges over all."""
        choices = {
            name: tuple(value for value in getattr(self, name) if any(value in getattr(own, name) for own in offered))
            for name in ("durations", "aspect_ratios", "qualities")
        }
        names = ("prompt", "images", "videos", "audios", "seed", "negative_prompt")
        ranges = {name: _range_over(getattr(own, name) for own in offered) for name in names}
        sound = {choice for own in offered for choice in own.audio_choices}
        audio = next((audio for audio, known in _CHOICES.items() if set(known) == sound), self.audio)
        return replace(self, **choices, **ranges, audio=audio)

    def filled(self, options: VideoOptions) -> VideoOptions:
        """Returns the options with the defaults for what the request leaves open."""
        audio = self.default_audio if options.generate_audio is None else options.generate_audio
        return replace(
            options,
            duration=options.duration or self.durations[0],
            aspect_ratio=options.aspect_ratio or next(iter(self.aspect_ratios), None),
            quality=options.quality or next(iter(self.qualities), None),
            generate_audio=audio,
        )

    def faults(self, options: VideoOptions) -> list[Fault]:
        """A fault for each option that isn't taken, for `details.fields`."""
        return [
            *_choice_faults("duration", options.duration, self.durations),
            *_choice_faults("aspectRatio", options.aspect_ratio, self.aspect_ratios),
            *_choice_faults("quality", options.quality, self.qualities),
            *_audio_faults(options.generate_audio, self.audio_choices),
            *_seed_faults(options.seed, self.seed),
            *_length_faults("prompt", options.prompt, self.prompt),
            *_length_faults("negativePrompt", options.negative_prompt, self.negative_prompt),
            *self._reference_faults(options),
        ]

    def _reference_faults(self, options: VideoOptions) -> Iterator[Fault]:
        given = len(options.image_urls), len(options.video_urls), len(options.audio_urls)
        paths = ("imageUrls", "videoUrls", "audioUrls")
        for path, count, allowed in zip(paths, given, (self.images, self.videos, self.audios), strict=True):
            if count not in allowed:
                yield fault(path, f"takes {_amount(allowed)} in this mode, not {count}")
        if self.references is not None and sum(given) not in self.references:
            yield fault("imageUrls", f"takes {_amount(self.references)} images, videos and audios in all")
        if given[2] and not (given[0] or given[1] or self.audio_alone):
            yield fault("audioUrls", "audio needs an image or a video beside it")


def fault(path: str, message: str, code: str = "unsupported") -> Fault:
    return {"path": path, "code": code, "message": message}


def _choice_faults(path: str, value: object, allowed: tuple[object, ...]) -> Iterator[Fault]:
    if value is not None and value not in allowed:
        choices = ", ".join(str(item) for item in sorted(allowed, key=_order)) or "nothing"
        yield fault(path, f"this model accepts {choices}")


def _order(item: object) -> float:
    return item if isinstance(item, int) else 0


def _audio_faults(value: bool | None, choices: tuple[bool | None, ...]) -> Iterator[Fault]:
    if value is not None and value not in choices:
        always = "always has sound" if True in choices else "has no sound" if False in choices else "can't be told"
        yield fault("generateAudio", f"this model {always}")


def _seed_faults(value: int | None, allowed: Range | None) -> Iterator[Fault]:
    if value is not None and (allowed is None or value not in allowed):
        yield fault("seed", f"this model accepts {_amount(allowed) if allowed else 'no seed'}")


def _length_faults(path: str, text: str | None, allowed: Range | None) -> Iterator[Fault]:
    if text is None:
        return
    if allowed is None:
        yield fault(path, "this model has no such thing")
    elif len(text) > allowed.max:
        yield fault(path, f"must have at most {allowed.max} characters", "too_long")
    elif len(text) < allowed.min:
        yield fault(path, f"must have at least {allowed.min} characters", "too_short")


def _common_range(own: Range, given: Range) -> Range:
    common = Range(max(own.min, given.min), min(own.max, given.max))
    if common.min > common.max:
        raise ValueError(f"of {_amount(own)} nothing is in {_amount(given)}")
    return common


def _amount(allowed: Range) -> str:
    return str(allowed.min) if allowed.min == allowed.max else f"{allowed.min} to {allowed.max}"


def _range_over(ranges: Iterable[Range | None]) -> Range | None:
    """Returns the smallest range with all of them in it; None where there are none."""
    known = [given for given in ranges if given]
    return Range(min(given.min for given in known), max(given.max for given in known)) if known else None


def _narrow(own: Any, given: Any) -> Any:
    """Returns what both allow. Raises ValueError when that is nothing."""
    if isinstance(own, tuple):
        common = tuple(item for item in own if item in given)
        if own and not common:
            raise ValueError(f"of {list(own)} nothing is in {list(given)}")
        return common
    if isinstance(own, Range):
        return given and _common_range(own, given)
    if isinstance(own, Audio):
        common = tuple(choice for choice in _CHOICES[own] if choice in _CHOICES[given])
        if not common:
            raise ValueError(f"audio can't be {own} and {given}")
        return next(audio for audio, choices in _CHOICES.items() if choices == common)
    return own and given
