"""Every field that changes a film, for every model: a provider is sent it, or the answer is 400 with its path."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from clipferry import catalog, runtime
from clipferry.api.generate_body import GenerateVideo
from clipferry.api.media_inputs import MODE_NAMES
from clipferry.catalog import Limits, Model
from clipferry.db.connection import Database
from clipferry.models import Mode
from local.providers.base import FakeProvider
from local.providers.evolink import fake_evolink
from local.providers.fal import fake_fal
from local.providers.kie import fake_kie
from local.providers.replicate import fake_replicate
from local.sam_template.environment import in_process
from tests import books
from tests.http_api import Answer, Api, Person

SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
IMAGES = [f"https://files.example.com/{number}.png" for number in range(50)]
FILMS = [f"https://files.example.com/{number}.mp4" for number in range(50)]
SOUNDS = [f"https://files.example.com/{number}.mp3" for number in range(50)]
MODELS = [model for model in catalog.load().models.values() if not model.retired]
CREDITS = 100_000_000


@pytest.fixture(scope="module")
def fakes() -> Iterator[dict[str, FakeProvider]]:
    with ExitStack() as stack:
        running: dict[str, FakeProvider] = {
            "evolink": stack.enter_context(fake_evolink(api_key="key", seconds=3600)),
            "kie": stack.enter_context(fake_kie(api_key="key", seconds=3600)),
            "replicate": stack.enter_context(fake_replicate(api_key="key", webhook_secret=SECRET, seconds=3600)),
            "fal": stack.enter_context(fake_fal(api_key="key", seconds=3600)),
        }
        for fake in running.values():
            fake.runner.interrupt()  # nobody waits for these films
        yield running


@dataclass(frozen=True, slots=True)
class Shop:
    """A user with credits, at a stack whose providers record what they are sent."""

    api: Api
    database: Database
    user: Person
    fakes: dict[str, FakeProvider]

    def order(self, body: dict[str, Any]) -> tuple[Answer, list[dict[str, Any]]]:
        """The answer, and what the providers were sent for it."""
        before = {name: len(fake.submissions) for name, fake in self.fakes.items()}
        answer = self.api.call("POST", "/api/v1/video/generate", body, self.user.by_session)
        return answer, [sent for name, fake in self.fakes.items() for sent in fake.submissions[before[name] :]]

    def held(self) -> int:
        return books.value(self.database, "select coalesce(sum(frozen_credits), 0) from public.credit_packages")


@pytest.fixture
def shop(api: Api, database: Database, ann: Person, fakes: dict[str, FakeProvider]) -> Iterator[Shop]:
    books.add_package(database, CREDITS)
    settings = {f"{name.upper()}_BASE_URL": fake.base_url for name, fake in fakes.items()}
    keys = {f"{name.upper()}_API_KEY": "key" for name in fakes}
    limits = {"VIDEO_MAX_CONCURRENT": "100000", "RATE_LIMIT_PER_MINUTE": "100000"}
    with in_process({**settings, **keys, **limits, "REPLICATE_WEBHOOK_SECRET": SECRET}):
        runtime.reset()
        yield Shop(api, database, ann, fakes)
        runtime.reset()


def media(mode: Mode, limits: Limits) -> dict[str, Any]:
    """As many as the mode takes."""
    if mode is not Mode.REFERENCE:
        names = {Mode.TEXT: [], Mode.FIRST_FRAME: ["imageUrl"], Mode.FIRST_LAST_FRAME: ["imageUrl", "lastImageUrl"]}
        return dict(zip(names[mode], IMAGES, strict=False))
    most = limits.references.max if limits.references else 100
    images = IMAGES[: min(limits.images.max, most)]
    films = FILMS[: min(limits.videos.max, most - len(images))]
    sounds = SOUNDS[: min(limits.audios.max, most - len(images) - len(films))]
    return {"imageUrls": images, "videoUrls": films, "audioUrls": sounds, "mode": MODE_NAMES[mode]}


def choices(limits: Limits) -> dict[str, list[Any]]:
    """Values for every field: some that a model takes, this one perhaps, and one that none does."""
    return {
        "prompt": ["x" * limits.prompt.max, "y" * (limits.prompt.max + 1)],
        "duration": [limits.durations[-1], 3599],
        "aspectRatio": ["16:9", "9:16", "adaptive", *limits.aspect_ratios[-1:], "7:5"],
        "quality": ["480p", "1080P", *limits.qualities[-1:], "8k"],
        "generateAudio": [True, False],
        "seed": [12345, *([limits.seed.max] if limits.seed else []), 2**53],
        "negativePrompt": ["rain", "x" * 32_768],
        "outputNumber": [2],
        "mode": ["video-to-video"],
        "imageUrl": [IMAGES[0]],
        "lastImageUrl": [IMAGES[1]],
        "imageUrls": [IMAGES[:1], IMAGES[:2], IMAGES],
        "videoUrls": [FILMS[:1], FILMS],
        "audioUrls": [SOUNDS[:1], SOUNDS],
    }


NOT_OF_THE_FILM = {"webhookUrl", "metadata"}


def test_every_field_of_a_request_is_in_the_table() -> None:
    assert choices(Limits(durations=(5,))).keys() == GenerateVideo.model_fields.keys() - {"model", *NOT_OF_THE_FILM}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
def test_what_changes_the_film_reaches_the_provider_or_is_refused_by_its_name(shop: Shop, model: Model) -> None:
    mode, limits = next(iter(model.modes.items()))
    base = {"prompt": "A ferry at dusk", "model": model.id, **media(mode, limits)}
    for field, values in choices(limits).items():
        for value in values:
            if mode is Mode.REFERENCE and field in ("imageUrls", "videoUrls", "audioUrls"):
                continue  # the next test's
            check(shop, model, base, field, value)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.id)
def test_every_mode_reaches_the_provider_with_all_its_media_or_is_refused(shop: Shop, model: Model) -> None:
    for mode in Mode:
        limits = model.modes.get(mode)
        sent_along = media(mode, limits or Limits(durations=(5,), images=catalog.Range(0, 1)))
        body = {"prompt": "A ferry at dusk", "model": model.id, **sent_along}

        held = shop.held()
        answer, sent = shop.order(body)

        if limits is None:
            assert (answer.status, sent, shop.held()) == (400, [], held), (mode, answer.payload)
        else:
            assert answer.status == 202, (mode, answer.payload)
            urls = set(leaves({name: value for name, value in sent_along.items() if name != "mode"}))
            assert urls <= set(leaves(sent[0])), mode


def check(shop: Shop, model: Model, base: dict[str, Any], field: str, value: Any) -> None:
    held = shop.held()
    answer, sent = shop.order({**base, field: value})
    said = f"{model.id} {field}={str(value)[:60]}: {answer.payload}"
    if answer.status == 400:
        paths = {fault["path"].partition(".")[0] for fault in answer.payload["error"]["details"]["fields"]}
        companions = {"imageUrls", "imageUrl", "mode"} if field.endswith(("Url", "Urls")) else set()
        assert paths & ({field} | companions), said
        assert (sent, shop.held()) == ([], held), said
        return
    assert answer.status == 202, said
    assert shop.held() > held, said
    assert len(sent) == 1, said
    assert is_honoured(model, field, value, sent[0]), f"{said} {sent[0]}"


def is_honoured(model: Model, field: str, value: Any, sent: dict[str, Any]) -> bool:
    """Whether the provider was sent the value in its own words, or the model makes nothing else."""
    found = list(leaves(sent))
    if field.endswith("Urls"):
        return set(value) <= set(found)
    only = {
        "duration": "durations",
        "aspectRatio": "aspect_ratios",
        "quality": "qualities",
        "generateAudio": "audio_choices",
    }
    names = [word for offer in model.offers for word in words(offer, field, value)]
    if any(type(leaf) is type(word) and leaf == word for leaf in found for word in [value, *names]):
        return True
    return field in only and any(
        len(getattr(own.limits, only[field])) == 1 for offer in model.offers for own in offer.modes.values()
    )


def words(offer: catalog.Offer, field: str, value: Any) -> list[Any]:
    """The offer's words for a value."""
    if field == "duration":
        return [str(value)]
    if field == "aspectRatio":
        return [offer.aspect_ratio_names.get(value, value)]
    if field == "quality":
        meant = {"standard": "720p", "high": "1080p"}.get(value, value)
        return [known for own, known in offer.quality_names.items() if own.lower() == meant.lower()] + [value.lower()]
    return []


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from leaves(part)
    else:
        yield value
