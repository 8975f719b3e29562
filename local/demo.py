"""`make demo`: one video, from its prompt to the file in the bucket, told as it happens."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from threading import Event
from typing import Any, Final
from urllib.request import urlopen

import psycopg
from clipferry.errors import ClipferryError

from local.development_user import USER_ID
from local.signals import stop_requested
from local.stack import Stack, StackError, local_stack
from local.story import Story
from local.template import TemplateError

PROMPT: Final = "A paper ferry crosses a bathtub at dawn"
_ORDER: Final = {"model": "seedance-2.0", "duration": 5, "aspectRatio": "16:9", "quality": "720p"}
_EMBEDDED_SECONDS: Final = 120
_REAL_SECONDS: Final = 1800
"""A real provider takes minutes, and may be busy."""
_POLL_SECONDS: Final = 0.1
_LOG_LINES: Final = 30

Say = Callable[[str], None]


class DemoError(Exception):
    """It didn't work; the message says why."""


def main() -> int:
    """Exit status: 0 when the video is COMPLETED and its file plays, 1 otherwise."""
    prompt = " ".join(sys.argv[1:]) or PROMPT
    out = sys.stdout  # the stack takes sys.stdout for the handlers' log

    def say(line: str = "") -> None:
        print(line, file=out, flush=True)

    try:
        with stop_requested() as stop:
            _run(prompt, say, stop)
    except (DemoError, StackError, TemplateError, ClipferryError) as error:
        out.flush()
        print(f"\nThe demo failed: {error}", file=sys.stderr)
        return 1
    return 0


def _run(prompt: str, say: Say, stop: Event) -> None:
    say("Clipferry is starting, with a database, a bucket, a queue and a provider …")
    began = time.monotonic()
    with local_stack(environment={"RECONCILE_INTERVAL_SECONDS": "5", **os.environ}, quiet=True) as stack:
        say(f"… and is ready at {stack.url} after {time.monotonic() - began:.1f} s.")
        for part in stack.parts:
            say(f"  {part.name:<12}{part.address}{'' if part.is_embedded else '  (yours)'}")
        say()
        if stack.token is None:
            raise DemoError("your DATABASE_URL is on another machine, where the demo adds nobody")
        try:
            with psycopg.connect(stack.database_url, autocommit=True) as connection:
                _Demo(stack, connection, say, stop).tell(prompt)
        except (DemoError, OSError, HTTPException) as error:
            lines = stack.log().splitlines()[-_LOG_LINES:]
            raise DemoError("\n".join([str(error), "", "The end of the handlers' log:", *lines])) from error


class _Demo:
    def __init__(self, stack: Stack, connection: psycopg.Connection[Any], say: Say, stop: Event) -> None:
        self._stack = stack
        self._connection = connection
        self._say = say
        self._stop = stop

    def tell(self, prompt: str) -> None:
        self._say(f'POST /api/v1/video/generate  "{prompt}"')
        created = self._ask("POST", "/api/v1/video/generate", {"prompt": prompt, **_ORDER})
        story = Story(self._connection, created["videoUuid"])
        self._say(f"  202: {story.uuid}\n")
        self._follow(story)
        video = self._ask("GET", f"/api/v1/video/{story.uuid}")
        if video["status"] != "COMPLETED":
            raise DemoError(f"the video is {video['status']}: {video['errorMessage'] or 'no reason was given'}")
        self._say("\nThe video")
        for status, start, lasted in story.states:
            self._say(f"  {status:<12}at {start:5.2f} s" + (f", for {lasted:.2f} s" if lasted else ""))
        self._show_file(video, story.sha256)
        self._show_books(story)

    def _follow(self, story: Story) -> None:
        """Tells every event, and what the front end would see, until the video has ended."""
        seen = ""
        give_up = time.monotonic() + (_EMBEDDED_SECONDS if self._stack.evolink else _REAL_SECONDS)
        while seen not in {"COMPLETED", "FAILED"}:
            if self._stop.wait(_POLL_SECONDS):
                raise DemoError("it was stopped")
            if time.monotonic() > give_up:
                raise DemoError(f"the video was still {seen} when the demo's patience ended")
            status = self._ask("GET", f"/api/v1/video/{story.uuid}/status")["status"]
            for event in story.news():
                self._say(f"  {story.seconds(event):6.2f} s  {event.status:<11} {event.sentence}")
            if status != seen:
                seen = status
                self._say(f"            GET …/status says {status}")

    def _show_file(self, video: dict[str, Any], sha256: str | None) -> None:
        with urlopen(video["videoUrl"], timeout=30) as response:
            kind, content = response.headers["content-type"], response.read()
        if content[4:8] != b"ftyp" or len(content) != video["fileSize"]:
            raise DemoError(f"{video['videoUrl']} is {len(content)} bytes of something that doesn't play")
        digest = hashlib.sha256(content).hexdigest()
        if sha256 not in {None, digest}:
            raise DemoError(f"{video['videoUrl']} has not the SHA-256 that was recorded, {sha256}")
        self._say(f"  File        {video['videoUrl']}")
        self._say(
            f"              {video['fileSize']:,} bytes, {video['duration']} s, {video['resolution']},"
            f" {video['aspectRatio']}; fetched as {kind}: it is whole, and an MP4"
        )
        self._say(f"  SHA-256     {digest}{'' if sha256 is None else ', as it was recorded on the way'}")
        self._say(f"  Thumbnail   {video['thumbnailUrl'] or 'none yet'}")

    def _show_books(self, story: Story) -> None:
        holds, packages, ledger = story.books(USER_ID)
        self._say("\nThe credits")
        for hold in holds:
            shares = ", ".join(
                f"{share['credits']} of package {share['packageId']}" for share in hold["package_allocation"]
            )
            self._say(f"  Hold        {hold['credits']} {hold['status']}: {shares}")
        for package in packages:
            self._say(
                f"  Package {package['id']:<4}{package['remaining_credits']} of {package['initial_credits']} left,"
                f" {package['frozen_credits']} frozen, {package['status']}"
            )
        for row in ledger:
            self._say(f"  Ledger      {row['credits']:+5}  {row['trans_type']:<14} balance {row['balance_after']}")

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


if __name__ == "__main__":
    sys.exit(main())
