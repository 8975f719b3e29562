"""Logs, one JSON line per event, and metrics in the embedded metric format, which CloudWatch reads from the same log.

`video_uuid` ties the lines of a video's journey together across the functions; the request id ties those of one call.
Secrets and prompts are redacted from every line as it is written, wherever they came from: a library's exception may
quote a connection string, a provider may quote a prompt.
"""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from aws_lambda_powertools import Logger, single_metric
from aws_lambda_powertools.metrics import MetricUnit

NAMESPACE: Final = "Clipferry"
NAMESPACE_VARIABLE: Final = "POWERTOOLS_METRICS_NAMESPACE"
"""Powertools' own variable. Each stage has a namespace, because one account may have several stages."""
SHORTEST_REDACTION: Final = 8
"""Characters. Only a developer's machine has shorter secrets, and they would be redacted within ordinary words."""
PROMPT_START: Final = 16
"""Characters by which a prompt is recognised: whoever quotes one often cuts it short."""

_is_disabled = threading.Event()
_redactions: set[str] = set()
_thread_context = threading.local()
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_QUERY: Final = re.compile(r"(https?://[^\s?#\"\\]+)\?[^\s\"\\]*")
"""A URL's query may hold a signature, a token, or whatever else lets one fetch a file."""
_REST_OF_STRING: Final = r'(?:[^"\\]|\\.)*'
_STRING: Final = re.compile(rf'"({_REST_OF_STRING})"(:?)')
_LOGGER_FIELDS: Final = frozenset(
    {"level", "location", "timestamp", "service", "video_uuid", "function_name", "function_arn", "function_request_id"}
)


def _serialize(record: dict[str, Any]) -> str:
    """The record as a line of JSON, redacted."""
    text = json.dumps(record, default=str, separators=(",", ":"), ensure_ascii=False)
    for secret in tuple(_redactions):  # another thread may add to it
        text = text.replace(secret, "[hidden]")
    for prompt in getattr(_thread_context, "prompts", ()):
        if prompt.start in text:
            text = _redact_prompt(prompt, text)
    return _QUERY.sub(r"\1?[hidden]", text) if "://" in text else text


class _Prompt(NamedTuple):
    """A prompt as JSON writes it."""

    start: str
    is_whole: bool
    """Whether `start` is the whole prompt."""


def _redact_prompt(prompt: _Prompt, text: str) -> str:
    """Removes from JSON what starts as the prompt does, up to the end of the string that quotes it.

    A short prompt may be any word, so it is removed only where it is a whole word in a string. Names, numbers and what
    the logger itself says stay.
    """
    if not prompt.is_whole:
        return re.sub(re.escape(prompt.start) + _REST_OF_STRING, "[prompt]", text)
    word, name = _whole_word(prompt.start), ""

    def redact(found: re.Match[str]) -> str:
        nonlocal name
        if found[2]:
            name = found[1]
        return found[0] if found[2] or name in _LOGGER_FIELDS else word.sub("[prompt]", found[0])

    return _STRING.sub(redact, text)


class _Logger(Logger):
    """Powertools' logger, which never logs an event, whatever POWERTOOLS_LOGGER_LOG_EVENT says: events hold tokens."""

    def inject_lambda_context(self, *arguments: Any, **options: Any) -> Any:
        return super().inject_lambda_context(*arguments, **{**options, "log_event": False})


logger: Final = _Logger(service="clipferry", utc=True, json_serializer=_serialize)


def set_log_context(video_uuid: str | None, *, prompt: str | None = None) -> None:
    """Names the video in each later line of this thread, and hides its prompt there.

    None names no video; so does what can't be a video's id, because a stranger may send anything for one.
    """
    _thread_context.prompts = _prompt_forms(prompt) if prompt else ()
    if video_uuid is None or not _ID.fullmatch(video_uuid):
        logger.thread_safe_remove_keys(["video_uuid"])
    else:
        logger.thread_safe_append_keys(video_uuid=video_uuid)


def _prompt_forms(prompt: str) -> Iterable[_Prompt]:
    """The prompt as a string of JSON, and as JSON within such a string, as a logged answer of a provider."""
    once, is_whole = _as_json(prompt[:PROMPT_START]), len(prompt) < PROMPT_START
    return [_Prompt(start, is_whole=is_whole) for start in dict.fromkeys((once, _as_json(once)))]


def _whole_word(text: str) -> re.Pattern[str]:
    """Finds `text` where it isn't part of a longer word. Chinese has no spaces, so each of its characters is a word."""
    before, after = (r"\b" if re.match(r"\w", edge, re.ASCII) else "" for edge in (text[0], text[-1]))
    return re.compile(before + re.escape(text) + after, re.ASCII)


def _as_json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def add_redactions(texts: Collection[str]) -> None:
    """Hides these secrets in every line from now on."""
    _redactions.update(_as_json(text) for text in texts if len(text) >= SHORTEST_REDACTION)


def clear_redactions() -> None:
    """Forgets every secret, so that none stays in memory after the settings are closed."""
    _redactions.clear()


@contextmanager
def disabled() -> Iterator[None]:
    """Logs and counts nothing inside the block: a command prints its own output."""
    level = logger.log_level
    logger.setLevel("CRITICAL")
    _is_disabled.set()
    try:
        yield
    finally:
        _is_disabled.clear()
        logger.setLevel(level)


def count(name: str, value: float = 1, *, unit: MetricUnit = MetricUnit.Count, **dimensions: str) -> None:
    """Adds `value` to the metric `name`. A dimension has few values (a provider, a code), and is never an id.

    Where an alarm watches a share of failures, a success is counted as 0: the metric's average is then that share.
    """
    if _is_disabled.is_set():
        return
    namespace = os.environ.get(NAMESPACE_VARIABLE) or NAMESPACE
    with _output_lock(), single_metric(name=name, unit=unit, value=value, namespace=namespace) as metric:
        metric.service = ""  # POWERTOOLS_SERVICE_NAME would be a dimension, and no alarm looks for a metric with it
        for dimension, setting in dimensions.items():
            metric.add_dimension(name=dimension, value=setting)


@contextmanager
def _output_lock() -> Iterator[None]:
    """Keeps other threads from logging meanwhile: Powertools prints a metric and its line break separately."""
    handler = logger.registered_handler
    handler.acquire()
    try:
        yield
    finally:
        handler.release()
