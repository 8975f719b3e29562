"""Log lines show no secret and no prompt, and name their video; metrics have CloudWatch's form."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from typing import Any

import pytest
from aws_lambda_powertools.logging import correlation_paths

from clipferry import observability
from clipferry.api.app import build_app
from clipferry.observability import add_redactions, count, logger, set_log_context
from local.lambda_runtime.events import http_event
from local.lambda_runtime.lambda_context import LambdaContext
from local.sam_template.environment import in_process
from tests.log_lines import captured, events, metrics

SECRET = 'pass"word\\hunter2'


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    yield
    set_log_context(None)
    observability.clear_redactions()


def said(message: str = "said", **keys: Any) -> dict[str, Any]:
    with captured() as log:
        logger.info(message, **keys)
    (line,) = events(log())
    return line


def test_a_line_is_json_with_its_keys() -> None:
    line = said("video created", credits=15)
    assert (line["message"], line["credits"], line["level"], line["service"]) == (
        "video created",
        15,
        "INFO",
        "clipferry",
    )


def test_a_secret_is_hidden_wherever_it_stands() -> None:
    add_redactions({SECRET, "short"})
    line = said(f"in {SECRET}", detail=f"before {SECRET} after", nested={"list": [SECRET]}, word="short")
    assert line["message"] == "in [hidden]"
    assert line["detail"] == "before [hidden] after"
    assert line["nested"] == {"list": ["[hidden]"]}
    assert line["word"] == "short", "too short to be anybody's secret"


def test_a_secret_is_hidden_in_a_traceback() -> None:
    add_redactions({SECRET})
    with captured() as log:
        try:
            raise ValueError(f"could not parse {SECRET}")  # noqa: TRY301 - what is logged is the traceback
        except ValueError:
            logger.exception("failed")
    assert "hunter2" not in log()
    assert "could not parse [hidden]" in events(log())[0]["exception"]


def test_a_secret_that_was_forgotten_is_not_kept_for_hiding() -> None:
    add_redactions({SECRET})
    observability.clear_redactions()
    assert said(detail=SECRET)["detail"] == SECRET


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://files.example.com/a.mp4?X-Amz-Signature=abc&Expires=1", "https://files.example.com/a.mp4?[hidden]"),
        ("GET http://127.0.0.1:9/a?sig=1: refused", "GET http://127.0.0.1:9/a?[hidden] refused"),
        ('in "https://a.example/b?c=d", quoted', 'in "https://a.example/b?[hidden]", quoted'),
        ("https://files.example.com/a.mp4 and no query?", "https://files.example.com/a.mp4 and no query?"),
        ("what is this? https://a.example/", "what is this? https://a.example/"),
        (
            "https://a.example/x?one=1 https://b.example/y?two=2",
            "https://a.example/x?[hidden] https://b.example/y?[hidden]",
        ),
    ],
)
def test_no_query_of_an_address_is_shown(text: str, shown: str) -> None:
    assert said(detail=text)["detail"] == shown


@pytest.mark.parametrize(
    ("prompt", "text", "shown"),
    [
        ("a ferry at dawn in the fog", "no: a ferry at dawn in the fog", "no: [prompt]"),
        ("a ferry at dawn in the fog", "no: a ferry at dawn in t", "no: [prompt]"),
        ('a "ferry"\nat dawn, in fog', 'no: a "ferry"\nat dawn, in fog', "no: [prompt]"),
        ("velvet", "no velvet today", "no [prompt] today"),
        ("cat", "a category", "a category"),
        ("cat", "(cat)", "([prompt])"),
        ("cat", "提示词cat违规", "提示词[prompt]违规"),
        ("一只猫在跑。", "提示词一只猫在跑。违规", "提示词[prompt]违规"),
        ("A cat runs.", "A cat runs.", "[prompt]"),
        ("🐱 dances", "no 🐱 dances", "no [prompt]"),
        ('a "red" cat', 'answer {"prompt": "a \\"red\\" cat"}', 'answer {"prompt": "[prompt]"}'),
        (
            'a "red" ferry at dawn',
            'answer {"prompt": "a \\"red\\" ferry at dawn", "b": 1}',
            'answer {"prompt": "[prompt]", "b": 1}',
        ),
        ("a.c", "abc", "abc"),
    ],
)
def test_a_prompt_that_somebody_quotes_is_not_shown(prompt: str, text: str, shown: str) -> None:
    set_log_context("vid_1", prompt=prompt)
    line = said(detail=text)
    assert (line["detail"], line["video_uuid"]) == (shown, "vid_1")


@pytest.mark.parametrize("prompt", ["10", "ERROR", "video_uuid", "message", "clipferry", "true", ":", "n", '"', "\\"])
def test_a_short_prompt_leaves_the_lines_form_alone(prompt: str) -> None:
    set_log_context("vid_1", prompt=prompt)
    line = said(credits=10, done=True, detail=f"no {prompt} today\n{prompt}")
    assert (line["credits"], line["done"], line["level"], line["service"]) == (10, True, "INFO", "clipferry")
    assert line["video_uuid"] == "vid_1"


def test_lines_name_the_video_until_there_is_another_or_none() -> None:
    set_log_context("vid_1")
    assert said()["video_uuid"] == "vid_1"
    set_log_context("vid_2")
    assert said()["video_uuid"] == "vid_2"
    set_log_context(None)
    assert "video_uuid" not in said()


def test_a_prompt_is_hidden_from_its_own_thread_alone() -> None:
    set_log_context("vid_1", prompt="velvet")
    lines: list[dict[str, Any]] = []
    other = threading.Thread(
        target=lambda: lines.append(json.loads(observability.log._serialize({"detail": "velvet"})))
    )
    other.start()
    other.join()
    assert lines == [{"detail": "velvet"}]


def test_a_line_names_the_video_of_its_own_thread_alone() -> None:
    """Every thread has set its video before any of them logs."""
    everybody = threading.Barrier(8, timeout=10)

    def work(uuid: str) -> None:
        set_log_context(uuid)
        everybody.wait()
        logger.info("said", own=uuid)
        set_log_context(None)
        logger.info("said of nobody")

    uuids = [f"vid_{number}" for number in range(8)]
    with captured() as log, ThreadPoolExecutor(8) as pool:
        list(pool.map(work, uuids))
    told = [(line["own"], line.get("video_uuid")) for line in events(log()) if line["message"] == "said"]
    assert sorted(told) == [(uuid, uuid) for uuid in uuids]
    assert "video_uuid" not in str([line for line in events(log()) if line["message"] == "said of nobody"])


class Unbuffered(io.StringIO):
    """Lambda's output: each write is sent at once, and other threads run meanwhile."""

    def write(self, text: str, /) -> int:
        written = super().write(text)
        time.sleep(0.001)
        return written


def test_lines_of_several_threads_are_lines() -> None:
    stream, handler = Unbuffered(), logger.registered_handler

    def work(number: int) -> None:
        for _ in range(10):
            count("VideosFailed", reason=f"reason-{number}")
            logger.info("said", number=number)

    before = handler.setStream(stream)  # type: ignore[attr-defined]
    try:
        with redirect_stdout(stream), ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(8)))
    finally:
        handler.setStream(before)  # type: ignore[attr-defined]
    assert len(metrics(stream.getvalue())) == 80
    assert len(events(stream.getvalue())) == 80


def test_a_metric_is_in_the_form_that_cloudwatch_takes() -> None:
    with captured() as log:
        count("VideosCreated")
        count("VideosFailed", reason="TIMED_OUT")
    assert metrics(log()) == [("VideosCreated", 1, {}), ("VideosFailed", 1, {"reason": "TIMED_OUT"})]
    assert {line["_aws"]["CloudWatchMetrics"][0]["Namespace"] for line in map(json.loads, log().splitlines())} == {
        "Clipferry"
    }


def test_a_stage_has_a_namespace_of_its_own() -> None:
    with in_process({"POWERTOOLS_METRICS_NAMESPACE": "Clipferry/prod"}), captured() as log:
        count("VideosCreated")
    assert json.loads(log())["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Clipferry/prod"


def test_service_of_the_owners_choice_adds_no_dimension() -> None:
    """CloudWatch takes a metric with another dimension for another metric, which no alarm watches."""
    with in_process({"POWERTOOLS_SERVICE_NAME": "films"}), captured() as log:
        count("VideosFailed", reason="TIMED_OUT")
        count("VideosCreated")
    assert metrics(log()) == [("VideosFailed", 1, {"reason": "TIMED_OUT"}), ("VideosCreated", 1, {})]


@pytest.mark.parametrize("variable", ["POWERTOOLS_LOGGER_LOG_EVENT", "POWERTOOLS_DEV"])
def test_no_variable_makes_a_function_log_the_tokens_that_it_is_sent(variable: str) -> None:
    with in_process({variable: "true"}), captured() as log:
        app = build_app()

        @logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_HTTP, clear_state=True)
        def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
            logger.info("said")
            return app.resolve(event, context)

        event = http_event("GET", "/api/v1/nothing", headers={"authorization": "Bearer hunter2"})
        answer = handler(event, LambdaContext(function_name="tested", timeout_seconds=29))
    assert answer["statusCode"] == 404
    assert "said" in log()
    assert "hunter2" not in log()


def test_nothing_is_logged_or_counted_while_it_is_disabled() -> None:
    with captured() as log, observability.disabled():
        logger.error("said")
        count("VideosCreated")
    assert log() == ""


@pytest.mark.parametrize("text", ["vid_\x1b[2J", "vid 1", "", "x" * 65, "vid_1\n", "视频"])
def test_what_can_not_be_an_id_names_no_video(text: str) -> None:
    set_log_context("vid_1")
    set_log_context(text)
    assert "video_uuid" not in said()
