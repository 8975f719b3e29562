"""Refusals as providers and the owners of their models really word them, and states as they really spell them."""

from __future__ import annotations

import pytest

from clipferry.providers.failures import classify_failure
from clipferry.providers.task_states import read_state
from clipferry.verdicts import FailureCode, TaskState
from tests.log_lines import captured

SORA_PAGE = "https://sora2.center/posts/sora-2-content-violation"
SORA_GATEWAY = "https://www.cqtai.com/docs/sora2"
EVOLINK = "https://docs.evolink.ai/en/api-manual/task-management/error-codes"
KIE_VEO = "https://docs.kie.ai/veo3-api/generate-veo-3-video-callbacks"
VERTEX = "https://cloud.google.com/vertex-ai/generative-ai/docs/video/responsible-ai-and-usage-guidelines"
VEO_GATEWAY = "https://docs.runblob.io/api-reference/veo3/errors"
ARK = "https://docs.byteplus.com/id/docs/ModelArk/1299023"

REFUSALS = [
    ("This content may violate OpenAI's content policies.", SORA_PAGE),
    ("This content may violate OpenAI's guardrails concerning similarity to third-party content.", SORA_PAGE),
    ("OpenAI currently do not support uploads of images containing photorealistic people.", SORA_PAGE),
    ("Your request was blocked by our moderation system.", "https://community.openai.com/t/1372868"),
    (
        "Upload may depict a realistic human. Please try again without humans in the frame.",
        "https://github.com/TheSmallHanCat/sora2api/issues/25",
    ),
    ("prompt_unsafe", SORA_GATEWAY),
    ("video_unsafe", SORA_GATEWAY),
    ("Content policy violation.\nYour request was blocked by safety filters...", EVOLINK),
    ("photorealistic people detected", EVOLINK),
    ("celebrity detected", EVOLINK),
    (
        (
            "Your request was rejected by Flow(Your prompt was flagged by Website as violating content policies). You"
            " may consider using our other fallback channels, which are likely to succeed."
        ),
        KIE_VEO,
    ),
    (
        (
            "The prompt could not be submitted. This prompt contains sensitive words that violate Google's Responsible"
            " AI practices. Try rephrasing your prompt. Support codes: 58061214"
        ),
        "https://github.com/HKUDS/ViMax/issues/20",
    ),
    (
        (
            "Veo could not generate 1 videos based on the prompt provided. You will not be charged for this request."
            " Try rephrasing the prompt. Support codes: 42237218"
        ),
        "https://github.com/DaWe35/image-router/issues/41",
    ),
    (
        (
            "Veo could not generate videos because the input image violates Vertex AI's usage guidelines. Support"
            " codes: 15236754"
        ),
        VERTEX,
    ),
    (
        (
            "We encountered an issue with the audio for your prompt, which means we could not create your video. This"
            " can sometimes happen due to our safety filters or other processing issues."
        ),
        "https://github.com/googleapis/js-genai/issues/1272",
    ),
    ("PROMINENT_PEOPLE_UPLOAD", VEO_GATEWAY),
    ("PHOTOREAL_UPLOAD", VEO_GATEWAY),
    ("MODERATION_FAILED", VEO_GATEWAY),
    ("UNSAFE_CONTENT", VEO_GATEWAY),
    ("PUBLIC_ERROR_MINOR", "https://help.apiyi.com/veo-3-error-codes-troubleshooting-guide.html"),
    ("PUBLIC_ERROR_PROMINENT_PEOPLE_UPLOAD", "the codes of Google's Flow, as KIE passes them on"),
    ("PUBLIC_ERROR_PROMINENT_PEOPLE_FILTER_FAILED", "the codes of Google's Flow, as KIE passes them on"),
    ("PUBLIC_ERROR_AUDIO_FILTERED", "the codes of Google's Flow, as KIE passes them on"),
    (
        "The request failed because the input video may contain real person. (Type: BadRequest)",
        "https://github.com/Comfy-Org/workflow_templates/issues/822",
    ),
    ("The request failed because the output image may contain sensitive information.", ARK),
    ("The request failed because the input text may contain severe violation information.", ARK),
    ("The request failed because the input text may contain violence information.", ARK),
    ("Input data may contain inappropriate content.", "https://www.alibabacloud.com/help/en/model-studio/error-code"),
    ("Failure to pass the risk control system", "Kling's task_status_msg"),
    ("Generated video rejected due to potential copyright restrictions", "Seedance, of a video's own sound"),
    ("内容包含敏感信息", "a Chinese model, through a gateway"),
]

OTHER_FAILURES = [
    "Internal error, please try again later",
    "The image is too small",
    "duration must be between 4 and 12",
    "Invalid or expired token",
    "Invalid parameter: field names are case sensitive",
    "The file was removed under our retention policy of 24 hours: no such file",
    "child process exited with code 1",
    "minor version not supported",
    "photorealistic mode isn't available in 480p",
    "PUBLIC_ERROR_MODEL_ACCESS_DENIED",
    "PUBLIC_ERROR_HIGH_TRAFFIC",
    "TIMEOUT",
    "",
    None,
    7,
]


@pytest.mark.parametrize(("text", "source"), REFUSALS)
def test_a_refusal_for_its_content_is_told_as_one_whatever_code_is_beside_it(text: str, source: str) -> None:
    for labels in [(), (400,), (422, None), ("GENERATION_FAILED",), ("unknown_error", "api_error"), (500, 501)]:
        assert classify_failure(*labels, message=text) is FailureCode.CONTENT_POLICY, source


@pytest.mark.parametrize(
    "labels",
    [
        ("content_policy_violation",),
        ("InputImageSensitiveContentDetected.PrivacyInformation", "BadRequest"),
        ("moderation_blocked",),
        ("sentinel_block", "invalid_request_error"),
        ("content_filter",),
        ("400", "content_policy_violation"),
        ("DataInspectionFailed",),
    ],
)
def test_the_code_or_the_type_alone_may_say_it(labels: tuple[str, ...]) -> None:
    assert classify_failure(*labels, message="Hmmm something didn't look right") is FailureCode.CONTENT_POLICY


@pytest.mark.parametrize("text", OTHER_FAILURES)
def test_another_failure_is_not_blamed_on_the_content(text: object) -> None:
    assert classify_failure(message=text) is FailureCode.PROVIDER_FAILED
    assert classify_failure(400, message=text) is FailureCode.INVALID_INPUT


@pytest.mark.parametrize(
    ("labels", "failure"),
    [
        ((429,), FailureCode.PROVIDER_BUSY),
        (("RATE_LIMIT_EXCEEDED", None, 400), FailureCode.PROVIDER_BUSY),
        ((400, "insufficient_quota_error"), FailureCode.PROVIDER_OUT_OF_FUNDS),
        ((402,), FailureCode.PROVIDER_OUT_OF_FUNDS),
    ],
)
def test_a_code_about_the_account_is_sure_whatever_the_words_are(
    labels: tuple[object, ...], failure: FailureCode
) -> None:
    assert classify_failure(*labels, message="See our usage policy and safety guidelines") is failure


@pytest.mark.parametrize(
    ("words", "state"),
    [
        (["Pending", "QUEUED", "in-queue", "In Progress", "submitted", "RUNNING", "rendering"], TaskState.RUNNING),
        (["SUCCESS", "Succeeded", "succeed", "finished", "DONE", " completed "], TaskState.SUCCEEDED),
        (["FAILURE", "Error", "cancelled", "CANCELED", "timed out", "rejected", "expired"], TaskState.FAILED),
    ],
)
def test_a_state_is_known_in_any_case_and_by_its_plain_synonyms(words: list[str], state: TaskState) -> None:
    assert {word: read_state(word, provider="kie") for word in words} == dict.fromkeys(words, state)


@pytest.mark.parametrize("word", ["archived", "", None, 1, ["success"]])
def test_a_word_that_nobody_documents_is_unknown_and_logged(word: object) -> None:
    with captured() as log:
        assert read_state(word, provider="kie") is TaskState.UNKNOWN
    assert "unknown task status" in log()
