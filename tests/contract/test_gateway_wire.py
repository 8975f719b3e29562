"""The adapter of OpenAI's video API against the answers of three servers that speak it, over a real socket.

`litellm/*` are what LiteLLM 1.101.6's proxy answered in front of a scripted upstream ("/videos" at docs.litellm.ai has
the rest); `new-api/*` have the shapes of docs.newapi.pro, "Videos", and of `dto/openai_video.go` and `dto/task.go` in
its repository; `openrouter/*` those of "Video Generation API" and "Get Video Results with Webhooks" at
openrouter.ai/docs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from clipferry.catalog.bodies import body
from clipferry.errors import ProviderError, ProviderRefusedError, ProviderSilentError, TaskNotFoundError
from clipferry.models import Mode, Order, TaskReport
from clipferry.net.http_client import HttpClient
from clipferry.provider_cost import Currency, ProviderCost
from clipferry.providers.base import CallbackHint
from clipferry.providers.openai_videos import OpenAiVideos
from clipferry.providers.transport import JsonApi
from clipferry.setting_rules import gateways
from clipferry.verdicts import FailureCode, TaskState
from local.providers.gateway import FakeGateway, fake_gateway
from local.providers.gateway_wire import Kind
from tests.provider_answers import API_KEY, GARBAGE, HTML, ScriptedApi, sample, scripted_api

BASE = "https://gateway.example.com/v1"
CALLBACK_URL = "https://api.example.com/api/v1/video/callback/gateway?videoUuid=vid_1&ts=1&sig=ab"
IMAGES = ("https://files.example.com/a.png", "https://files.example.com/b.png")
ORDER = Order(
    video_uuid="vid_1",
    provider="gateway",
    prompt="A ferry at dusk",
    model="veo",
    duration=8,
    aspect_ratio="16:9",
    quality="720p",
    image_url=None,
    generate_audio=True,
    seed=7,
    negative_prompt="fog",
)
LITELLM_ID = json.loads(sample("litellm/submit_accepted"))["id"]


@pytest.fixture
def server() -> Iterator[ScriptedApi]:
    with scripted_api() as server:
        yield server


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

    gateway.submit(order(kind, mode), callback_url=CALLBACK_URL, timeout=10)

    assert server.bodies == [{"model": "veo", "prompt": "A ferry at dusk"} | sent]
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

    gateway.submit(asked, callback_url=CALLBACK_URL, timeout=10)

    assert server.bodies[0]["size"] == size


@pytest.mark.parametrize(("aspect_ratio", "quality"), [("adaptive", "720p"), ("16:9", "4k"), (None, None)])
def test_what_has_no_pixels_is_left_out(
    server: ScriptedApi, gateway: OpenAiVideos, aspect_ratio: str | None, quality: str | None
) -> None:
    server.answers(200, sample("litellm/submit_accepted"))
    asked = replace(order(Kind.LITELLM, Mode.TEXT), aspect_ratio=aspect_ratio, quality=quality)

    gateway.submit(asked, callback_url=CALLBACK_URL, timeout=10)

    assert "size" not in server.bodies[0]


# What becomes of a submit


@pytest.mark.parametrize(
    ("status", "name", "task"),
    [
        (200, "litellm/submit_accepted", LITELLM_ID),
        (200, "new-api/submit_accepted", "task_4x3rx6nyQ2mB8vLk"),
        (200, "new-api/submit_older", "task_4x3rx6nyQ2mB8vLk"),
        (202, "openrouter/submit_accepted", "job-abc123"),
    ],
)
def test_an_accepted_order_has_its_id(
    server: ScriptedApi, gateway: OpenAiVideos, status: int, name: str, task: str
) -> None:
    server.answers(status, sample(name))

    assert gateway.submit(ORDER, callback_url=CALLBACK_URL, timeout=10).task_id == task


@pytest.mark.parametrize("name", ["litellm/video_failed", "new-api/video_failed", "openrouter/video_failed"])
def test_an_order_that_failed_before_its_answer_was_taken_all_the_same(
    server: ScriptedApi, gateway: OpenAiVideos, name: str
) -> None:
    """A refusal would be ordered elsewhere, and paid for twice."""
    server.answers(200, sample(name))

    submission = gateway.submit(ORDER, callback_url=CALLBACK_URL, timeout=10)

    assert submission.task_id == json.loads(sample(name))["id"]


@pytest.mark.parametrize(
    ("status", "name", "failure", "is_down"),
    [
        (400, "litellm/error_400_moderation", FailureCode.CONTENT_POLICY, False),
        (400, "litellm/error_400_model", FailureCode.INVALID_INPUT, False),
        (401, "litellm/error_401", FailureCode.PROVIDER_FAILED, False),
        (429, "litellm/error_429", FailureCode.PROVIDER_BUSY, False),
        (500, "litellm/error_500", FailureCode.PROVIDER_FAILED, True),
        (400, "new-api/error_400_request", FailureCode.INVALID_INPUT, False),
        (401, "new-api/error_401", FailureCode.PROVIDER_FAILED, False),
        (403, "new-api/error_403_quota", FailureCode.PROVIDER_OUT_OF_FUNDS, False),
        (503, "new-api/error_503", FailureCode.PROVIDER_BUSY, True),
        (400, "openrouter/error_400", FailureCode.INVALID_INPUT, False),
        (401, "openrouter/error_401", FailureCode.PROVIDER_FAILED, False),
        (402, "openrouter/error_402", FailureCode.PROVIDER_OUT_OF_FUNDS, False),
        (429, "openrouter/error_429", FailureCode.PROVIDER_BUSY, False),
        (502, "openrouter/error_502", FailureCode.PROVIDER_FAILED, True),
    ],
)
def test_a_refusal_says_why(
    server: ScriptedApi, gateway: OpenAiVideos, status: int, name: str, failure: FailureCode, is_down: bool
) -> None:
    server.answers(status, sample(name))

    with pytest.raises(ProviderRefusedError) as refused:
        gateway.submit(ORDER, callback_url=CALLBACK_URL, timeout=10)

    assert (refused.value.failure, refused.value.is_down) == (failure, is_down)
    assert str(refused.value).startswith(f"HTTP {status} ")


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (504, sample("litellm/error_500")),
        (408, sample("openrouter/error_502")),
        (502, HTML),
        (500, b"{}"),
        (200, b'{"status": "queued"}'),
        *((200, body) for body in GARBAGE),
    ],
)
def test_an_unclear_answer_leaves_the_outcome_unknown(
    server: ScriptedApi, gateway: OpenAiVideos, status: int, answer: bytes
) -> None:
    server.answers(status, answer)

    with pytest.raises(ProviderSilentError):
        gateway.submit(ORDER, callback_url=CALLBACK_URL, timeout=10)
    assert server.comes_to(1)


@pytest.mark.parametrize(("said", "amount"), [("0.8", "0.8"), ("0", "0"), ("None", None)])
def test_litellms_estimate_is_what_an_order_costs(
    server: ScriptedApi, gateway: OpenAiVideos, said: str, amount: str | None
) -> None:
    server.answers(200, sample("litellm/submit_accepted"), x_litellm_response_cost=said)

    cost = gateway.submit(ORDER, callback_url=CALLBACK_URL, timeout=10).cost

    assert cost == (amount and ProviderCost(amount=Decimal(amount), currency=Currency.USD))


def test_openrouter_says_what_a_video_cost(server: ScriptedApi, gateway: OpenAiVideos) -> None:
    server.answers(200, sample("openrouter/video_completed"))

    assert gateway.ask("job-abc123").cost == ProviderCost(amount=Decimal("0.5"), currency=Currency.USD)


# Questions


@pytest.mark.parametrize(
    ("name", "progress", "detail"),
    [
        ("litellm/submit_accepted", 0, "queued"),
        ("litellm/video_in_progress", 33, "in_progress"),
        ("new-api/video_unknown", 0, "unknown"),
        ("new-api/video_in_progress", 30, "in_progress"),
        ("openrouter/submit_accepted", None, "pending"),
        ("openrouter/video_in_progress", None, "in_progress"),
    ],
)
def test_an_unfinished_video_is_running(
    server: ScriptedApi, gateway: OpenAiVideos, name: str, progress: int | None, detail: str
) -> None:
    server.answers(200, sample(name))

    assert gateway.ask("a/b=") == TaskReport(state=TaskState.RUNNING, progress=progress, detail=detail)
    assert server.requests[0].path == "/videos/a%2Fb%3D"


@pytest.mark.parametrize("name", ["litellm/video_completed", "new-api/video_completed", "openrouter/video_completed"])
def test_a_file_that_needs_the_key_is_at_content_under_the_id_that_was_asked_about(
    server: ScriptedApi, gateway: OpenAiVideos, name: str
) -> None:
    """LiteLLM's answer has another id than the submit's."""
    server.answers(200, sample(name))

    report = gateway.ask(LITELLM_ID)

    url = f"{BASE}/videos/{LITELLM_ID}/content"
    assert (report.state, report.video_url) == (TaskState.SUCCEEDED, url)
    own = gateways.parse(json.dumps({"gateway": {"base_url": BASE, "api_key": "sk"}}), stage="prod")
    assert [key for prefix, key in gateways.source_keys(own).items() if url.startswith(prefix)] == ["Bearer sk"]


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


@pytest.mark.parametrize(
    ("name", "failure"),
    [
        ("litellm/video_failed", FailureCode.CONTENT_POLICY),
        ("new-api/video_failed", FailureCode.CONTENT_POLICY),
        ("openrouter/video_failed", FailureCode.CONTENT_POLICY),
        ("openrouter/video_cancelled", FailureCode.PROVIDER_FAILED),
        ("openrouter/video_expired", FailureCode.PROVIDER_FAILED),
    ],
)
def test_a_failed_video_says_why(server: ScriptedApi, gateway: OpenAiVideos, name: str, failure: FailureCode) -> None:
    server.answers(200, sample(name))

    report = gateway.ask("job")

    assert (report.state, report.failure, report.video_url) == (TaskState.FAILED, failure, None)
    assert report.detail


@pytest.mark.parametrize(("status", "name"), [(404, "openrouter/error_404"), (400, "new-api/error_400_task")])
def test_an_unknown_video_is_told_as_such(server: ScriptedApi, gateway: OpenAiVideos, status: int, name: str) -> None:
    server.answers(status, sample(name))

    with pytest.raises(TaskNotFoundError):
        gateway.ask("job")


@pytest.mark.parametrize(
    ("status", "answer"), [(500, sample("litellm/error_500")), (401, sample("new-api/error_401")), (200, HTML)]
)
def test_a_question_without_an_answer_is_an_error(
    server: ScriptedApi, gateway: OpenAiVideos, status: int, answer: bytes
) -> None:
    server.answers(status, answer)

    with pytest.raises(ProviderError) as error:
        gateway.ask("job")
    assert not isinstance(error.value, TaskNotFoundError)


def test_a_callback_claims_its_video_and_is_never_believed(gateway: OpenAiVideos) -> None:
    gateway.authenticate({}, b"anything", now=datetime(2026, 11, 30, tzinfo=UTC))
    webhook = sample("openrouter/webhook_completed")

    assert gateway.read_hint(webhook) == CallbackHint(task_id="job-abc123")
    assert gateway.read_report(webhook) is None


@pytest.mark.parametrize("answer", GARBAGE)
def test_no_body_makes_it_fail(gateway: OpenAiVideos, answer: bytes) -> None:
    assert gateway.read_hint(answer).task_id is None


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
