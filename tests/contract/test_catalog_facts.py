"""The catalogue against what the providers' documentation says: every offer of every model, field by field."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clipferry import catalog
from clipferry.catalog import Model, Offer
from clipferry.models import Mode, Order
from local.catalog_check import ADAPTERS, caught, disagreements, main, orders
from local.providers import evolink_orders, facts, fal_orders, gateway_orders, kie_orders, replicate_orders, veo_orders
from local.providers.gateway_wire import Kind
from local.providers.task_queue import PlacedOrder
from tools.provider_facts import facts_of_page, merged, written

EXAMPLES = Path(__file__).parents[2] / "examples"
VIDEOFLY = EXAMPLES / "models-videofly.toml"
FILES = [catalog.SHIPPED, *sorted(EXAMPLES.glob("*.toml"))]
OFFERED = [
    pytest.param(model, id=f"{model.id} in {path.name}")
    for path in FILES
    for model in catalog.load(path).models.values()
    if not model.retired
]
TODAYS = {
    *("seedance-2.5", "seedance-2.0", "seedance-2.0-fast", "seedance-1.5-pro"),
    *("kling-3.0", "kling-3.0-turbo", "kling-2.6", "veo-3.1-quality", "veo-3.1", "veo-3.1-lite"),
    *("wan-2.7", "wan-2.6", "wan-2.5", "happyhorse-1.1", "grok-imagine-1.5", "hailuo-2.3", "minimax-h3", "pixverse-v6"),
}


@pytest.mark.parametrize("model", OFFERED)
def test_what_an_offer_sends_is_what_its_provider_documents(model: Model) -> None:
    assert list(disagreements(model)) == []


@pytest.mark.parametrize("model", OFFERED)
def test_fake_providers_take_an_order_of_each_offer_in_each_mode(model: Model) -> None:
    for offer in model.offers:
        for mode in offer.modes:
            order = next(orders(model, offer, mode))
            assert placed(order, offer).film.seconds > 0


def placed(order: Order, offer: Offer) -> PlacedOrder:
    """The order as the provider's fake understands it, through our adapter."""
    path, body = caught(order)
    content = json.dumps(body).encode()
    if offer.body is not None:
        return gateway_orders.parse_order(Kind(offer.body), content)
    if order.provider == "replicate":
        return replicate_orders.parse_order(order.model, content)
    if order.provider == "fal":
        endpoint, _, query = path.lstrip("/").partition("?")
        return fal_orders.parse_order(endpoint, content, query)
    if order.provider == "evolink":
        return evolink_orders.parse_order(content)
    parse = veo_orders.parse_order if "/veo/" in path else kie_orders.parse_order
    return parse(content)


def test_todays_models_are_offered() -> None:
    live = {name for name, model in catalog.load().models.items() if not model.retired}

    assert live >= TODAYS
    assert len(live) >= 20


@pytest.mark.parametrize(
    ("model_id", "mode", "quality"),
    [
        ("kling-3.0", Mode.FIRST_LAST_FRAME, "4k"),
        ("veo-3.1", Mode.TEXT, "1080p"),
        ("veo-3.1", Mode.FIRST_LAST_FRAME, "4k"),
        ("veo-3.1-quality", Mode.FIRST_LAST_FRAME, "4k"),
        ("veo-3.1-lite", Mode.FIRST_FRAME, "1080p"),
        ("wan-2.7", Mode.FIRST_FRAME, "1080p"),
        ("wan-2.7", Mode.REFERENCE, "1080p"),
        ("hailuo-2.3", Mode.TEXT, "1080p"),
    ],
)
def test_a_model_has_the_mode_and_the_quality_that_it_is_known_for(model_id: str, mode: Mode, quality: str) -> None:
    assert quality in catalog.load().get(model_id).modes[mode].qualities


# What the check finds

PLANTED = """
[[model]]
id = "planted"
name = "Planted"
durations = [5]
modes = ["{mode}"]
{model}
cost = {{ base = 1 }}
[[model.offer]]
provider = "{provider}"
{offer}
"""
WAN = 'model = "wan/2-7-text-to-video"\n'
SEEDANCE = 'model = "bytedance/seedance-2"\n'
BOTH = 'input = { reference_image_urls = "$image_urls", first_frame_url = "https://files.example.com/a.png" }'


@pytest.mark.parametrize(
    ("provider", "mode", "model", "offer", "said"),
    [
        ("kie", "text", "", 'model = "wan/9"', "there are no facts on this model"),
        (
            "kei",
            "text",
            "",
            'model = "wan/9"',
            "no provider has this name (evolink, kie, replicate, fal), and a gateway's",
        ),
        ("ours", "text", "", 'model = "x"\nbody = "openai"\ninput = { length = 5 }', "Unknown parameter: length"),
        ("ours", "text", 'qualities = ["4k"]', 'model = "x"\nbody = "openrouter"', "Invalid value for resolution"),
        ("kie", "text", "", WAN + "input = { length = 5 }", "length is not a parameter of it"),
        ("kie", "text", "", WAN + 'input = { duration = "$duration_text" }', "duration must be an integer"),
        ("kie", "text", "", WAN + "input = { duration = 16 }", "duration must be at most 15"),
        ("kie", "text", "", WAN + "input = { watermark = 1 }", "watermark must be a boolean"),
        ("kie", "text", "prompt = 6000", WAN, "prompt must have at most 5000 characters"),
        (
            "kie",
            "text",
            'qualities = ["4k"]',
            WAN + 'input = { resolution = "$quality" }',
            "must be one of 720p, 1080p",
        ),
        ("kie", "text", "seed = 5000000000", WAN + 'input = { seed = "$seed" }', "seed must be at most 2147483647"),
        ("kie", "first_frame", "", 'model = "wan/2-6-image-to-video"\ninput = { image = "$image_url" }', "is required"),
        (
            *("kie", "reference", "images = 10", SEEDANCE + 'input = { reference_image_urls = "$image_urls" }'),
            "reference_image_urls must have at most 9 items",
        ),
        (
            *("kie", "reference", "images = 2", SEEDANCE + BOTH),
            "first_frame_url and reference_image_urls exclude each other",
        ),
        ("evolink", "text", "", 'model = "wan2.6-reference-video"\ninput = {}', "video_urls is required"),
        ("evolink", "text", "", 'model = "wan2.7-image-to-video"\ninput = {}', "image_start or video_urls is required"),
        ("replicate", "text", "", 'model = "google/veo-3.1"\ninput = { duration = 5 }', "must be one of 4, 6, 8"),
        (
            *("replicate", "text", "", 'model = "minimax/hailuo-2.3"\ninput = { resolution = "1080p", duration = 10 }'),
            "resolution 1080p and duration 10 exclude each other",
        ),
    ],
)
def test_a_disagreement_is_printed_with_its_offer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], provider: str, mode: str, model: str, offer: str, said: str
) -> None:
    file = tmp_path / "models.toml"
    file.write_text(PLANTED.format(provider=provider, mode=mode, model=model, offer=offer))

    assert main([str(file)]) == 1

    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith(f"planted at {provider} (")]
    assert any(said in line for line in lines), lines


def test_the_shipped_catalogues_pass_and_what_nobody_verified_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(path) for path in FILES]) == 0

    printed = capsys.readouterr().out
    assert "models.toml: 23 models, 0 disagreements" in printed
    assert "not verified: kling-3.0/video at kie: multi_prompt is required on the page" in printed


@pytest.mark.parametrize("text", [None, "[[model", '[[model]]\nid = "a"\n'])
def test_a_file_that_is_no_catalogue_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None
) -> None:
    file = tmp_path / "mine.toml"
    if text is not None:
        file.write_text(text)

    assert main([str(file)]) == 1
    assert capsys.readouterr().out.strip()


# The facts themselves

KIE_PAGE = """# Ferry 2 - Image to Video

## OpenAPI Specification

```yaml
openapi: 3.0.1
paths:
  /api/v1/jobs/createTask:
    post:
      requestBody:
        content:
          application/json:
            schema:
              type: object
              properties:
                model: {type: string, enum: [ferry/2-image]}
                callBackUrl: {type: string}
                input:
                  type: object
                  properties:
                    prompt: {type: string, maxLength: 800, description: What to film}
                    image_urls: {type: array, items: {type: string, format: uri}, maxItems: 1}
                    duration: {type: string, enum: ['5', '10'], default: '5'}
                  required: [prompt, image_urls]
```
"""
EVOLINK_PAGE = """> An index

````yaml /en/ferry.json POST /v1/videos/generations
openapi: 3.1.0
paths:
  /v1/videos/generations:
    post:
      requestBody:
        content:
          application/json:
            schema: {$ref: '#/components/schemas/Request'}
components:
  schemas:
    Request:
      type: object
      required: [model, prompt]
      properties:
        model: {type: string, default: ferry-2}
        prompt: {type: string}
        duration: {type: integer, minimum: 3, maximum: 15}
        callback_url: {type: string}
````
"""


def test_facts_are_read_from_a_page_whose_fields_stand_under_input() -> None:
    assert facts_of_page(KIE_PAGE) == {
        "ferry/2-image": {
            "prompt": {"type": "string", "maxLength": 800, "required": True},
            "image_urls": {"type": "array", "maxItems": 1, "itemType": "string", "format": "uri", "required": True},
            "duration": {"type": "string", "enum": ["5", "10"], "default": "5"},
        }
    }


def test_facts_are_read_from_a_page_whose_fields_stand_beside_the_model() -> None:
    assert facts_of_page(EVOLINK_PAGE) == {
        "ferry-2": {
            "prompt": {"type": "string", "required": True},
            "duration": {"type": "integer", "minimum": 3, "maximum": 15},
        }
    }


def test_a_page_without_an_openapi_document_is_refused() -> None:
    with pytest.raises(ValueError, match="no OpenAPI document"):
        facts_of_page("# Ferry 2\n\nComing soon")


def test_a_page_read_again_replaces_its_models_and_keeps_what_people_wrote() -> None:
    old = {
        "source": "s",
        "models": {"a": {"page": "old", "fields": {"x": {}}, "unverified": ["y"]}, "b": {"fields": {}}},
    }

    new = merged(old, {"a": {"z": {"type": "string"}}}, page="https://docs.example.com/a", read="2026-11-29")

    assert new["models"]["b"] == {"fields": {}}
    assert new["models"]["a"] == {
        "page": "https://docs.example.com/a",
        "read": "2026-11-29",
        "fields": {"z": {"type": "string"}},
        "unverified": ["y"],
    }


@pytest.mark.parametrize("provider", sorted(ADAPTERS))
def test_a_facts_file_is_as_its_command_writes_it_and_says_where_and_when_it_was_read(provider: str) -> None:
    text = (facts.FOLDER / f"{provider}.json").read_text(encoding="utf-8")

    assert written(json.loads(text)) == text
    assert json.loads(text)["source"]
    for name, known in facts.load(provider).items():
        assert known.page or known.unverified, name
        assert known.read >= "2026-08-19", name


# The example

RATES = {  # credits a second, of the front end's price table
    "seedance-2.0": {"480P": 6, "720P": 12},
    "seedance-2.0-fast": {"480P": 5, "720P": 10},
    "seedance-1.5-pro": {"480P": 4, "720P": 4, "1080P": 8},
}
SECONDS = {
    "seedance-2.0": range(5, 16),
    "seedance-2.0-fast": range(5, 16),
    "seedance-1.5-pro": (4, 5, 6, 8, 10, 12),
}
CHOICES = [
    (model_id, mode, quality, seconds)
    for model_id, rates in RATES.items()
    for mode in (Mode.TEXT, Mode.FIRST_FRAME, Mode.FIRST_LAST_FRAME if "1.5" in model_id else Mode.REFERENCE)
    for quality in rates
    for seconds in SECONDS[model_id]
]


def test_the_examples_prices_are_those_that_the_newer_front_end_shows() -> None:
    models = catalog.load(VIDEOFLY)
    shown = {choice: RATES[choice[0]][choice[2]] * choice[3] for choice in CHOICES}
    asked = {
        (model_id, mode, quality, seconds): models.get(model_id).credits(
            mode=mode, duration=seconds, quality=quality, audio=True
        )
        for model_id, mode, quality, seconds in CHOICES
    }

    assert len(shown) == 186
    assert asked == shown


def test_the_example_has_the_newer_front_ends_choices_and_no_others() -> None:
    models = catalog.load(VIDEOFLY)

    for model_id, rates in RATES.items():
        for limits in models.get(model_id).modes.values():
            assert sorted(limits.durations) == list(SECONDS[model_id])
            assert set(limits.qualities) == set(rates)
            assert ("adaptive" in limits.aspect_ratios) == model_id.startswith("seedance-2.0")
