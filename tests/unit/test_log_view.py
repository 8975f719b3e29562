"""What `make dev` shows: one line for each request and event, nothing when idle, and all of it in a file."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from local.lambda_runtime.events import http_event
from local.log_view import LogView
from local.logs import lines_to

UUID = "vid_abc"
LINE = {
    "level": "INFO",
    "message": "video created",
    "function_name": "CreateVideoFunction",
    "video_uuid": UUID,
    "model": "sora",
    "cold_start": True,
}
METRIC = '{"_aws":{"CloudWatchMetrics":[]},"VideosCreated":[1.0]}'


class Shown:
    """A view and its screen."""

    def __init__(self, folder: Path, **options: Any) -> None:
        self._screen, self.file = io.StringIO(), folder / "log"
        self.view = LogView(screen=self._screen, file=self.file, **{"coloured": False, **options})

    @property
    def lines(self) -> list[str]:
        """Without the time."""
        return [re.sub(r"^\S*\d\d:\d\d:\d\d\S* ", "", line) for line in self._screen.getvalue().splitlines()]

    @property
    def kept(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.file.read_text().splitlines()]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Shown]]:
    with ExitStack() as scope:

        def make(**options: Any) -> Shown:
            shown = Shown(tmp_path, **options)
            scope.callback(shown.view.close)
            return shown

        yield make


@pytest.fixture
def shown(make: Callable[..., Shown]) -> Shown:
    return make()


def request(shown: Shown, status: int, *said: dict[str, Any], method: str = "POST", **headers: str) -> None:
    event = http_event(method, "/api/v1/video/generate", headers=headers)

    def handler(_event: Any) -> dict[str, Any]:
        for line in said:
            shown.view.take(json.dumps(line))
        return {"statusCode": status}

    shown.view.watched(handler)(event)


def test_a_request_is_one_line_with_what_its_handler_said(shown: Shown) -> None:
    shown.view.take(METRIC)
    request(shown, 202, LINE)

    (line,) = shown.lines
    assert re.fullmatch(r"POST /api/v1/video/generate 202 \d+ ms vid_abc · video created model=sora", line)
    assert [(kept["function_name"], kept["video_uuid"]) for kept in shown.kept] == [
        ("CreateVideoFunction", UUID),
        ("gateway", UUID),
    ]


@pytest.mark.parametrize(("status", "colour"), [(202, "32"), (302, "36"), (404, "33"), (500, "31")])
def test_states_are_coloured_on_a_terminal(make: Callable[..., Shown], status: int, colour: str) -> None:
    shown = make(coloured=True)
    request(shown, status)

    assert f"\x1b[{colour}m{status}\x1b[0m" in shown.lines[0]


def test_what_a_handler_cant_work_with_is_kept_for_the_console(shown: Shown) -> None:
    request(shown, 402, {**LINE, "message": "request refused", "code": "INSUFFICIENT_CREDITS", "detail": "3 of 15"})
    assert shown.view.misconfigured is None

    wrong = {"message": "request failed", "level": "ERROR", "code": "CONFIGURATION_ERROR", "detail": "KIE_API_KEY: …"}
    request(shown, 500, {**LINE, **wrong})
    assert shown.view.misconfigured == "KIE_API_KEY: …"


def test_a_warning_is_a_line_of_its_own_and_a_traceback_follows_it(shown: Shown) -> None:
    request(shown, 202, {**LINE, "level": "WARNING", "message": "no thumbnail", "exception": "Traceback:\n  boom"})

    warning, first, second, access = shown.lines
    assert warning == "create_video WARNING no thumbnail vid_abc model=sora"
    assert (first, second) == ("    Traceback:", "      boom")
    assert access.startswith("POST")


def test_the_console_asking_whether_something_changed_is_no_news(shown: Shown) -> None:
    from_the_page = {"Sec-Fetch-Site": "same-origin"}
    request(shown, 200, method="GET", **from_the_page)
    assert shown.lines == []
    request(shown, 200, method="GET")
    request(shown, 404, method="GET", **from_the_page)
    request(shown, 202, **from_the_page)
    assert len(shown.lines) == 3


def test_a_handler_that_raises_is_shown_as_500(shown: Shown) -> None:

    def handler(_event: Any) -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        shown.view.watched(handler)(http_event("GET", "/x"))
    assert shown.lines[0].startswith("GET /x 500")


def test_as_json_it_shows_what_lambda_prints_and_no_more(make: Callable[..., Shown]) -> None:
    shown = make(as_json=True)
    shown.view.take(METRIC)
    request(shown, 202, LINE)

    assert [json.loads(line) for line in shown.lines] == [json.loads(METRIC), LINE]
    assert len(shown.kept) == 2


def test_no_character_of_a_request_acts_on_the_terminal(shown: Shown) -> None:
    shown.view.watched(lambda _: {"statusCode": 404})(http_event("GET", "/%1b[2J%0a"))
    shown.view.take(json.dumps({**LINE, "message": "\x1b[2J", "model": "\u202e"}))

    assert all(line.isprintable() for line in shown.lines)
    assert len(shown.lines) == 2


def test_threads_that_print_at_once_share_no_line() -> None:
    taken: list[str] = []
    begun = threading.Barrier(2)

    def say(word: str, say_it: Callable[..., None]) -> None:
        say_it(word, end="")
        begun.wait()
        say_it(word)

    with lines_to(taken.append):
        threads = [threading.Thread(target=say, args=(word, print)) for word in ("a", "b")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert sorted(taken) == ["aa", "bb"]


def test_a_breakpoint_has_the_terminal_for_its_prompt() -> None:
    program = "from local.logs import lines_to\nwith lines_to(print):\n    found = 41\n    breakpoint()\n"
    done = subprocess.run(
        [sys.executable, "-c", program], input="p found + 1\nc\n", capture_output=True, text=True, check=True
    )
    assert "(Pdb) 42\n(Pdb) " in done.stdout
