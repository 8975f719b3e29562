"""One JSON line per event, and metrics in the embedded metric format that CloudWatch reads from the same log.

`video_uuid` in a line is what ties a video's journey together across the functions; within one call its request id
does. What must not be shown is taken out of every line on its way, wherever it came from: an exception of a library
may quote a connection string, a provider may quote a prompt.
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
"""Powertools' own name for it: one account may have several stages."""
SHORTEST_HIDDEN: Final = 8
"""Shorter ones are no secrets anywhere but on a developer's machine, and would be taken out of innocent words."""
PROMPT_START: Final = 16
"""Characters that tell a prompt: a quoted one is often cut short."""

_silence = threading.Event()
_hidden: set[str] = set()
_of_thread = threading.local()
_QUERY: Final = re.compile(r"(https?://[^\s?#\"\\]+)\?[^\s\"\\]*")
"""A signature, a token, or whatever else lets one fetch a file, is in a URL's query."""
_TO_THE_END: Final = r'(?:[^"\\]|\\.)*'
_STRING: Final = re.compile(rf'"({_TO_THE_END})"(:?)')
_THE_LOGGERS_OWN: Final = frozenset(
    {"level", "location", "timestamp", "service", "video_uuid", "function_name", "function_arn", "function_request_id"}
)


def _line(record: dict[str, Any]) -> str:
    text = json.dumps(record, default=str, separators=(",", ":"), ensure_ascii=False)
    for secret in tuple(_hidden):  # another thread may add to it
        text = text.replace(secret, "[hidden]")
    for prompt in getattr(_of_thread, "prompts", ()):
        if prompt.beginning in text:
            text = _without(prompt, text)
    return _QUERY.sub(r"\1?[hidden]", text) if "://" in text else text


class _Prompt(NamedTuple):
    """As it would stand in JSON."""

    beginning: str
    is_all: bool
    """Whether the prompt is no longer than that."""


def _without(prompt: _Prompt, text: str) -> str:
    """`text`, which is JSON, without what begins as the prompt does, up to the end of the string it is quoted in.

    A short prompt may be any word: what isn't a string stays as it is, and so do names and what the logger itself says.
    """
    if not prompt.is_all:
        return re.sub(re.escape(prompt.beginning) + _TO_THE_END, "[prompt]", text)
    word, name = _word(prompt.beginning), ""

    def hide(found: re.Match[str]) -> str:
        nonlocal name
        if found[2]:
            name = found[1]
        return found[0] if found[2] or name in _THE_LOGGERS_OWN else word.sub("[prompt]", found[0])

    return _STRING.sub(hide, text)


logger: Final = Logger(service="clipferry", utc=True, json_serializer=_line)


def set_log_context(video_uuid: str | None, *, prompt: str | None = None) -> None:
    """From now on every line of this thread names the video, and none shows its prompt. None: of no video any more."""
    _of_thread.prompts = _told_by(prompt) if prompt else ()
    if video_uuid is None:
        logger.thread_safe_remove_keys(["video_uuid"])
    else:
        logger.thread_safe_append_keys(video_uuid=video_uuid)


def _told_by(prompt: str) -> Iterable[_Prompt]:
    """In a string, and in JSON that is quoted in a string, as a provider's answer is."""
    once, is_all = _as_json(prompt[:PROMPT_START]), len(prompt) < PROMPT_START
    return [_Prompt(beginning, is_all=is_all) for beginning in dict.fromkeys((once, _as_json(once)))]


def _word(text: str) -> re.Pattern[str]:
    """`text` where it isn't a part of a longer word; Chinese has no spaces, so its signs count as words each."""
    before, after = (r"\b" if re.match(r"\w", edge, re.ASCII) else "" for edge in (text[0], text[-1]))
    return re.compile(before + re.escape(text) + after, re.ASCII)


def _as_json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def add_redactions(texts: Collection[str]) -> None:
    """No line shows one of these secrets from now on."""
    _hidden.update(_as_json(text) for text in texts if len(text) >= SHORTEST_HIDDEN)


def clear_redactions() -> None:
    """For who forgets the secrets themselves."""
    _hidden.clear()


@contextmanager
def muted() -> Iterator[None]:
    """For a command line, whose output is its own: nothing is logged or counted meanwhile."""
    level = logger.log_level
    logger.setLevel("CRITICAL")
    _silence.set()
    try:
        yield
    finally:
        _silence.clear()
        logger.setLevel(level)


def count(name: str, value: float = 1, *, unit: MetricUnit = MetricUnit.Count, **dimensions: str) -> None:
    """Adds `value` to the metric `name`; a dimension has few values (a provider, a code), never an id.

    What alarms read as a share is counted as 0 when it goes well: its average is then the share that doesn't.
    """
    if _silence.is_set():
        return
    namespace = os.environ.get(NAMESPACE_VARIABLE) or NAMESPACE
    with _line_to_itself(), single_metric(name=name, unit=unit, value=value, namespace=namespace) as metric:
        for dimension, setting in dimensions.items():
            metric.add_dimension(name=dimension, value=setting)


@contextmanager
def _line_to_itself() -> Iterator[None]:
    """Powertools prints a metric and then its line's end: what another thread said in between would make both lines
    unreadable."""
    handler = logger.registered_handler
    handler.acquire()
    try:
        yield
    finally:
        handler.release()
