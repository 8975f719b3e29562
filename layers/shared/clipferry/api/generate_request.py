"""Reads a request for a video: parsed, then checked against its model and the offers that can be asked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from clipferry.api.generate_body import GenerateVideo
from clipferry.api.media_inputs import MODE_NAMES, MediaInputs, read_media
from clipferry.catalog import Catalog, Fault, Limits, Model, ResolvedOptions, VideoOptions, fault
from clipferry.errors import InvalidRequestError, SourceInvalidError
from clipferry.net.public_urls import check_public_url, check_url
from clipferry.usecases.create_video import VideoRequest

_PORT_AND_PATH: Final = "(:[0-9]{1,5})?([/?#][!-~]*)?$"
_HTTPS: Final = "^[Hh][Tt][Tt][Pp][Ss]://"
_HTTPS_URL: Final = _HTTPS + "[A-Za-z0-9._-]+" + _PORT_AND_PATH
_NAME: Final = r"([A-Za-z0-9_-]{1,63}\.)+[A-Za-z][A-Za-z0-9-]{0,62}"
PUBLIC_URL: Final = _HTTPS + _NAME + r"(:[1-9][0-9]{0,3})?([/?#][!-\[\]-~]*)?$"
"""An https URL whose host is a DNS name; no user, no password. A public IPv4 address is taken, too."""
_LOOPBACK_URL: Final = r"^http://(localhost|127\.0\.0\.1)" + _PORT_AND_PATH
_HTTPS_PORT: Final = 443
_QUALITIES: Final = {"standard": "720p", "high": "1080p"}
"""The original's two words, as it maps them for a model that has resolutions."""


def order_request(
    body: GenerateVideo, models: Catalog, *, allow_loopback: bool, may_name_webhook: bool = False
) -> VideoRequest:
    """Makes a request that its model can make of a body; raises InvalidRequestError, which names every field at fault.

    `may_name_webhook` lets it have a `webhookUrl`.
    """
    model = models.get(body.model)
    media = read_media(body, model.modes)
    options = _options(body, model, media)
    faults = [*_model_faults(model, options), *media.faults, *_other_faults(body, allow_loopback)]
    faults += _webhook_faults(body.webhookUrl, allow_loopback, is_allowed=may_name_webhook)
    if faults:
        raise InvalidRequestError("not offered by the model", details={"fields": faults})
    resolved = model.resolve(options)
    return VideoRequest(
        resolved=resolved, parameters=_kept(resolved), webhook_url=body.webhookUrl, metadata=body.metadata or {}
    )


def _options(body: GenerateVideo, model: Model, media: MediaInputs) -> VideoOptions:
    limits = model.modes.get(media.mode)
    return VideoOptions(
        mode=media.mode,
        prompt=body.prompt,
        duration=body.duration,
        aspect_ratio=body.aspectRatio,
        quality=_quality(body.quality, limits),
        image_urls=media.image_urls,
        video_urls=body.videoUrls or (),
        audio_urls=body.audioUrls or (),
        generate_audio=body.generateAudio,
        seed=body.seed,
        negative_prompt=body.negativePrompt,
    )


def _quality(word: str | None, limits: Limits | None) -> str | None:
    """Returns the model's own spelling, whatever the letter case; `standard` and `high` as the original maps them."""
    if word is None or limits is None:
        return word
    own = {quality.lower(): quality for quality in limits.qualities}
    return own.get(word.lower()) or own.get(_QUALITIES.get(word.lower(), ""), word)


def _model_faults(model: Model, options: VideoOptions) -> list[Fault]:
    """The faults that the model finds; none where the mode itself is at fault."""
    if options.mode not in model.modes:
        return model.any_mode_faults(options)
    return model.faults(options)


def _other_faults(body: GenerateVideo, allow_loopback: bool) -> Iterator[Fault]:
    if body.outputNumber not in (None, 1):
        yield fault("outputNumber", "only one video at a time can be asked for")
    for path in ("imageUrl", "lastImageUrl", "imageUrls", "videoUrls", "audioUrls"):
        value = getattr(body, path) or ()
        urls = (value,) if isinstance(value, str) else value
        if not all(_is_public_url(url, allow_loopback) for url in urls):
            yield fault(path, "must be an https URL on a public host", "invalid_url")


def _webhook_faults(url: str | None, allow_loopback: bool, *, is_allowed: bool) -> Iterator[Fault]:
    if url is None:
        return
    if not is_allowed:
        yield fault("webhookUrl", "is taken with an API key only, where webhooks are set up")
    elif not _is_public_url(url, allow_loopback) or not (allow_loopback or _has_standard_port(url)):
        yield fault("webhookUrl", "must be an https URL on a public host, on port 443", "invalid_url")


def _has_standard_port(url: str) -> bool:
    """Whether we may post there: the guard connects to no other port."""
    return check_url(url, ())[0].port == _HTTPS_PORT


def _is_public_url(text: str, allow_loopback: bool) -> bool:
    """Whether a provider can fetch the URL (we never do). Local development also allows plain HTTP to loopback."""
    if allow_loopback and re.fullmatch(_LOOPBACK_URL, text):
        return True
    try:
        check_public_url(text)
    except SourceInvalidError:
        return False
    return re.fullmatch(_HTTPS_URL, text) is not None


def _kept(resolved: ResolvedOptions) -> dict[str, Any]:
    """Returns what the row keeps: the original's names, and of the newer ones those that the request has."""
    options = resolved.options
    always = {
        "duration": resolved.duration,
        "aspectRatio": options.aspect_ratio,
        "quality": options.quality,
        "mode": MODE_NAMES[options.mode],
    }
    sometimes = {
        "imageUrls": list(options.image_urls),
        "videoUrls": list(options.video_urls),
        "audioUrls": list(options.audio_urls),
        "generateAudio": options.generate_audio,
        "seed": options.seed,
        "negativePrompt": options.negative_prompt,
    }
    return always | {name: value for name, value in sometimes.items() if value not in (None, [])}
