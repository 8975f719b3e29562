"""Logs, one JSON line per event, and metrics in the embedded metric format, which CloudWatch reads from the same log.

`video_uuid` ties the lines of a video's journey together across the functions; the request id ties those of one call.
Secrets and prompts are redacted from every line's values (`redaction`), wherever they came from: a library's exception
may quote a connection string, a provider may quote a prompt.
"""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from aws_lambda_powertools import Logger, single_metric
from aws_lambda_powertools.metrics import MetricUnit

from clipferry.observability.control_characters import escape_controls
from clipferry.observability.redaction import hide_prompt, is_clean_line, redact_fields

NAMESPACE: Final = "Clipferry"
NAMESPACE_VARIABLE: Final = "POWERTOOLS_METRICS_NAMESPACE"
"""Powertools' own variable. Each stage has a namespace, because one account may have several stages."""
_is_disabled = threading.Event()
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LOGGER_FIELDS: Final = frozenset(
    {"level", "location", "timestamp", "service", "video_uuid", "function_name", "function_arn", "function_request_id"}
)


def _serialize(record: dict[str, Any]) -> str:
    """The record as a line of JSON, redacted, and without a character that a terminal would obey.

    The whole line is looked at first: most hold nothing, and a plain form holds what any of its values does.
    """
    line = _dump(record)
    if not is_clean_line(line):
        line = _dump(redact_fields(record, own=_LOGGER_FIELDS))
    return line if line.isascii() and "\x7f" not in line else escape_controls(line)


def _dump(record: dict[str, Any]) -> str:
    return json.dumps(record, default=str, separators=(",", ":"), ensure_ascii=False)


class _Logger(Logger):
    """Powertools' logger, which never logs an event, whatever POWERTOOLS_LOGGER_LOG_EVENT says: events hold tokens."""

    def inject_lambda_context(self, *arguments: Any, **options: Any) -> Any:
        return super().inject_lambda_context(*arguments, **{**options, "log_event": False})


logger: Final = _Logger(service="clipferry", utc=True, json_serializer=_serialize)


def set_log_context(video_uuid: str | None, *, prompt: str | None = None) -> None:
    """Names the video in each later line of this thread, and hides its prompt there.

    None names no video; so does what can't be a video's id, because a stranger may send anything for one.
    """
    hide_prompt(prompt)
    if video_uuid is None or not _ID.fullmatch(video_uuid):
        logger.thread_safe_remove_keys(["video_uuid"])
    else:
        logger.thread_safe_append_keys(video_uuid=video_uuid)


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
