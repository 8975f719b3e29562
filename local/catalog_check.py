"""Compares a catalogue of models with the facts from the providers' documentation; `make catalog-check` runs it.

Each offer is asked for everything that the catalogue says it takes, in each of its modes, through the adapter that asks
the provider itself. What would be sent is compared with the facts, field by field.

python -m local.catalog_check [models.toml …]
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any, Final, NoReturn

from pydantic import SecretStr

from clipferry import catalog
from clipferry.catalog import Limits, Model, Offer, ResolvedOptions, VideoOptions
from clipferry.errors import ConfigurationError
from clipferry.models import Mode, Order
from clipferry.providers import registry
from clipferry.providers.openai_videos import OpenAiVideos
from clipferry.providers.transport import JsonApi
from clipferry.settings import Settings
from local.providers import facts, gateway_orders
from local.providers.gateway_wire import Kind

CALLBACK: Final = "https://api.example.com/callback"
_MODELS_PATH: Final = "/v1/models/"
_ADDED: Final = {"evolink": {"model"}, "kie": {"model", "callBackUrl"}}
"""Fields of a body that say which model, and whom to call: they stand beside the model's own."""


class _SentError(Exception):
    """Stops a submit where it would send its body."""

    def __init__(self, path: str, body: dict[str, Any]) -> None:
        self.path, self.body = path, body


class _Api(JsonApi):
    def __init__(self) -> None:
        """Has no client: nothing is ever sent."""

    def post(self, path: str, payload: Any, **_: Any) -> NoReturn:
        raise _SentError(path, payload)


ADAPTERS: Final = registry.ready(
    lambda name: Settings.model_fields[name].default or SecretStr("none"),
    (),
    connect=lambda *_: _Api(),
    offered=lambda _: (),
)
"""Each provider's, over an API that sends nothing."""
NO_PROVIDER: Final = f"no provider has this name ({', '.join(ADAPTERS)}), and a gateway's offer needs `body`"


def disagreements(model: Model) -> Iterator[str]:
    """Yields a line for each way in which an offer of the model isn't what its provider's documentation says."""
    for offer in model.offers:
        known = facts.load(offer.provider) if offer.provider in ADAPTERS else {}
        for mode, own in offer.modes.items():
            where = f"{model.id} at {offer.provider} ({own.model}), {mode.value}"
            if own.model not in known and offer.body is None:
                is_named = offer.provider in ADAPTERS
                yield f"{where}: {'there are no facts on this model' if is_named else NO_PROVIDER}"
                continue
            asked = orders(model, offer, mode)
            if offer.body is None:
                problems = (problem for order in asked for problem in problems_of(order, known))
            else:  # what the model takes is the server's to say; what the server takes is documented
                kind = Kind(offer.body)
                problems = (problem for order in asked for problem in gateway_orders.problems(kind, caught(order)[1]))
            yield from (f"{where}: {problem}" for problem in dict.fromkeys(problems))


def problems_of(order: Order, known: dict[str, facts.ModelFacts]) -> list[str]:
    """Returns what the facts say against the request that our adapter makes of the order."""
    name, fields = sent(order)
    return list(known[name].problems(fields).values())


def sent(order: Order) -> tuple[str, dict[str, Any]]:
    """Returns the provider's name for the model, and the fields that its documentation describes."""
    path, body = caught(order)
    model = body.get("model") or _model_in(path)
    fields = body.get("input", body)
    added = _ADDED.get(order.provider, set()) if fields is body else set[str]()
    return model, {key: value for key, value in fields.items() if key not in added}


def caught(order: Order) -> tuple[str, dict[str, Any]]:
    """Returns the path and the body that our adapter would send."""
    gateway = OpenAiVideos(order.provider, _Api(), base_url="https://gateway.example.com")
    adapter = ADAPTERS.get(order.provider, gateway)
    try:
        adapter.submit(order, callback_url=CALLBACK, timeout=1)
    except _SentError as error:
        return error.path, error.body
    raise AssertionError("nothing was sent")


def _model_in(path: str) -> str:
    """Returns the model that a path names: Replicate's `/v1/models/{model}/predictions`, fal's `/{model}?…`."""
    return path.partition("?")[0].removeprefix(_MODELS_PATH).removesuffix("/predictions").lstrip("/")


def orders(model: Model, offer: Offer, mode: Mode) -> Iterator[Order]:
    """Yields an order for each choice that the offer has; durations, qualities and sound in every combination."""
    limits = offer.modes[mode].limits
    usual = limits.filled(_with_media(VideoOptions(mode=mode, prompt="A ferry"), limits, most=False))
    for options in _choices(limits, usual):
        resolved = ResolvedOptions(
            model=model, options=options, duration=options.duration or 0, offers=(offer,), credits=0
        )
        yield resolved.order(offer, "vid_1")


def _choices(limits: Limits, usual: VideoOptions) -> Iterator[VideoOptions]:
    for duration, quality, audio in product(limits.durations, limits.qualities or (None,), limits.audio_choices):
        yield replace(usual, duration=duration, quality=quality, generate_audio=audio)
    yield from (replace(usual, aspect_ratio=ratio) for ratio in limits.aspect_ratios)
    yield from (replace(usual, prompt="x" * length) for length in (limits.prompt.min, limits.prompt.max))
    yield _with_media(usual, limits, most=True)
    if limits.seed is not None:
        yield from (replace(usual, seed=seed) for seed in (limits.seed.min, limits.seed.max))
    if limits.negative_prompt is not None:
        yield replace(usual, negative_prompt="x" * limits.negative_prompt.max)


def _with_media(options: VideoOptions, limits: Limits, *, most: bool) -> VideoOptions:
    """Returns the options with as many URLs as are allowed, of all kinds; or with as few as are needed."""
    left = limits.references.max if limits.references else sys.maxsize
    urls: list[tuple[str, ...]] = []
    for kind, allowed in (("image", limits.images), ("video", limits.videos), ("audio", limits.audios)):
        least = allowed.min or int(allowed.max > 0 and not any(urls))
        count = min(allowed.max if most else least, left)
        left -= count
        urls.append(tuple(f"https://files.example.com/{kind}-{n}" for n in range(count)))
    images, videos, audios = urls
    return replace(options, image_urls=images, video_urls=videos, audio_urls=audios)


def main(paths: list[str]) -> int:
    """Prints every disagreement, then what nobody could verify; 1 when there is a disagreement, or no valid file."""
    found = 0
    for path in map(Path, paths or [str(catalog.SHIPPED)]):
        try:
            offered = [model for model in catalog.load(path).models.values() if not model.retired]
        except ConfigurationError as error:
            sys.stdout.write(f"{error}\n")
            return 1
        lines = [line for model in offered for line in disagreements(model)]
        found += len(lines)
        sys.stdout.writelines(f"{line}\n" for line in lines)
        sys.stdout.write(f"{path.name}: {len(offered)} models, {len(lines)} disagreements with local/providers/facts\n")
        sys.stdout.writelines(f"  not verified: {line}\n" for line in _unverified(offered))
    return 1 if found else 0


def _unverified(models: list[Model]) -> list[str]:
    used = {(offer.provider, own.model) for model in models for offer in model.offers for own in offer.modes.values()}
    return [
        f"{name} at {provider}: {note}"
        for provider, name in sorted(used)
        if provider in ADAPTERS and name in facts.load(provider)
        for note in facts.load(provider)[name].unverified
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
