"""The catalogue: what a model costs, what it accepts, who makes it, and that a mistake in the file is refused."""

from __future__ import annotations

import re
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from clipferry import catalog
from clipferry.catalog import Audio, Catalog, Cost, Model, Range, ResolvedOptions, VideoOptions
from clipferry.catalog.templates import NAMES
from clipferry.errors import ConfigurationError, ModelRetiredError, UnknownModelError
from clipferry.models import Mode
from clipferry.providers.model_parameters import fill_parameters
from tests.model_files import SORA, SORA_PRO
from tests.orders import order
from tests.unit.field_faults import faults_of, fields_of

MODELS_FILE = f"""
{SORA}
[[model.offer]]
provider = "evolink"
model = "sora-2-preview"
image_model = "sora-2-preview-i2v"
[[model.offer]]
provider = "kie"
model = "sora-2-text-to-video"
input = {{ remove_watermark = true, n_frames = "$duration_text", aspect_ratio = "$aspect_ratio", image = "$image_url" }}
[[model.offer]]
provider = "third"
model = "sora"
input = {{ seconds = "$duration", ratio = "$aspect_ratio", images = "$image_urls" }}
{SORA_PRO}
[[model]]
id = "plain"
name = "No choices"
durations = [5]
cost = {{ base = 1 }}
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
    return load(tmp_path, MODELS_FILE)


def load(folder: Path, text: str | bytes) -> Catalog:
    path = folder / "models.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return catalog.load(path)


IMAGE = "https://example.com/a.png"
IMAGES = tuple(f"https://example.com/{number}.png" for number in range(20))


def choose(model: Model, *, has_image: bool = False, **options: Any) -> ResolvedOptions:
    mode = {"mode": Mode.FIRST_FRAME, "image_urls": (IMAGE,)} if has_image else {}
    return model.resolve(VideoOptions(**{"prompt": "A ferry"} | mode | options))


def refused(model: Model, **options: Any) -> list[tuple[str, str]]:
    return faults_of(lambda: choose(model, **options))


def told(choice: ResolvedOptions) -> tuple[int, str | None, str | None, int]:
    return choice.duration, choice.options.aspect_ratio, choice.options.quality, choice.credits


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

    assert told(choice) == (10, "16:9", "standard", 18)


def test_a_model_without_choices_leaves_them_open(models: Catalog) -> None:
    choice = choose(models.get("plain"))

    assert told(choice) == (5, None, None, 1)


def test_what_is_chosen_is_what_is_paid_for(models: Catalog) -> None:
    choice = choose(models.get("sora-2-pro"), duration=15, aspect_ratio="9:16", quality="high")

    assert told(choice) == (15, "9:16", "high", 36)


def test_every_fault_of_a_request_is_named(models: Catalog) -> None:
    wrong = {"duration": 12, "aspect_ratio": "16:9", "quality": "high", "generate_audio": True, "seed": 1}

    assert refused(models.get("plain"), **wrong, negative_prompt="rain", image_urls=(IMAGE,)) == [
        ("duration", "unsupported"),
        ("aspectRatio", "unsupported"),
        ("quality", "unsupported"),
        ("generateAudio", "unsupported"),
        ("seed", "unsupported"),
        ("negativePrompt", "unsupported"),
        ("imageUrls", "unsupported"),
    ]
    assert refused(models.get("plain"), has_image=True) == [("mode", "unsupported")]


def test_a_fault_names_what_would_be_accepted(models: Catalog) -> None:
    refused = fields_of(lambda: choose(models.get("sora-2-pro"), duration=12, quality="4k"))

    assert [fault["message"] for fault in refused] == [
        "this model accepts 10, 15",
        "this model accepts standard, high",
    ]


def test_a_model_that_takes_images_is_given_one(models: Catalog) -> None:
    assert choose(models.get("sora-2"), has_image=True).credits == 15


def test_the_preferred_provider_comes_first_and_the_others_keep_their_order(models: Catalog) -> None:
    choice = choose(models.get("sora-2"))

    def names(preferred: str) -> list[str]:
        return [offer.provider for offer in choice.offers_by_preference(preferred)]

    assert names("third") == ["third", "evolink", "kie"]
    assert names("kie") == ["kie", "evolink", "third"]
    assert names("replicate") == ["evolink", "kie", "third"]


def test_a_mode_may_change_the_providers_name_for_a_model_and_what_is_sent(models: Catalog) -> None:
    evolink, kie, _ = models.get("sora-2").offers

    assert {mode: own.model for mode, own in evolink.modes.items()} == {
        Mode.TEXT: "sora-2-preview",
        Mode.FIRST_FRAME: "sora-2-preview-i2v",
    }
    assert kie.modes[Mode.FIRST_FRAME].model == "sora-2-text-to-video"
    assert evolink.modes[Mode.TEXT].input["image_urls"] == "$image_urls"
    assert kie.modes[Mode.TEXT].input["remove_watermark"] is True


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


# Modes, and what each takes

FULL = """
[[model]]
id = "full-2.0"
aliases = ["fuller"]
name = "Full"
durations = { min = 4, max = 10, step = 2, default = 6 }
aspect_ratios = ["16:9", "adaptive"]
qualities = ["720p", "1080p"]
audio = "optional"
audio_default = false
seed = { min = 1, max = 99 }
negative_prompt = 10
prompt = { min = 3, max = 40 }
cost = { base = 10, included_seconds = 4, per_extra_second = 2, quality_multipliers = { "1080p" = 2 } }
[model.modes]
text = { aspect_ratios = ["16:9"] }
first_frame = {}
first_last_frame = { durations = [8] }
reference = { images = 3, videos = { min = 0, max = 2 }, audios = 1, references = 4, seed = false }
[[model.price]]
modes = ["reference"]
audio = true
base = 100
[[model.price]]
qualities = ["1080p"]
audio = true
base = 50
[[model.offer]]
provider = "kie"
prompt = 20
quality_names = { "720p" = "std" }
aspect_ratio_names = { adaptive = "auto" }
[model.offer.input]
seconds = "$duration"
ratio = "$aspect_ratio"
size = "$quality"
sound = "$generate_audio"
seed = "$seed"
not = "$negative_prompt"
[model.offer.modes]
text.model = "full-text"
first_frame = { model = "full-image", input = { start = "$image_url" } }
first_last_frame = { model = "full-frames", input = { frames = ["$image_url", "$last_image_url"] } }
reference = { model = "full-refs", input = { refs = "$image_urls", films = "$video_urls", voice = "$audio_url" } }
[[model.offer]]
provider = "evolink"
model = "full"
qualities = ["720p"]
audio = "never"
modes = ["text"]
"""


@pytest.fixture
def full(tmp_path: Path) -> Model:
    return load(tmp_path, FULL).get("full-2.0")


def test_a_range_of_durations_has_a_step_and_a_default_that_comes_first(full: Model) -> None:
    assert full.modes[Mode.TEXT].durations == (6, 4, 8, 10)
    assert full.modes[Mode.FIRST_LAST_FRAME].durations == (8,)


def test_a_mode_says_what_is_different_in_it(full: Model) -> None:
    assert full.modes[Mode.TEXT].aspect_ratios == ("16:9",)
    assert full.modes[Mode.FIRST_FRAME].aspect_ratios == ("16:9", "adaptive")
    assert full.modes[Mode.REFERENCE].seed is None
    assert {mode: limits.images for mode, limits in full.modes.items()} == {
        Mode.TEXT: Range(0, 0),
        Mode.FIRST_FRAME: Range(1, 1),
        Mode.FIRST_LAST_FRAME: Range(2, 2),
        Mode.REFERENCE: Range(0, 3),
    }


def test_an_offer_narrows_what_the_model_says(full: Model) -> None:
    kie, evolink = full.offers

    assert (kie.modes[Mode.TEXT].limits.prompt, full.modes[Mode.TEXT].prompt) == (Range(3, 20), Range(3, 40))
    assert list(evolink.modes) == [Mode.TEXT]
    assert evolink.modes[Mode.TEXT].limits.audio is Audio.NEVER
    assert evolink.modes[Mode.TEXT].limits.seed is None, "it sends none"


@pytest.mark.parametrize(
    ("options", "providers"),
    [
        ({}, ["kie", "evolink"]),
        ({"quality": "1080p"}, ["kie"]),
        ({"generate_audio": True}, ["kie"]),
        ({"generate_audio": False}, ["kie", "evolink"]),
        ({"seed": 7}, ["kie"]),
        ({"negative_prompt": "rain"}, ["kie"]),
        ({"prompt": "x" * 30}, ["evolink"]),
    ],
)
def test_an_offer_that_cannot_take_the_request_is_not_asked(
    full: Model, options: dict[str, Any], providers: list[str]
) -> None:
    assert [offer.provider for offer in choose(full, **options).offers] == providers


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ({"prompt": "x" * 41}, "prompt"),
        ({"prompt": "xx"}, "prompt"),
        ({"prompt": "x" * 30, "seed": 7}, "prompt"),
        ({"seed": 0}, "seed"),
        ({"seed": 100}, "seed"),
        ({"negative_prompt": "x" * 11}, "negativePrompt"),
        ({"duration": 5}, "duration"),
        ({"aspect_ratio": "adaptive"}, "aspectRatio"),
        ({"mode": Mode.REFERENCE, "image_urls": IMAGES[:4]}, "imageUrls"),
        ({"mode": Mode.REFERENCE, "image_urls": IMAGES[:3], "video_urls": ("a", "b")}, "imageUrls"),
        ({"mode": Mode.REFERENCE, "video_urls": ("a", "b", "c")}, "videoUrls"),
        ({"mode": Mode.REFERENCE, "image_urls": IMAGES[:1], "audio_urls": ("a", "b")}, "audioUrls"),
        ({"mode": Mode.REFERENCE, "audio_urls": ("a",)}, "audioUrls"),
        ({"mode": Mode.REFERENCE, "image_urls": IMAGES[:1], "seed": 7}, "seed"),
        ({"mode": Mode.FIRST_FRAME, "image_urls": IMAGES[:1], "audio_urls": ("a",)}, "audioUrls"),
    ],
)
def test_what_no_offer_takes_is_refused_by_its_name(full: Model, options: dict[str, Any], path: str) -> None:
    assert path in [name for name, _ in refused(full, **options)]


def test_only_providers_that_can_be_asked_count(full: Model) -> None:
    made = full.made_by({"evolink"})

    assert made is not None
    assert choose(made).offers == full.offers[1:]
    assert refused(made, seed=7) == [("seed", "unsupported")]

    both = full.made_by({"kie", "evolink"})
    assert both is not None
    assert (both.offers, both.modes[Mode.TEXT]) == (full.offers, full.modes[Mode.TEXT])
    assert both.modes[Mode.FIRST_FRAME] == replace(full.modes[Mode.FIRST_FRAME], prompt=Range(3, 20))  # KIE's alone


SHARED = """
[[model]]
id = "shared"
name = "Shared"
description = "By two"
descriptions.zh = "两家制作"
durations = [5, 10, 15]
qualities = ["720p", "1080p"]
cost = { base = 10, quality_multipliers = {} }
modes = ["text", "first_frame"]
[[model.offer]]
provider = "kie"
model = "shared"
durations = [10, 5]
qualities = ["1080p"]
modes = ["text"]
input = { duration = "$duration", quality = "$quality" }
[[model.offer]]
provider = "evolink"
model = "shared"
input = { duration = "$duration", quality = "$quality", image = "$image_url" }

[[model]]
id = "gone"
name = "Gone"
retired = true
durations = [5]
cost = { base = 1 }
"""


def test_a_model_has_the_modes_and_choices_that_somebody_with_a_key_makes(tmp_path: Path) -> None:
    own = load(tmp_path, SHARED).made_by({"kie"}).get("shared")

    assert list(own.modes) == [Mode.TEXT]
    assert (own.modes[Mode.TEXT].durations, own.modes[Mode.TEXT].qualities) == ((5, 10), ("1080p",))
    assert told(choose(own)) == (5, None, "1080p", 10)
    assert refused(own, duration=15) == [("duration", "unsupported")]


def test_what_a_model_shows_to_be_possible_is_what_somebody_with_a_key_takes() -> None:
    """Each setting alone: together they may be too much for every offer, which then is said."""
    every = catalog.load()
    names = sorted({offer.provider for model in every.models.values() for offer in model.offers})
    for providers in (*((name,) for name in names), ("evolink", "kie"), names):
        for model in every.made_by(providers).models.values():
            for mode, limits in () if model.retired else model.modes.items():
                taken = [offer.modes[mode].limits for offer in model.offers if mode in offer.modes]
                for name in ("prompt", "images", "videos", "audios", "seed", "negative_prompt"):
                    shown = getattr(limits, name)
                    for end in (shown.min, shown.max) if shown else ():
                        assert any(own and end in own for own in (getattr(one, name) for one in taken)), (
                            model.id,
                            name,
                        )
                assert all(any(choice in one.audio_choices for one in taken) for choice in limits.audio_choices)


def test_a_model_that_nobody_with_a_key_makes_is_unknown_and_a_retired_one_still_retired(tmp_path: Path) -> None:
    own = load(tmp_path, SHARED).made_by({"replicate"})

    with pytest.raises(UnknownModelError):
        own.get("Shared")
    with pytest.raises(ModelRetiredError):
        own.get("gone")


@pytest.mark.parametrize(
    ("languages", "description"),
    [
        ([], "By two"),
        (["zh"], "两家制作"),
        (["fr", "zh", "en"], "两家制作"),
        (["en", "zh"], "By two"),
        (["fr"], "By two"),
    ],
)
def test_a_model_is_described_in_the_first_language_that_there_is(
    tmp_path: Path, languages: list[str], description: str
) -> None:
    assert load(tmp_path, SHARED).get("shared").described(languages) == description


def test_every_shipped_model_is_described_in_chinese() -> None:
    files = [catalog.SHIPPED, *(Path(__file__).parents[2] / "examples").glob("models-*.toml")]
    models = [model for path in files for model in catalog.load(path).models.values() if not model.retired]

    assert [model.id for model in models if not re.search(r"[\u4e00-\u9fff]", model.described(["zh"]))] == []


@pytest.mark.parametrize(
    ("options", "price"),
    [
        ({}, 14),
        ({"duration": 4}, 10),
        ({"quality": "1080p"}, 28),
        ({"quality": "1080p", "generate_audio": True}, 50),
        ({"mode": Mode.REFERENCE, "image_urls": IMAGES[:1]}, 14),
        ({"mode": Mode.REFERENCE, "image_urls": IMAGES[:1], "generate_audio": True}, 100),
        ({"mode": Mode.REFERENCE, "image_urls": IMAGES[:1], "generate_audio": True, "quality": "1080p"}, 100),
    ],
)
def test_a_price_may_depend_on_mode_quality_and_sound(full: Model, options: dict[str, Any], price: int) -> None:
    assert choose(full, **options).credits == price


def test_an_order_is_in_the_providers_words(full: Model) -> None:
    options = {"mode": Mode.FIRST_LAST_FRAME, "image_urls": IMAGES[:2], "aspect_ratio": "adaptive", "seed": 7}
    choice = choose(full, **options)
    order = choice.order(choice.offers[0], "vid_1")

    assert (order.model, order.quality, order.aspect_ratio) == ("full-frames", "std", "auto")
    assert fill_parameters(order) == {
        "seconds": 8,
        "ratio": "auto",
        "size": "std",
        "sound": False,
        "seed": 7,
        "frames": list(IMAGES[:2]),
    }


def test_references_are_no_frames(full: Model) -> None:
    choice = choose(full, mode=Mode.REFERENCE, image_urls=IMAGES[:2], video_urls=("v",), audio_urls=("s",))
    order = choice.order(choice.offers[0], "vid_1")

    assert (order.image_url, order.last_image_url) == (None, None)
    sent = fill_parameters(order)
    assert (sent["refs"], sent["films"], sent["voice"]) == (list(IMAGES[:2]), ["v"], "s")


@pytest.mark.parametrize("model_id", ["full-2.0", "full2.0", "FULL 2_0", "fuller", "Ful-ler"])
def test_ids_that_differ_in_punctuation_only_are_one_model(tmp_path: Path, model_id: str) -> None:
    assert load(tmp_path, FULL).get(model_id).id == "full-2.0"


@pytest.mark.parametrize(
    ("right", "wrong", "named"),
    [
        ('seconds = "$duration"\n', "", "$duration"),
        ('ratio = "$aspect_ratio"\n', "", "$aspect_ratio"),
        ('size = "$quality"\n', "", "$quality"),
        ('sound = "$generate_audio"\n', "", "$generate_audio"),
        ('start = "$image_url"', 'start = "x.png"', "$image_url"),
        ('["$image_url", "$last_image_url"]', '["$image_url"]', "$last_image_url"),
        ('refs = "$image_urls", ', "", "$image_urls"),
        ('films = "$video_urls", ', "", "$video_urls"),
        (', voice = "$audio_url"', "", "$audio_urls"),
        ('seconds = "$duration"', 'seconds = "$seconds"', "$seconds"),
        ('seed = "$seed"\n', "", "a seed in text"),
        ('not = "$negative_prompt"\n', "", "a negative_prompt in text"),
        ("first_last_frame = { durations = [8] }", "first_last_frame = { durations = [9] }\nother = {}", "other"),
        ('modes = ["text"]', 'modes = ["text", "text_to_video"]', "text_to_video"),
        ('qualities = ["720p"]', 'qualities = ["8k"]', "8k"),
        ('audio = "never"', 'audio = "off"', "off"),
        ("prompt = 20", "promt = 20", "promt"),
        ("default = 6", "default = 5", "default"),
        ("step = 2", "stop = 2", "stop"),
        ("{ min = 3, max = 40 }", "{ min = 30, max = 4 }", "range"),
        ("seed = { min = 1, max = 99 }", 'seed = "yes"', "yes"),
        ('modes = ["reference"]', 'modes = ["references"]', "references"),
        ('qualities = ["1080p"]\naudio = true', 'qualities = ["4k"]\naudio = true', "quality"),
        ("base = 50", "base = 0", "credit"),
        ("base = 50", "base = 50\nper_extra_second = -1", "less"),
        ("first_last_frame = { model", "# first_last_frame = { model", "first_last_frame"),
        ("images = 3", 'images = "3"', "3"),
        ("audio_default = false", "audio_default = 1", "1"),
        ("audio = true\nbase = 100", 'audio = "yes"\nbase = 100', "yes"),
        ("prompt = 20", "prompt = { min = 50, max = 60 }", "50 to 60"),
        ('aliases = ["fuller"]', 'aliases = ["fuller", "Ful-ler"]', "alias"),
    ],
)
def test_a_promise_that_no_offer_keeps_is_refused(tmp_path: Path, right: str, wrong: str, named: str) -> None:
    text = FULL.replace(right, wrong, 1)
    assert text != FULL

    with pytest.raises(ConfigurationError) as refused:
        load(tmp_path, text)

    assert named in str(refused.value)


@pytest.mark.parametrize("most", [1, 2])
@pytest.mark.parametrize("sent", ['"$image_url"', '["$image_url", "$last_image_url"]'])
def test_a_reference_is_no_frame_that_an_offer_could_send(tmp_path: Path, most: int, sent: str) -> None:
    text = FULL.replace("images = 3", f"images = {most}").replace('refs = "$image_urls"', f"refs = {sent}")

    with pytest.raises(ConfigurationError) as refused:
        load(tmp_path, text)

    assert "kie's reference doesn't send $image_urls" in str(refused.value)


def test_every_name_that_an_offer_may_send_is_filled_in() -> None:
    full = order(
        image_url="a",
        last_image_url="b",
        image_urls=("a", "b"),
        video_urls=("c",),
        audio_urls=("d",),
        generate_audio=False,
        seed=0,
        negative_prompt="rain",
        input={name: name for name in NAMES},
    )

    assert fill_parameters(full, callback_url="https://us").keys() == NAMES


def test_an_older_files_short_forms_are_read(tmp_path: Path) -> None:
    text = (
        GOOD.replace("durations = [5]", "durations = [5, 10]\naccepts_image = true") + 'qualities = { "720p" = "hd" }'
    )
    choice = choose(load(tmp_path, text).get("good"), has_image=True, duration=10)

    assert fill_parameters(choice.order(choice.offers[0], "vid_1")) == {
        "duration": 10,
        "quality": "hd",
        "image_urls": [IMAGE],
    }
