"""What a request of OpenAI's SDKs means in the catalogue's words, and that what contradicts itself is refused."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from clipferry import catalog
from clipferry.api.sdk import create_request
from clipferry.models import Mode
from clipferry.usecases.create_video import VideoRequest
from local.lambda_runtime.events import http_event
from tests.unit.field_faults import faults_of, fields_of

MODELS = catalog.load()
BODY: dict[str, Any] = {"prompt": "A ferry at dusk", "model": "seedance-2.0"}
PICTURE = b"\x89PNG\r\n\x1a\n\r\n\x00\xff"
PUT = "https://cdn.example.com/uploads/ann/abc.png"
A, B = "https://example.com/a.png", "https://example.com/b.png"


def event(body: bytes, content_type: str) -> APIGatewayProxyEventV2:
    return APIGatewayProxyEventV2(http_event("POST", "/v1/videos", headers={"content-type": content_type}, body=body))


def form(fields: dict[str, str], picture: bytes | None = None) -> APIGatewayProxyEventV2:
    parts = [f'--b\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n'.encode() for n, v in fields.items()]
    if picture is not None:
        head = '--b\r\nContent-Disposition: form-data; name="input_reference"; filename="a.png"\r\n\r\n'
        parts.append(head.encode() + picture + b"\r\n")
    return event(b"".join(parts) + b"--b--\r\n", "multipart/form-data; boundary=b")


def read(**fields: Any) -> VideoRequest:
    return asked(event(json.dumps(BODY | fields).encode(), "application/json"))


def asked(sent: APIGatewayProxyEventV2) -> VideoRequest:
    creation = create_request.read(sent)
    put = None if creation.picture is None else PUT
    return create_request.video_request(creation, MODELS, picture_url=put, allow_loopback=False)


def faults(**fields: Any) -> list[tuple[str, str]]:
    return faults_of(lambda: read(**fields))


@pytest.mark.parametrize("seconds", ["6", 6])
def test_seconds_and_size_are_duration_ratio_and_quality(seconds: Any) -> None:
    found = read(seconds=seconds, size="720x1280")

    assert found.parameters == read(duration=6, aspectRatio="9:16", quality="720p").parameters
    assert found.sha256 == read(duration=6, aspectRatio="9:16", quality="720p").sha256


def test_what_is_left_out_is_the_models_first_choice() -> None:
    assert read().parameters["duration"] == MODELS.get("seedance-2.0").modes[Mode.TEXT].durations[0]


@pytest.mark.parametrize("reference", [A, {"image_url": A}])
def test_a_reference_is_the_first_frame(reference: Any) -> None:
    found = read(input_reference=reference, lastImageUrl=B)

    assert found.resolved.options.mode is Mode.FIRST_LAST_FRAME
    assert found.resolved.options.image_urls == (A, B)


def test_a_picture_comes_as_a_file_or_as_a_data_url() -> None:
    data_url = f"data:image/png;base64,{base64.b64encode(PICTURE).decode()}"
    for sent in (
        form(BODY, PICTURE),
        form({**BODY, "input_reference[image_url]": data_url}),
        event(json.dumps({**BODY, "input_reference": {"image_url": data_url}}).encode(), "application/json"),
    ):
        assert create_request.read(sent).picture == PICTURE
        assert asked(sent).resolved.options.image_urls == (PUT,)


def test_an_empty_file_is_a_picture_too_and_not_left_out() -> None:
    assert create_request.read(form(BODY, b"")).picture == b""


def test_a_form_says_what_json_says() -> None:
    fields = {"seconds": "5", "size": "1280x720", "seed": "7", "generateAudio": "false", "outputNumber": "1"}
    found = asked(form({**BODY, **fields, "input_reference": A}))

    assert found.sha256 == (
        read(seconds=5, size="1280x720", seed=7, generateAudio=False, outputNumber=1, input_reference=A).sha256
    )


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"seconds": "3601"}, ("seconds", "less_than_equal")),
        ({"seconds": "five"}, ("seconds", "int_type")),
        ({"seconds": "60"}, ("seconds", "unsupported")),
        ({"size": "1280*720"}, ("size", "string_pattern_mismatch")),
        ({"size": "1280x800"}, ("size", "not_offered")),
        ({"model": "veo-3.1", "size": "960x960"}, ("size", "not_offered")),
        ({"seconds": 5, "duration": 5}, ("duration", "contradiction")),
        ({"size": "1280x720", "quality": "720p"}, ("quality", "contradiction")),
        ({"size": "1280x720", "aspectRatio": "1:1"}, ("aspectRatio", "contradiction")),
        ({"input_reference": A, "imageUrl": A}, ("imageUrl", "contradiction")),
        ({"input_reference": "http://127.0.0.1/a.png"}, ("input_reference", "invalid_url")),
        ({"input_reference": "https://example.com/" + "a" * 2048}, ("input_reference", "too_long")),
        ({"input_reference": "data:image/png;base64,%%"}, ("input_reference", "invalid_url")),
        ({"input_reference": "data:image/png,abc"}, ("input_reference", "invalid_url")),
        ({"input_reference": {"file_id": "file-1"}}, ("input_reference.image_url", "missing")),
        ({"model": "sora-2"}, ("model", "retired")),
        ({"n": 1}, ("n", "unknown_field")),
        ({"model": "kling-3.0", "input_reference": A, "size": "1280x720"}, ("size", "unsupported")),
        ({"model": "gemini-omni", "input_reference": A}, ("input_reference", "unsupported")),
    ],
)
def test_a_fault_is_named_by_the_field_that_was_sent(fields: dict[str, Any], found: tuple[str, str]) -> None:
    assert faults(**fields)[0] == found


@pytest.mark.parametrize(
    ("sent", "path"),
    [
        (form({"prompt": "A ferry"}), "model"),
        (form({**BODY, "input_reference": A}, PICTURE), "input_reference"),
        (form({**BODY, "seed": "-1"}), "seed"),
        (form({**BODY, "generateAudio": "yes"}), "generateAudio"),
        (event(b"--b--", "multipart/form-data"), "body"),
        (event(b"{", "application/json"), "body"),
        (event(b"", ""), "body"),
    ],
)
def test_a_request_that_cant_be_read_is_refused(sent: APIGatewayProxyEventV2, path: str) -> None:
    assert fields_of(lambda: asked(sent))[0]["path"] == path
