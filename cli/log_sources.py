"""Where log lines come from: CloudWatch for a deployed stack, a file for a local one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from cli.stacks import DeployedStack, translate_aws_errors
from clipferry.api.responses import iso
from clipferry.observability.log_lines import METRICS_MARK, folder, parse

_LOG_SUFFIX: Final = "Log"
"""The template calls MirrorVideoFunction's log group MirrorVideoLog."""
_REMEMBERED: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFilter:
    """Which lines are wanted: of one function or of all (""), with every one of `words`, not older than `begin`."""

    function: str
    words: tuple[str, ...]
    begin: float

    def takes(self, text: str) -> bool:
        return METRICS_MARK not in text and all(word in text for word in self.words)


class CloudWatch:
    """The log groups of a deployed stack.

    `new_lines` returns the lines since the last call, oldest first; each has a `timestamp` and a `function`.
    """

    def __init__(self, stack: DeployedStack, log_filter: LogFilter) -> None:
        self._stack, self._filter = stack, log_filter
        self._groups = self._wanted_groups()
        self._begin = int(log_filter.begin * 1000)
        self._seen: dict[str, None] = {}
        """Ids of events, because lines of one millisecond come in more than one answer."""

    def new_lines(self) -> list[dict[str, Any]]:
        begin = self._begin
        found = [line for name, group in self._groups for line in self._lines(name, group, begin)]
        while len(self._seen) > _REMEMBERED:
            del self._seen[next(iter(self._seen))]
        return sorted(found, key=lambda line: line["timestamp"])

    def _wanted_groups(self) -> list[tuple[str, str]]:
        """Returns the named function, or all functions, each with its log group."""
        resources, function = self._stack.resources, self._filter.function
        if function:
            return [(function, self._stack.resource(_camel(function) + _LOG_SUFFIX))]
        return [
            (folder(name.removesuffix(_LOG_SUFFIX)), group)
            for name, group in resources.items()
            if name.endswith(_LOG_SUFFIX) and name.removesuffix(_LOG_SUFFIX) + "Function" in resources
        ]

    def _lines(self, function: str, group: str, begin: int) -> Iterator[dict[str, Any]]:
        """Yields the wanted lines of a log group.

        A term in quotes is found inside JSON, too (CloudWatch Logs, "Filter pattern syntax").
        """
        pattern = " ".join(json.dumps(word, ensure_ascii=False) for word in self._filter.words)
        with translate_aws_errors(group):
            pages = self._stack.client("logs").get_paginator("filter_log_events")
            for page in pages.paginate(logGroupName=group, startTime=begin, filterPattern=pattern):
                for event in page["events"]:
                    if event["eventId"] in self._seen or not self._filter.takes(event["message"]):
                        continue
                    self._seen[event["eventId"]] = None
                    self._begin = max(self._begin, event["timestamp"] - 60_000)  # other groups' lines may come late
                    at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
                    yield {**parse(event["message"].strip()), "timestamp": iso(at), "function": function}


class LogFile:
    """The file that `make dev` writes, read as CloudWatch is; it begins anew with each start."""

    def __init__(self, file: Path, log_filter: LogFilter) -> None:
        self._file, self._filter = file, log_filter
        self._read = 0

    def new_lines(self) -> list[dict[str, Any]]:
        return [
            line for text in self._new_texts() if self._filter.takes(text) and self._wants(line := self._line(text))
        ]

    def _new_texts(self) -> list[str]:
        """Returns whole lines only: the last one may be half written."""
        with self._file.open("rb") as opened:
            if opened.seek(0, 2) < self._read:
                self._read = 0
            opened.seek(self._read)
            whole, end, _ = opened.read().rpartition(b"\n")
        self._read += len(whole) + len(end)
        return whole.decode(errors="replace").splitlines()

    def _line(self, text: str) -> dict[str, Any]:
        fields = parse(text)
        return {**fields, "timestamp": fields.get("timestamp", ""), "function": folder(fields.get("function_name", ""))}

    def _wants(self, line: dict[str, Any]) -> bool:
        if self._filter.function not in ("", line["function"]):
            return False
        try:
            return datetime.fromisoformat(line["timestamp"]).timestamp() >= self._filter.begin
        except ValueError:
            return True


def _camel(function: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in function.split("_"))
