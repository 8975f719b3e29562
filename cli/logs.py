"""`clipferry logs`: prints log lines of a stack, about one video or of one function."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Final

import typer

from cli import local_stack
from cli.log_sources import CloudWatch, LogFile, LogFilter
from cli.output import Json, is_terminal, print_error, print_json, print_line, print_styled, spinner
from cli.stacks import DeployedStack
from clipferry.observability import log_lines

UNITS: Final = {"m": 60, "h": 3600, "d": 86_400}
_COLOURS: Final = {"WARNING": "yellow", "ERROR": "red", "CRITICAL": "red"}
_PAUSE_SECONDS: Final = {CloudWatch: 2.0, LogFile: 0.2}
"""Between two looks for new lines; CloudWatch takes few requests a second."""


def logs(
    function: Annotated[
        str, typer.Argument(metavar="FUNCTION", help="A function, such as mirror_video; without it, all functions.")
    ] = "",
    stack: Annotated[
        str,
        typer.Option(
            "--stack", envvar="CLIPFERRY_STACK", help="The stack's name in CloudFormation; without it `make dev`'s."
        ),
    ] = "",
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on, and print lines as they come.")] = False,
    port: Annotated[str, typer.Option(metavar="PORT", help="Which local stack, if several run.")] = "",
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
    """Prints log lines of a stack, oldest first. Exit status 1 if there are none.

    With -f it goes on until Ctrl-C.
    """
    log_filter = LogFilter(
        function=function, words=tuple(filter(None, (video, word))), begin=time.time() - _seconds(since)
    )
    source = CloudWatch(DeployedStack(stack), log_filter) if stack else _local(port, log_filter)
    with spinner("Reading the logs"):
        found = source.new_lines()
    for line in found[-limit:]:
        _print(line, as_json=as_json)
    if len(found) > limit:
        print_error(f"{len(found) - limit} older lines were left out; --limit sets how many are printed.")
    if follow:
        _follow(source, as_json=as_json)
    if not found:
        print_error(f"No log lines in the last {since}.")
    raise typer.Exit(0 if found else 1)


def _local(port: str, log_filter: LogFilter) -> LogFile:
    found = local_stack.the_one(port, otherwise=", or name a deployed one with --stack")
    return LogFile(found.log, log_filter)


def _follow(source: CloudWatch | LogFile, *, as_json: bool) -> None:
    try:
        while True:
            for line in source.new_lines():
                _print(line, as_json=as_json)
            time.sleep(_PAUSE_SECONDS[type(source)])
    except (KeyboardInterrupt, BrokenPipeError):
        raise typer.Exit(0) from None


def _print(line: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(line)
        return
    colour = _COLOURS.get(str(line.get("level")), "") if is_terminal() else ""
    for text in readable(_short(line) if is_terminal() else line):
        if colour:
            print_styled((text, colour))
        else:
            print_line(text)


def _short(line: dict[str, Any]) -> dict[str, Any]:
    """Returns the line as a person at a terminal wants it: the clock's time, and no ids but the video's."""
    try:
        clock = datetime.fromisoformat(line["timestamp"]).astimezone().strftime("%H:%M:%S")
    except ValueError:
        clock = line["timestamp"]
    return {**{name: value for name, value in line.items() if name not in log_lines.IDS}, "timestamp": clock}


def readable(line: dict[str, Any]) -> Iterator[str]:
    """Yields a line as `18:55:57.123 mirror_video ERROR message name=value …`, with a traceback below it."""
    head = (
        line["timestamp"],
        line["function"],
        *(log_lines.plain(line.get(name, "")) for name in ("level", "message")),
    )
    yield " ".join(filter(None, (*head, *log_lines.details(line, hidden=("function",)))))
    yield from log_lines.traceback(line)


def _seconds(since: str) -> int:
    matched = re.fullmatch(r"(\d{1,4})([mhd])", since)
    if matched is None:
        raise typer.BadParameter("--since takes a number and m, h or d, such as 30m")
    return int(matched[1]) * UNITS[matched[2]]
