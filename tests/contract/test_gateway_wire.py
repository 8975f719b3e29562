"""The adapter of OpenAI's video API against the answers of three servers that speak it, over a real socket.

`litellm/*` are what LiteLLM 1.101.6's proxy answered in front of a scripted upstream ("/videos" at docs.litellm.ai has
the rest); `new-api/*` have the shapes of docs.newapi.pro, "Videos", and of `dto/openai_video.go` and `dto/task.go` in
its repository; `openrouter/*` those of "Video Generation API" and "Get Video Results with Webhooks" at
openrouter.ai/docs.
"""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from pydantic import SecretStr

from clipferry.catalog.bodies import body
from clipferry.errors import ProviderError, ProviderRefusedError, TaskNotFoundError
from clipferry.models import Mode, Order
from clipferry.net.http_client import HttpClient
from clipferry.provider_cost import Currency, ProviderCost
from clipferry.providers.openai_videos import OpenAiVideos
from clipferry.providers.transport import JsonApi
from clipferry.settings import Settings
from clipferry.verdicts import TaskState
from local.providers.gateway import FakeGateway, fake_gateway
from local.providers.gateway_wire import Kind
from tests import orders
from tests.contract.adapters import CALLBACK_URL, submit
from tests.contract.adapters import GATEWAY_URL as BASE
from tests.orders import PROMPT
from tests.provider_answers import API_KEY, ScriptedApi, sample

IMAGES = ("https://files.example.com/a.png", "https://files.example.com/b.png")
ORDER = orders.order(model="veo", duration=8, generate_audio=True, seed=7, negative_prompt="fog")
LITELLM_ID = json.loads(sample("litellm/submit_accepted"))["id"]


@pytest.fixture
def gateway(server: ScriptedApi) -> OpenAiVideos:
    return OpenAiVideos("gateway", server.api, base_url=BASE)


@pytest.fixture
def open_gateway(server: ScriptedApi) -> OpenAiVideos:
    """Its files need no key."""
    return OpenAiVideos("gateway", server.api, base_url=BASE, file_needs_key=False)


def order(kind: Kind, mode: Mode) -> Order:
    count = {Mode.TEXT: 0, Mode.FIRST_FRAME: 1}.get(mode, 2)
    has_frames = mode in (Mode.FIRST_FRAME, Mode.FIRST_LAST_FRAME)
    return replace(
        ORDER,
        input=body(kind, mode),
        image_urls=IMAGES[:count],
        image_url=IMAGES[0] if has_frames else None,
        last_image_url=IMAGES[1] if mode is Mode.FIRST_LAST_FRAME else None,
    )


# Requests: the bodies differ

IMAGE = {"type": "image_url", "image_url": {"url": IMAGES[0]}}
OTHER_IMAGE = {"type": "image_url", "image_url": {"url": IMAGES[1]}}
OPENROUTER = {
    "duration": 8,
    "resolution": "720p",
    "aspect_ratio": "16:9",
    "generate_audio": True,
    "seed": 7,
    "callback_url": CALLBACK_URL,
}
METADATA = {"aspect_ratio": "16:9", "resolution": "720p", "negative_prompt": "fog", "generate_audio": True}
NEW_API = {"duration": 8, "size": "1280x720", "seed": 7, "metadata": METADATA}


@pytest.mark.parametrize(
    ("kind", "mode", "sent"),
    [
        (Kind.LITELLM, Mode.TEXT, {"seconds": "8", "size": "1280x720"}),
        (Kind.LITELLM, Mode.FIRST_FRAME, {"seconds": "8", "size": "1280x720", "input_reference": IMAGES[0]}),
        (Kind.NEW_API, Mode.TEXT, NEW_API),
        (Kind.NEW_API, Mode.FIRST_FRAME, NEW_API | {"image": IMAGES[0]}),
        (Kind.NEW_API, Mode.FIRST_LAST_FRAME, NEW_API | {"images": [*IMAGES]}),
        (Kind.NEW_API, Mode.REFERENCE, NEW_API | {"images": [*IMAGES]}),
        (Kind.OPENROUTER, Mode.TEXT, OPENROUTER),
        (
            Kind.OPENROUTER,
            Mode.FIRST_LAST_FRAME,
            OPENROUTER
            | {"frame_images": [IMAGE | {"frame_type": "first_frame"}, OTHER_IMAGE | {"frame_type": "last_frame"}]},
        ),
        (Kind.OPENROUTER, Mode.FIRST_FRAME, OPENROUTER | {"frame_images": [IMAGE | {"frame_type": "first_frame"}]}),
        (Kind.OPENROUTER, Mode.REFERENCE, OPENROUTER | {"input_references": [IMAGE, OTHER_IMAGE]}),
    ],
)
def test_an_order_has_the_body_that_its_offer_names(
    server: ScriptedApi, gateway: OpenAiVideos, kind: Kind, mode: Mode, sent: dict[str, Any]
) -> None:
    server.answers(200, sample("litellm/submit_accepted"))

    submit(gateway, order(kind, mode))

    assert server.bodies == [{"model": "veo", "prompt": PROMPT} | sent]
    assert server.requests[0].path == "/videos"
    assert server.requests[0].headers["Authorization"] == f"Bearer {API_KEY}"


@pytest.mark.parametrize(
    ("aspect_ratio", "quality", "size"),
    [
        ("16:9", "1080p", "1920x1080"),
        ("9:16", "720p", "720x1280"),
        ("1:1", "480p", "480x480"),
        ("21:9", "480p", "1120x480"),
    ],
)
def test_a_size_is_the_ratio_and_the_quality_in_pixels(
    server: ScriptedApi, gateway: OpenAiVideos, aspect_ratio: str, quality: str, size: str
) -> None:
    server.answers(200, sample("litellm/submit_accepted"))
    asked = replace(order(Kind.LITELLM, Mode.TEXT), aspect_ratio=aspect_ratio, quality=quality)

    submit(gateway, asked)

    assert server.bodies[0]["size"] == size


@pytest.mark.parametrize(("aspect_ratio", "quality"), [("adaptive", "720p"), ("16:9", "4k"), (None, None)])
def test_what_has_no_pixels_is_left_out(
    server: ScriptedApi, gateway: OpenAiVideos, aspect_ratio: str | None, quality: str | None
) -> None:
    server.answers(200, sample("litellm/submit_accepted"))
    asked = replace(order(Kind.LITELLM, Mode.TEXT), aspect_ratio=aspect_ratio, quality=quality)

    submit(gateway, asked)

    assert "size" not in server.bodies[0]


# What becomes of a submit


@pytest.mark.parametrize(("said", "amount"), [("0.8", "0.8"), ("0", "0"), ("None", None)])
def test_litellms_estimate_is_what_an_order_costs(
    server: ScriptedApi, gateway: OpenAiVideos, said: str, amount: str | None
) -> None:
    server.answers(200, sample("litellm/submit_accepted"), x_litellm_response_cost=said)

    cost = submit(gateway, ORDER).cost

    assert cost == (amount and ProviderCost(amount=Decimal(amount), currency=Currency.USD))


def test_openrouter_says_what_a_video_cost(server: ScriptedApi, gateway: OpenAiVideos) -> None:
    server.answers(200, sample("openrouter/video_completed"))

    assert gateway.ask("job-abc123").cost == ProviderCost(amount=Decimal("0.5"), currency=Currency.USD)


# Questions


@pytest.mark.parametrize("name", ["litellm/video_completed", "new-api/video_completed", "openrouter/video_completed"])
def test_a_file_that_needs_the_key_is_at_content_under_the_id_that_was_asked_about(
    server: ScriptedApi, gateway: OpenAiVideos, name: str
) -> None:
    """LiteLLM's answer has another id than the submit's."""
    server.answers(200, sample(name))

    report = gateway.ask(LITELLM_ID)

    url = f"{BASE}/videos/{LITELLM_ID}/content"
    assert (report.state, report.video_url) == (TaskState.SUCCEEDED, url)
    named = {"gateway": {"base_url": BASE, "api_key": "sk"}}
    keys = Settings.model_construct(stage="prod", video_gateways=SecretStr(json.dumps(named))).source_keys
    assert [key for prefix, key in keys.items() if url.startswith(prefix)] == ["Bearer sk"]


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("new-api/video_completed", "https://files.example.com/4x3rx6ny.mp4"),
        ("openrouter/video_completed_signed", "https://storage.example.com/video.mp4?sig=1"),
        ("openrouter/video_completed", "https://openrouter.ai/api/v1/videos/job-abc123/content?index=0"),
    ],
)
def test_a_file_for_everyone_is_at_the_address_in_the_answer(
    server: ScriptedApi, open_gateway: OpenAiVideos, name: str, url: str
) -> None:
    server.answers(200, sample(name))

    assert open_gateway.ask("job-abc123").video_url == url


def test_a_file_for_everyone_without_an_address_is_an_error(server: ScriptedApi, open_gateway: OpenAiVideos) -> None:
    server.answers(200, sample("litellm/video_completed"))

    with pytest.raises(ProviderError):
        open_gateway.ask(LITELLM_ID)


# The strict fakes


def with_fake(fake: FakeGateway, *, key: str = API_KEY) -> OpenAiVideos:
    client = HttpClient(f"{fake.base_url}/v1", allow_plain_http=True)
    return OpenAiVideos("gateway", JsonApi(client, key), base_url=f"{fake.base_url}/v1", file_needs_key=False)


@pytest.mark.parametrize("kind", Kind)
def test_the_fake_takes_each_mode_and_makes_the_film(kind: Kind) -> None:
    with fake_gateway(kind, api_key=API_KEY, seconds=0, film=b"film", retry_scale=0) as fake:
        gateway = with_fake(fake)
        modes = [
            Mode.TEXT,
            Mode.FIRST_FRAME,
            *([] if kind is Kind.LITELLM else [Mode.FIRST_LAST_FRAME, Mode.REFERENCE]),
        ]
        tasks = [
            gateway.submit(order(kind, mode), callback_url="http://127.0.0.1:9/c", timeout=10).task_id for mode in modes
        ]
        fake.runner.join()
        if kind is not Kind.LITELLM:
            assert [gateway.ask(task).video_url for task in tasks] == [*map(fake.result_url, fake.tasks.values())]
        with pytest.raises(TaskNotFoundError):
            gateway.ask("nobody")
        with pytest.raises(ProviderRefusedError, match="HTTP 401 "):
            with_fake(fake, key="wrong").submit(ORDER, callback_url="http://127.0.0.1:9/c", timeout=10)


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("wrong", [{"colour": "red"}, {"seconds": 8, "duration": "8"}, {"size": "big"}])
def test_the_fake_refuses_what_is_not_documented(kind: Kind, wrong: dict[str, Any]) -> None:
    with (
        fake_gateway(kind, api_key=API_KEY, seconds=0, film=b"film", retry_scale=0) as fake,
        pytest.raises(ProviderRefusedError, match="HTTP 400 "),
    ):
        with_fake(fake).submit(replace(ORDER, input=wrong), callback_url="http://127.0.0.1:9/c", timeout=10)
