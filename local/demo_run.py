"""Makes one video over HTTP, as a front end would, and prints what happens to it."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection
from threading import Event
from typing import Any, Final
from urllib.request import urlopen

import psycopg

from local.development_user import USER_ID
from local.stack import Stack
from local.video_report import VideoReport

_ORDER: Final = {"model": "seedance-2.0", "duration": 5, "aspectRatio": "16:9", "quality": "720p"}
_EMBEDDED_SECONDS: Final = 120
_REAL_SECONDS: Final = 1800
"""A real provider takes minutes, and may be busy."""
_POLL_SECONDS: Final = 0.1


class DemoError(Exception):
    """The video didn't complete; the message says why."""


class DemoRun:
    """`connection` is in autocommit mode; `stop` ends the run early."""

    def __init__(
        self, stack: Stack, connection: psycopg.Connection[Any], say: Callable[[str], None], stop: Event
    ) -> None:
        self._stack = stack
        self._connection = connection
        self._say = say
        self._stop = stop

    def run(self, prompt: str) -> None:
        """Returns when the file is in the bucket and plays; raises DemoError, OSError or HTTPException."""
        self._say(f'\nPOST /api/v1/video/generate  "{prompt}"\n')
        created = self._ask("POST", "/api/v1/video/generate", {"prompt": prompt, **_ORDER})
        report = VideoReport(self._connection, created["videoUuid"])
        self._follow(report)
        video = self._ask("GET", f"/api/v1/video/{report.uuid}")
        if video["status"] != "COMPLETED":
            raise DemoError(f"{video['status']}: {video['errorMessage'] or 'no reason was given'}")
        self._say(f"\nThe video {report.uuid}")
        for status, began, lasted in report.states:
            self._say(f"  {status:<12}{began:.2f} s" + (f", for {lasted:.2f} s" if lasted else ""))
        self._show_file(video, report.sha256)
        self._show_credits(report)

    def _follow(self, report: VideoReport) -> None:
        """Prints every event, and the status that a front end sees, until the video has ended."""
        seen = ""
        give_up = time.monotonic() + (_EMBEDDED_SECONDS if self._stack.evolink else _REAL_SECONDS)
        while seen not in {"COMPLETED", "FAILED"}:
            if time.monotonic() > give_up:
                raise DemoError(f"the video is still {seen}; the demo has waited long enough")
            status = self._ask("GET", f"/api/v1/video/{report.uuid}/status")["status"]
            for event in report.new_events():
                self._say(f"  {report.seconds(event):6.2f} s  {event.status:<11} {event.sentence}")
            if status != seen:
                seen = status
                self._say(f"            {'':<11} GET …/status answers {status}")
            if self._stop.wait(_POLL_SECONDS):
                raise DemoError("stopped")

    def _show_file(self, video: dict[str, Any], sha256: str | None) -> None:
        with urlopen(video["videoUrl"], timeout=30) as response:
            kind, content = response.headers["content-type"], response.read()
        if content[4:8] != b"ftyp" or len(content) != video["fileSize"]:
            raise DemoError(f"{video['videoUrl']} is {len(content)} bytes that are no whole MP4")
        digest = hashlib.sha256(content).hexdigest()
        if sha256 not in {None, digest}:
            raise DemoError(f"{video['videoUrl']} doesn't have the SHA-256 that was recorded, {sha256}")
        self._say(f"  File        {video['videoUrl']}")
        self._say(
            f"              {len(content):,} bytes, {video['duration']} s, {video['resolution']},"
            f" {video['aspectRatio']}; downloaded whole, as {kind}"
        )
        self._say(f"  SHA-256     {digest}{'' if sha256 is None else ', as the mirror recorded it'}")
        self._say(f"  Thumbnail   {video['thumbnailUrl'] or 'none yet'}")

    def _show_credits(self, report: VideoReport) -> None:
        holds, packages, ledger = report.credits(USER_ID)
        self._say("\nThe credits")
        for hold in holds:
            shares = [f"{share['credits']} from package {share['packageId']}" for share in hold["package_allocation"]]
            self._say(f"  Hold        {hold['credits']} {hold['status']}, {', '.join(shares)}")
        for package in packages:
            left = f"{package['remaining_credits']} of {package['initial_credits']} left"
            self._say(f"  Package     {left}, {package['frozen_credits']} frozen, {package['status']}")
        for row in ledger:
            self._say(f"  Ledger      {row['credits']:+} {row['trans_type']}, balance {row['balance_after']}")

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """The answer's `data`; raises DemoError with the answer's own words."""
        headers = {"Authorization": f"Bearer {self._stack.token}", "Content-Type": "application/json"}
        with closing(HTTPConnection(self._stack.url.removeprefix("http://"), timeout=60)) as connection:
            connection.request(method, path, body=json.dumps(body) if body else None, headers=headers)
            response = connection.getresponse()
            answer = json.loads(response.read())
        if not answer.get("success"):
            words = answer.get("error", {}).get("message") or answer
            raise DemoError(f"{method} {path} was answered with {response.status}: {words}")
        return answer["data"]
