"""The catalogue: what a model costs, what it accepts, who makes it, and that a mistake in the file is refused."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from clipferry import catalog
from clipferry.catalog import Catalog, Cost, Model, ResolvedOptions, VideoOptions
from clipferry.errors import ConfigurationError, InvalidRequestError, ModelRetiredError, UnknownModelError

SORA = """
[[model]]
id = "sora-2"
name = "Sora 2"
durations = [10, 15]
aspect_ratios = ["16:9", "9:16"]
accepts_image = true
cost = { base = 15, per_extra_second = 1.4 }
[[model.offer]]
provider = "evolink"
model = "sora-2-preview"
image_model = "sora-2-preview-i2v"
[[model.offer]]
provider = "kie"
model = "sora-2-text-to-video"
input = { remove_watermark = true }
[[model.offer]]
provider = "third"
model = "sora"

[[model]]
id = "sora-2-pro"
name = "Sora 2 Pro"
durations = [10, 15]
aspect_ratios = ["16:9", "9:16"]
qualities = ["standard", "high"]
cost = { base = 18, per_extra_second = 1.6, quality_multipliers = { high = 1.4 } }
[[model.offer]]
provider = "kie"
model = "sora-2-pro-text-to-video"

[[model]]
id = "plain"
name = "No choices"
durations = [5]
cost = { base = 1 }
[[model.offer]]
provider = "evolink"
model = "plain"
"""
GOOD = """
[[model]]
id = "good"
name = "Good"
durations = [5]
qualities = ["720p"]
cost = { base = 10, quality_multipliers = { "720p" = 1.5 } }
[[model.offer]]
provider = "evolink"
model = "good"
"""


@pytest.fixture
def models(tmp_path: Path) -> Catalog:
    return load(tmp_path, SORA)


def load(folder: Path, text: str | bytes) -> Catalog:
    path = folder / "models.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return catalog.load(path)


def choose(
    model: Model,
    *,
    duration: int | None = None,
    aspect_ratio: str | None = None,
    quality: str | None = None,
    has_image: bool = False,
) -> ResolvedOptions:
    options = VideoOptions(duration=duration, aspect_ratio=aspect_ratio, quality=quality, has_image=has_image)
    if faults := model.faults(options):
        raise InvalidRequestError(details={"fields": faults})
    return model.resolve(options)


def test_the_shipped_catalogue_makes_sense() -> None:
    shipped = catalog.load()
    offered = [model for model in shipped.models.values() if not model.retired]

    assert offered
    for model in offered:
        assert shipped.get(model.id) is model
        assert model.name
        assert all(find_spec(f"clipferry.providers.{offer.provider}") for offer in model.offers)


def test_the_originals_models_are_known_and_retired() -> None:
    for model_id in ("sora-2", "sora-2-pro"):
        with pytest.raises(ModelRetiredError):
            catalog.load().get(model_id)


@pytest.mark.parametrize(
    ("model_id", "duration", "quality", "price"),
    [
        ("sora-2", 10, None, 15),
        ("sora-2", 15, None, 22),
        ("sora-2-pro", 10, "standard", 18),
        ("sora-2-pro", 15, "standard", 26),
        ("sora-2-pro", 10, "high", 25),
        ("sora-2-pro", 15, "high", 36),
    ],
)
def test_the_originals_models_cost_what_they_always_did(
    model_id: str, duration: int, quality: str | None, price: int
) -> None:
    assert catalog.load().models[model_id].cost.credits(duration=duration, quality=quality) == price


@pytest.mark.parametrize(("exact", "price"), [(0.5, 1), (1.49, 1), (1.5, 2), (2.5, 3), (3.5, 4), (22.4, 22)])
def test_half_a_credit_is_rounded_up_as_javascript_does(exact: float, price: int) -> None:
    assert Cost(base=exact, quality_multipliers={}).credits(duration=10, quality=None) == price


def test_seconds_that_are_included_cost_nothing_extra() -> None:
    cost = Cost(base=30, included_seconds=5, per_extra_second=6, quality_multipliers={"1080p": 2.0})

    assert [cost.credits(duration=seconds, quality="720p") for seconds in (4, 5, 6, 10)] == [30, 30, 36, 60]
    assert cost.credits(duration=10, quality="1080p") == 120


def test_an_unknown_model_is_refused(models: Catalog) -> None:
    with pytest.raises(UnknownModelError) as refused:
        models.get("sora-3")

    assert refused.value.details == {
        "fields": [{"path": "model", "code": "unknown", "message": "there is no model with this id"}]
    }


def test_the_first_of_each_list_is_the_default(models: Catalog) -> None:
    choice = choose(models.get("sora-2-pro"))

    assert (choice.duration, choice.aspect_ratio, choice.quality, choice.credits) == (10, "16:9", "standard", 18)


def test_a_model_without_choices_leaves_them_open(models: Catalog) -> None:
    choice = choose(models.get("plain"))

    assert (choice.duration, choice.aspect_ratio, choice.quality, choice.credits) == (5, None, None, 1)


def test_what_is_chosen_is_what_is_paid_for(models: Catalog) -> None:
    choice = choose(models.get("sora-2-pro"), duration=15, aspect_ratio="9:16", quality="high")

    assert (choice.duration, choice.aspect_ratio, choice.quality, choice.credits) == (15, "9:16", "high", 36)


def test_every_fault_of_a_request_is_named(models: Catalog) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        choose(models.get("plain"), duration=12, aspect_ratio="16:9", quality="high", has_image=True)

    assert refused.value.details is not None
    assert [(fault["path"], fault["code"]) for fault in refused.value.details["fields"]] == [
        ("duration", "unsupported"),
        ("aspectRatio", "unsupported"),
        ("quality", "unsupported"),
        ("imageUrl", "unsupported"),
    ]


def test_a_fault_names_what_would_be_accepted(models: Catalog) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        choose(models.get("sora-2-pro"), duration=12, quality="4k")

    assert refused.value.details is not None
    assert [fault["message"] for fault in refused.value.details["fields"]] == [
        "this model accepts 10, 15",
        "this model accepts standard, high",
    ]


def test_a_model_that_takes_images_is_given_one(models: Catalog) -> None:
    assert choose(models.get("sora-2"), has_image=True).credits == 15


def test_the_preferred_provider_comes_first_and_the_others_keep_their_order(models: Catalog) -> None:
    model = models.get("sora-2")

    assert [offer.provider for offer in model.offers_by_preference("third")] == ["third", "evolink", "kie"]
    assert [offer.provider for offer in model.offers_by_preference("kie")] == ["kie", "evolink", "third"]
    assert [offer.provider for offer in model.offers_by_preference("replicate")] == ["evolink", "kie", "third"]


def test_a_start_image_may_change_the_providers_name_for_a_model(models: Catalog) -> None:
    evolink, kie, _ = models.get("sora-2").offers

    assert (evolink.name_for(None), evolink.name_for("https://example.com/a.png")) == (
        "sora-2-preview",
        "sora-2-preview-i2v",
    )
    assert kie.name_for("https://example.com/a.png") == "sora-2-text-to-video"
    assert (evolink.input, kie.input) == ({}, {"remove_watermark": True})


def test_the_good_example_is_good(tmp_path: Path) -> None:
    assert load(tmp_path, GOOD).get("good").cost.credits(duration=5, quality="720p") == 15


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("base = 10", "base = 0"),
        ("base = 10", "base = -10"),
        ("base = 10", "base = 0.3"),
        ("base = 10", "base = nan"),
        ("base = 10", "base = inf"),
        ("base = 10", 'base = "ten"'),
        ("base = 10", "bsae = 10"),
        ("base = 10, ", ""),
        ('"720p" = 1.5', '"720p" = 0'),
        ('"720p" = 1.5', '"720p" = "twice"'),
        ('"720p" = 1.5', '"720P" = 1.5'),
        ('{ "720p" = 1.5 }', "2"),
        ("durations = [5]", "durations = []"),
        ("durations = [5]", "durations = 5"),
        ("durations = [5]", 'durations = ["5"]'),
        ("durations = [5]", "durations = [0]"),
        ("durations = [5]", ""),
        ('id = "good"', ""),
        ('name = "Good"', ""),
        ('provider = "evolink"', ""),
        ('provider = "evolink"', 'provide = "evolink"'),
        ('[[model.offer]]\nprovider = "evolink"\nmodel = "good"\n', ""),
        (GOOD, GOOD + GOOD),
        (GOOD, ""),
        (GOOD, "model = 1"),
        (GOOD, 'model = "good"'),
        (GOOD, "[[model]\n"),
        (GOOD, "\ud800"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(tmp_path: Path, right: str, wrong: str) -> None:
    text = GOOD.replace(right, wrong)
    assert text != GOOD

    with pytest.raises(ConfigurationError):
        load(tmp_path, text.encode("utf-8", "surrogatepass"))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        catalog.load(tmp_path / "models.toml")


def test_a_retired_model_needs_no_offer(tmp_path: Path) -> None:
    text = GOOD.partition("[[model.offer]]")[0] + "retired = true\n"

    assert load(tmp_path, text).models["good"].retired
