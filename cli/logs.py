"""`clipferry logs`: prints log lines of a deployed stack, about one video or of one function."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer

from cli.output import Json, print_error, print_json, print_line, spinner
from cli.stacks import DeployedStack, Stack, translate_aws_errors

UNITS: Final = {"m": 60, "h": 3600, "d": 86_400}
LOG_SUFFIX: Final = "Log"
"""The template calls MirrorVideoFunction's log group MirrorVideoLog."""
METRICS_MARK: Final = '"_aws":'
"""Lines with this are metrics for CloudWatch (embedded metric format), and aren't shown."""
LEADING_FIELDS: Final = ("timestamp", "level", "message")
HIDDEN_FIELDS: Final = {
    "service",
    "location",
    "function_name",
    "function_arn",
    "function_memory_size",
    "cold_start",
}


def logs(
    stack: Stack,
    function: Annotated[
        str, typer.Argument(metavar="FUNCTION", help="A function, such as mirror_video; without it, all functions.")
    ] = "",
    video: Annotated[str, typer.Option(metavar="UUID", help="Print lines about this video only.")] = "",
    word: Annotated[
        str, typer.Option(metavar="TEXT", help="Print lines that contain this text only, such as ERROR.")
    ] = "",
    since: Annotated[str, typer.Option(metavar="TIME", help="How far to look back: 30m, 6h or 2d.")] = "1h",
    limit: Annotated[
        int, typer.Option(min=1, max=100_000, help="The largest number of lines; the newest are printed.")
    ] = 1000,
    as_json: Json = False,
) -> None:
    """Prints log lines of a deployed stack, oldest first. Exit status 1 if there are none."""
    deployed = DeployedStack(stack)
    begin = time.time() - _seconds(since)
    words = [text for text in (video, word) if text]
    with spinner("Reading the logs"):
        found = [
            line
            for name, group in _groups(deployed, function)
            for line in _lines(deployed, name, group, begin=begin, words=words)
        ]
    found.sort(key=lambda line: line["timestamp"])
    for line in found[-limit:]:
        if as_json:
            print_json(line)
            continue
        for text in _readable(line):
            print_line(text)
    if not found:
        print_error(f"No log lines in the last {since}.")
    if len(found) > limit:
        print_error(f"{len(found) - limit} older lines were left out; --limit sets how many are printed.")
    raise typer.Exit(0 if found else 1)


def _seconds(since: str) -> int:
    matched = re.fullmatch(r"(\d{1,4})([mhd])", since)
    if matched is None:
        raise typer.BadParameter("--since takes a number and m, h or d, such as 30m")
    return int(matched[1]) * UNITS[matched[2]]


def _groups(stack: DeployedStack, function: str) -> list[tuple[str, str]]:
    """Returns the named function, or all functions, each with its log group."""
    if function:
        return [(function, stack.resource(_camel(function) + LOG_SUFFIX))]
    return [
        (_snake(name.removesuffix(LOG_SUFFIX)), group)
        for name, group in stack.resources.items()
        if name.endswith(LOG_SUFFIX) and name.removesuffix(LOG_SUFFIX) + "Function" in stack.resources
    ]


def _camel(function: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in function.split("_"))


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()


def _lines(
    stack: DeployedStack, function: str, group: str, *, begin: float, words: list[str]
) -> Iterator[dict[str, Any]]:
    """Yields the lines of a log group that contain every one of `words`.

    A term in quotes is found inside JSON, too (CloudWatch Logs, "Filter pattern syntax").
    """
    pattern = " ".join(json.dumps(word, ensure_ascii=False) for word in words)
    with translate_aws_errors(group):
        pages = stack.client("logs").get_paginator("filter_log_events")
        for page in pages.paginate(logGroupName=group, startTime=int(begin * 1000), filterPattern=pattern):
            for event in page["events"]:
                if METRICS_MARK not in event["message"] and all(word in event["message"] for word in words):
                    yield _line(event, function)


def _line(event: dict[str, Any], function: str) -> dict[str, Any]:
    """Parses a line: ours are JSON, and what Lambda and the interpreter write becomes a `message`."""
    text = event["message"].strip()
    try:
        parsed = json.loads(text)
    except ValueError:
        parsed = text
    fields = parsed if isinstance(parsed, dict) else {"message": text}
    at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC).isoformat(timespec="milliseconds")
    return {**fields, "timestamp": at.replace("+00:00", "Z"), "function": function}


def _readable(line: dict[str, Any]) -> Iterator[str]:
    """Yields a line as `18:55:57.123 mirror_video ERROR message name=value …`, with a traceback below it."""
    hidden = {*LEADING_FIELDS, "function", "exception", *HIDDEN_FIELDS}
    fields = [f"{name}={_plain(value)}" for name, value in line.items() if name not in hidden]
    level, message = line.get("level", ""), line.get("message", "")
    yield " ".join(filter(None, (line["timestamp"], line["function"], _plain(level), _plain(message), *fields)))
    yield from (f"    {text}" for text in str(line.get("exception", "")).splitlines())


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
