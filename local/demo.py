"""`make demo`: makes one video, from its prompt to the file in the bucket, and prints each step."""

from __future__ import annotations

import os
import sys
import time
from http.client import HTTPException
from threading import Event
from typing import Final

from local.signals import stop_requested

PROMPT: Final = "A paper ferry crosses a bathtub at dawn"
_LOG_LINES: Final = 30


def main() -> int:
    """Exit status: 0 when the video is COMPLETED and its file plays, 2 for a setting that can't work, 1 otherwise."""
    prompt = " ".join(sys.argv[1:]) or PROMPT
    with stop_requested() as stop:
        return _run(prompt, stop)


def _run(prompt: str, stop: Event) -> int:
    from local import setting_checks  # long; Ctrl-C is in our hands by now
    from local.demo_run import DemoError
    from local.stack import FAILURES, reason

    wrong = setting_checks.problems(os.environ)
    if wrong:
        print("\n".join(wrong), file=sys.stderr)
        return 2
    try:
        _make_video(prompt, stop)
    except (DemoError, *FAILURES) as error:
        words = "The demo was stopped." if stop.is_set() else f"The demo failed: {reason(error)}"
        print(f"\n{words}", file=sys.stderr)
        return 1
    return 0


def _make_video(prompt: str, stop: Event) -> None:
    import psycopg

    from local.demo_run import DemoError, DemoRun
    from local.stack import local_stack

    out = sys.stdout  # within the stack, sys.stdout is the handlers' log

    def say(line: str) -> None:
        print(line, file=out, flush=True)

    say("Clipferry is starting, with a database, a bucket, a queue and a provider …")
    began = time.monotonic()
    with local_stack(environment={"RECONCILE_INTERVAL_SECONDS": "5", **os.environ}, quiet=True) as stack:
        say(f"… and is ready at {stack.url} after {time.monotonic() - began:.1f} s.\n")
        for service in stack.services:
            say(f"  {service.name:<12}{service.origin:<10}{service.address}")
        if stack.token is None:
            raise DemoError("your DATABASE_URL is on another machine, where the demo adds no user")
        try:
            with psycopg.connect(stack.database_url, autocommit=True) as connection:
                DemoRun(stack, connection, say, stop).run(prompt)
        except (DemoError, OSError, HTTPException) as error:
            log = stack.log().splitlines()[-_LOG_LINES:]
            raise DemoError("\n".join([str(error), "", "The end of the handlers' log:", *log])) from error


if __name__ == "__main__":
    sys.exit(main())
