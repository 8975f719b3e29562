"""What a submit's answer means, for every provider: taken, refused and why, or nobody knows (DESIGN §1).

The samples have the shapes of the providers' own pages, which the tests of each adapter name.
"""

from __future__ import annotations

import json
import re

import pytest

from clipferry.errors import ProviderRefusedError, ProviderSilentError
from clipferry.providers.transport import LARGEST_ANSWER
from clipferry.verdicts import FailureCode
from tests.contract.adapters import Adapter, adapter_of, each_adapter
from tests.provider_answers import GARBAGE, ScriptedApi, sample

ACCEPTED = [
    (200, "evolink/submit_accepted", "task-unified-1757169743-7cvnl5zw"),
    (200, "kie/submit_accepted", "task_bytedance_1765186743319"),
    (200, "veo/submit_accepted", "veo_task_abcdef123456"),
    (200, "fal/submit_accepted", "fal-ai/veo3.1/requests/764cabcf-b745-4b3e-ae38-1200304cf45b"),
    (201, "replicate/prediction_starting", "ufawqhfynnddngldkgtslldrkq"),
    (200, "litellm/submit_accepted", json.loads(sample("litellm/submit_accepted"))["id"]),
    (200, "new-api/submit_accepted", "task_4x3rx6nyQ2mB8vLk"),
    (200, "new-api/submit_older", "task_4x3rx6nyQ2mB8vLk"),
    (202, "openrouter/submit_accepted", "job-abc123"),
    # Failed before its answer, and taken all the same: a refusal would be ordered elsewhere, and paid for twice.
    *((200, name, json.loads(sample(name))["id"]) for name in ("litellm/video_failed", "new-api/video_failed")),
    (200, "openrouter/video_failed", json.loads(sample("openrouter/video_failed"))["id"]),
]


@pytest.mark.parametrize(("status", "name", "task"), ACCEPTED, ids=lambda value: str(value)[:40])
def test_an_accepted_order_has_its_task(server: ScriptedApi, status: int, name: str, task: str) -> None:
    server.answers(status, sample(name))

    assert adapter_of(name).submit(server).task_id == task


REFUSALS = [
    (400, "evolink/error_400", FailureCode.INVALID_INPUT, False),
    (400, "evolink/error_400_integer_code", FailureCode.INVALID_INPUT, False),
    (400, "evolink/error_400_content_policy", FailureCode.CONTENT_POLICY, False),
    (400, "evolink/error_400_without_envelope", FailureCode.CONTENT_POLICY, False),  # forks of the original met it
    (401, "evolink/error_401", FailureCode.PROVIDER_FAILED, False),
    (401, "evolink/error_401_integer_code", FailureCode.PROVIDER_FAILED, False),
    (402, "evolink/error_402", FailureCode.PROVIDER_OUT_OF_FUNDS, False),
    (200, "evolink/error_402", FailureCode.PROVIDER_OUT_OF_FUNDS, False),
    (402, "evolink/error_402_quota_exceeded", FailureCode.PROVIDER_OUT_OF_FUNDS, False),
    (402, "evolink/error_402_integer_code", FailureCode.PROVIDER_OUT_OF_FUNDS, False),
    (403, "evolink/error_403", FailureCode.PROVIDER_FAILED, False),
    (413, "evolink/error_413", FailureCode.INVALID_INPUT, False),
    (429, "evolink/error_429", FailureCode.PROVIDER_BUSY, False),
    (429, "evolink/error_429_integer_code", FailureCode.PROVIDER_BUSY, False),
    (500, "evolink/error_500", FailureCode.PROVIDER_FAILED, True),
    (500, "evolink/error_500_integer_code", FailureCode.PROVIDER_FAILED, True),
    (502, "evolink/error_502", FailureCode.PROVIDER_FAILED, True),
    (503, "evolink/error_503", FailureCode.PROVIDER_BUSY, True),
    (401, "kie/error_401", FailureCode.PROVIDER_FAILED, False),
    (402, "kie/error_402", FailureCode.PROVIDER_OUT_OF_FUNDS, False),
    (404, "kie/error_404", FailureCode.PROVIDER_FAILED, False),
    (422, "kie/error_422", FailureCode.INVALID_INPUT, False),
    (429, "kie/error_429", FailureCode.PROVIDER_BUSY, False),
    (433, "kie/error_433", FailureCode.PROVIDER_OUT_OF_FUNDS, False),
    (455, "kie/error_455", FailureCode.PROVIDER_BUSY, True),
    (500, "kie/error_500", FailureCode.PROVIDER_FAILED, True),
    (200, "kie/error_401", FailureCode.PROVIDER_FAILED, False),  # KIE's code counts, and most come with 200
    (200, "kie/error_402", FailureCode.PROVIDER_OUT_OF_FUNDS, False),
    (200, "kie/error_404", FailureCode.PROVIDER_FAILED, False),
    (200, "kie/error_422", FailureCode.INVALID_INPUT, False),
    (200, "kie/error_429", FailureCode.PROVIDER_BUSY, False),
    (200, "kie/error_433", FailureCode.PROVIDER_OUT_OF_FUNDS, False),
    (200, "kie/error_455", FailureCode.PROVIDER_BUSY, True),
    (200, "kie/error_500", FailureCode.PROVIDER_FAILED, True),
    (200, "kie/error_501", FailureCode.PROVIDER_FAILED, False),
    (200, "kie/error_505", FailureCode.PROVIDER_FAILED, False),
    (200, "kie/error_400_content", FailureCode.CONTENT_POLICY, False),
    (400, "kie/error_400_content", FailureCode.CONTENT_POLICY, False),
    (200, "veo/callback_failed_400", FailureCode.CONTENT_POLICY, False),
    (200, "veo/callback_failed_422", FailureCode.CONTENT_POLICY, False),
    (200, "veo/callback_failed_451", FailureCode.INVALID_INPUT, False),
    (200, "veo/callback_failed_500", FailureCode.PROVIDER_FAILED, True),
    (200, "veo/callback_failed_501", FailureCode.PROVIDER_FAILED, False),
    (401, "fal/error_401", FailureCode.PROVIDER_FAILED, False),
    (403, "fal/error_403", FailureCode.PROVIDER_OUT_OF_FUNDS, False),
    (404, "fal/error_404", FailureCode.PROVIDER_FAILED, False),
    (422, "fal/error_422", FailureCode.INVALID_INPUT, False),
    (422, "fal/result_422_content", FailureCode.CONTENT_POLICY, False),
    (429, "fal/error_429", FailureCode.PROVIDER_BUSY, False),
    (500, "fal/error_500", FailureCode.PROVIDER_FAILED, True),
    (401, "replicate/error_401", FailureCode.PROVIDER_FAILED, False),
    (402, "replicate/error_402", FailureCode.PROVIDER_OUT_OF_FUNDS, False),
    (404, "replicate/error_404", FailureCode.PROVIDER_FAILED, False),
    (422, "replicate/error_422", FailureCode.INVALID_INPUT, False),
    (429, "replicate/error_429", FailureCode.PROVIDER_BUSY, False),
    (500, "replicate/error_500", FailureCode.PROVIDER_FAILED, True),
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
]


@pytest.mark.parametrize(("status", "name", "failure", "is_down"), REFUSALS, ids=str)
def test_a_providers_own_error_is_a_refusal_that_says_why(
    server: ScriptedApi, status: int, name: str, failure: FailureCode, is_down: bool
) -> None:
    server.answers(status, sample(name))

    with pytest.raises(ProviderRefusedError) as refused:
        adapter_of(name).submit(server)

    assert (FailureCode(refused.value.failure), refused.value.is_down) == (failure, is_down)
    assert str(refused.value).startswith(f"HTTP {status} ")
    words = re.findall(r'"(?:message|msg|title|detail)": ("(?:[^"\\]|\\.)+")', sample(name).decode())
    assert [json.loads(text) in str(refused.value) for text in words] == [True] * max(1, len(words))
    assert len(server.requests) == 1


@each_adapter
@pytest.mark.parametrize("status", [301, 302, 400, 401, 403, 404, 405, 413, 415, 422, 429])
def test_every_3xx_and_4xx_is_a_refusal_whatever_its_body(server: ScriptedApi, adapter: Adapter, status: int) -> None:
    for body in GARBAGE:
        server.answers(status, body)

    for _ in GARBAGE:
        with pytest.raises(ProviderRefusedError, match=f"HTTP {status}"):
            adapter.submit(server)
    assert len(server.requests) == len(GARBAGE)


@each_adapter
@pytest.mark.parametrize("status", [200, 201, 408, 500, 502, 503, 504, 520, 524, 599])
def test_an_answer_that_is_not_the_providers_leaves_the_outcome_unknown(
    server: ScriptedApi, adapter: Adapter, status: int
) -> None:
    for body in GARBAGE:
        server.answers(status, body)

    for _ in GARBAGE:
        with pytest.raises(ProviderSilentError):
            adapter.submit(server)
    assert len(server.requests) == len(GARBAGE)


UNCLEAR = [
    *[(status, f"evolink/{name}") for status in (408, 504) for name in ("error_400", "error_500", "submit_accepted")],
    *[(status, "kie/error_500") for status in (408, 504)],
    (500, "kie/submit_accepted"),
    (504, "fal/error_500"),
    (408, "fal/error_500"),
    (504, "replicate/error_500"),
    (504, "litellm/error_500"),
    (408, "openrouter/error_502"),
]


@pytest.mark.parametrize(("status", "name"), UNCLEAR)
def test_a_gateways_time_out_leaves_the_outcome_unknown_whatever_its_body(
    server: ScriptedApi, status: int, name: str
) -> None:
    server.answers(status, sample(name))

    with pytest.raises(ProviderSilentError):
        adapter_of(name).submit(server)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("name", "status", "body"),
    [
        *[("evolink", 502, body) for body in (b'{"error": "text"}', b'{"error": null}', b'{"message": "Bad Gateway"}')],
        ("evolink", 200, b'{"status": "pending"}'),
        *[("evolink", 200, b'{"id": %s}' % wrong) for wrong in (b"null", b'""', b"7", b'["task"]', b"{}")],
        *[("evolink", 200, b'{"id": "task%s"}' % wrong) for wrong in (b"\\u0000", b"\\ud800")],
        ("evolink", 200, sample("evolink/submit_accepted") + b" " * LARGEST_ANSWER),
        ("kie", 502, b'{"code": 502}'),
        ("kie", 502, b'{"message": "Bad gateway"}'),
        ("kie", 200, b'{"code": 504, "msg": "Gateway timeout", "data": null}'),
        ("kie", 200, b'{"code": "408", "msg": "Timeout", "data": null}'),
        ("kie", 200, b'{"code": 200, "msg": "success", "data": null}'),
        *[
            ("kie", 200, b'{"code": 200, "msg": "success", "data": {"taskId": %s}}' % wrong)
            for wrong in (b'""', b"7", b'"x\\u0000"')
        ],
        ("kie", 200, b'{"data": {"id": "x"}}'),
        ("veo", 200, b'{"code": 200, "msg": "success", "data": {}}'),
        ("fal", 200, b'{"status": "IN_QUEUE"}'),
        ("fal", 200, json.dumps({"request_id": "x" * 490}).encode()),
        ("fal", 200, b'{"request_id": "a b"}'),
        ("replicate", 500, b'{"title": "Bad gateway"}'),
        ("replicate", 201, b'{"status": "starting"}'),
        ("litellm", 200, b'{"status": "queued"}'),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_5xx_in_another_shape_or_a_success_that_names_no_task_leaves_the_outcome_unknown(
    server: ScriptedApi, name: str, status: int, body: bytes
) -> None:
    server.answers(status, body)

    with pytest.raises(ProviderSilentError):
        adapter_of(name).submit(server)
    assert len(server.requests) == 1
