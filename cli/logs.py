"""`clipferry logs`: what a deployed stack's functions wrote, of one video through all of them or of one function."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer

from cli.output import Json, working
from cli.stacks import DeployedStack, Stack, translated

UNITS: Final = {"m": 60, "h": 3600, "d": 86_400}
LOG: Final = "Log"
"""The log group of MirrorVideoFunction is MirrorVideoLog."""
METRICS: Final = '"_aws":'
"""CloudWatch reads metrics out of such lines; a person needn't."""
SHOWN: Final = ("timestamp", "level", "message")
SAME_IN_EVERY_LINE: Final = {
    "service",
    "location",
    "function_name",
    "function_arn",
    "function_memory_size",
    "cold_start",
}


def logs(
    stack: Stack,
    function: Annotated[str, typer.Argument(help="Such as mirror_video; without one, all of them.")] = "",
    video: Annotated[str, typer.Option(help="Lines about this video only.")] = "",
    word: Annotated[str, typer.Option(help="Lines with this in them only, such as ERROR.")] = "",
    since: Annotated[str, typer.Option(help="How far back: 30m, 6h, 2d.")] = "1h",
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At the most, the newest.")] = 1000,
    as_json: Json = False,
) -> None:
    """Print log lines, oldest first. Exit 1 when there are none."""
    deployed = DeployedStack(stack)
    begin = time.time() - _seconds(since)
    words = [text for text in (video, word) if text]
    with working("Reading the logs"):
        found = [
            line
            for name, group in _groups(deployed, function)
            for line in _lines(deployed, name, group, begin=begin, words=words)
        ]
    found.sort(key=lambda line: line["timestamp"])
    for line in found[-limit:]:
        typer.echo(json.dumps(line, ensure_ascii=False) if as_json else _readable(line))
    if not found:
        typer.echo(f"No lines since {since} ago.", err=True)
    if len(found) > limit:
        typer.echo(f"{len(found) - limit} older ones are left out: --limit.", err=True)
    raise typer.Exit(0 if found else 1)


def _seconds(since: str) -> int:
    given = re.fullmatch(r"(\d{1,4})([mhd])", since)
    if given is None:
        raise typer.BadParameter("--since takes a number and m, h or d, such as 30m")
    return int(given[1]) * UNITS[given[2]]


def _groups(stack: DeployedStack, function: str) -> list[tuple[str, str]]:
    """Each function and its log group; of all functions where none is named."""
    if function:
        return [(function, stack.resource(_camel(function) + LOG))]
    return [
        (_snake(name.removesuffix(LOG)), group)
        for name, group in stack.resources.items()
        if name.endswith(LOG) and name.removesuffix(LOG) + "Function" in stack.resources
    ]


def _camel(function: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in function.split("_"))


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()


def _lines(
    stack: DeployedStack, function: str, group: str, *, begin: float, words: list[str]
) -> Iterator[dict[str, Any]]:
    """Those that have every one of `words`, as CloudWatch finds them: a term in quotes is found inside JSON, too."""
    pattern = " ".join(json.dumps(word, ensure_ascii=False) for word in words)
    with translated(group):
        pages = stack.client("logs").get_paginator("filter_log_events")
        for page in pages.paginate(logGroupName=group, startTime=int(begin * 1000), filterPattern=pattern):
            for event in page["events"]:
                if METRICS not in event["message"] and all(word in event["message"] for word in words):
                    yield _line(event, function)


def _line(event: dict[str, Any], function: str) -> dict[str, Any]:
    """Our lines are JSON; what Lambda and the interpreter write needn't be."""
    text = event["message"].strip()
    try:
        said = json.loads(text)
    except ValueError:
        said = text
    facts = said if isinstance(said, dict) else {"message": text}
    at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC).isoformat(timespec="milliseconds")
    return {**facts, "timestamp": at.replace("+00:00", "Z"), "function": function}


def _readable(line: dict[str, Any]) -> str:
    """`18:55:57.123 mirror_video ERROR message name=value …`, and an exception's traceback below it."""
    hidden = {*SHOWN, "function", "exception", *SAME_IN_EVERY_LINE}
    facts = [f"{name}={_short(value)}" for name, value in line.items() if name not in hidden]
    level, message = line.get("level", ""), line.get("message", "")
    first = " ".join(filter(None, (line["timestamp"], line["function"], level, _short(message), *facts)))
    return "\n    ".join((first, *str(line.get("exception", "")).splitlines()))


def _short(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
