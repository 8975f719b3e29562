"""What `make dev` shows of the handlers' log: one line for each request and each event, and none when nothing happens.

`LOG=json` shows what Lambda prints instead, metrics included. `clipferry logs` reads the file.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TextIO

from clipferry.errors import ConfigurationError
from clipferry.observability import log_lines
from clipferry.observability.control_characters import escape_controls
from local.lambda_runtime.lambda_context import Invoke

_LEVELS: Final = {"WARNING": "33", "ERROR": "31", "CRITICAL": "31"}
_DIM: Final = "2"
_VIDEO: Final = re.compile(r"vid_[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    text: str
    colour: str = ""


class LogView:
    """Writes to `screen`, and everything but metrics to `file` as lines of JSON."""

    def __init__(self, *, screen: TextIO, file: Path, coloured: bool, as_json: bool = False) -> None:
        self._screen, self._coloured, self._as_json = screen, coloured, as_json
        self._file = file.open("w")
        self._lock = threading.Lock()
        self._thread = threading.local()
        self.misconfigured: str | None = None
        """What a handler said of the settings when it last couldn't work with them; the console shows it."""

    def close(self) -> None:
        self._file.close()

    def take(self, line: str) -> None:
        """Takes one line that a handler, or the stack, has printed."""
        if self._as_json:
            self._show_text(line)
        if not line or log_lines.METRICS_MARK in line:
            return
        record = _record(line)
        self._keep(record)
        if record.get("code") == ConfigurationError.code:
            self.misconfigured = str(record.get("detail", ""))
        if self._as_json:
            return
        during = getattr(self._thread, "during", None)
        if during is not None:
            during.append(record)
        if during is None or record["level"] != "INFO":
            self._show(_event_parts(record), record)

    def watched(self, invoke: Invoke) -> Invoke:
        """Returns a function for the gateway that shows each request, and with it what its handler said."""

        def watching(event: Mapping[str, Any]) -> Any:
            self._thread.during = during = []
            began, status = time.monotonic(), 500
            try:
                answer = invoke(event)
                status = answer.get("statusCode", 200) if isinstance(answer, dict) else 200
                return answer
            finally:
                self._thread.during = None
                self._request(event, status, (time.monotonic() - began) * 1000, during)

        return watching

    def _request(self, event: Mapping[str, Any], status: int, took: float, during: list[dict[str, Any]]) -> None:
        http = event["requestContext"]["http"]
        if http["method"] == "GET" and status < 400 and event["headers"].get("sec-fetch-site") == "same-origin":
            return  # the console, asking whether something has changed
        path = event["rawPath"]
        uuids = [record["video_uuid"] for record in during if record.get("video_uuid")]
        record = {
            "level": "INFO",
            "message": f"{http['method']} {path} {status}",
            "function_name": "gateway",
            "milliseconds": round(took),
            "video_uuid": next(iter(uuids or _VIDEO.findall(path)), None),
        }
        self._keep(record)
        if self._as_json:
            return
        said = [record for record in during if record["level"] == "INFO"]
        self._show(
            [
                _Part(text=f"{http['method']} {path}"),
                _Part(text=str(status), colour=_status_colour(status)),
                _Part(text=f"{took:.0f} ms"),
                _Part(text="" if str(record["video_uuid"]) in path else str(record["video_uuid"] or "")),
                *(part for each in said for part in _said(each)),
            ],
            record,
        )

    def _keep(self, record: dict[str, Any]) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = json.dumps({**record, "timestamp": now}, ensure_ascii=False)
        with self._lock:
            self._file.write(escape_controls(line) + "\n")
            self._file.flush()

    def _show(self, parts: list[_Part], record: Mapping[str, Any]) -> None:
        clock = _Part(text=datetime.now().strftime("%H:%M:%S"), colour=_DIM)  # noqa: DTZ005 - the reader's own
        shown = " ".join(self._painted(part) for part in [clock, *parts] if part.text)
        self._show_text("\n".join([shown, *map(escape_controls, log_lines.traceback(record))]))

    def _painted(self, part: _Part) -> str:
        text = escape_controls(part.text)
        return f"\x1b[{part.colour}m{text}\x1b[0m" if part.colour and self._coloured else text

    def _show_text(self, text: str) -> None:
        with self._lock:
            self._screen.write(text + "\n")
            self._screen.flush()


def _record(line: str) -> dict[str, Any]:
    """Returns a line of the handlers' logger as it is, and any other one as a warning of the stack's."""
    found = log_lines.parse(line)
    if found.keys() >= {"level", "message"}:
        return found
    return {"level": "WARNING", "message": line, "function_name": "stack"}


def _event_parts(record: Mapping[str, Any]) -> list[_Part]:
    level = record["level"]
    return [
        _Part(text=log_lines.folder(str(record.get("function_name", ""))), colour=_DIM),
        _Part(text="" if level == "INFO" else level, colour=_LEVELS.get(level, "")),
        _Part(text=str(record["message"]), colour=_LEVELS.get(level, "")),
        _Part(text=str(record.get("video_uuid") or "")),
        *_details(record),
    ]


def _said(record: Mapping[str, Any]) -> list[_Part]:
    """What a request's own line tells of a line that its handler logged."""
    return [_Part(text=f"· {record['message']}", colour=_DIM), *_details(record)]


def _details(record: Mapping[str, Any]) -> list[_Part]:
    found = log_lines.details(record, hidden={*log_lines.IDS, "video_uuid"})
    return [_Part(text=detail, colour=_DIM) for detail in found]


def _status_colour(status: int) -> str:
    return "32" if status < 300 else "36" if status < 400 else "33" if status < 500 else "31"
