"""`make dev`: the local stack, kept running on PORT (8787) until Ctrl-C; what it made comes back the next time."""

from __future__ import annotations

import os
import sys
from contextlib import closing
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Final, TextIO

from local.signals import stop_requested

if TYPE_CHECKING:
    from local.log_view import LogView
    from local.stack import Stack
    from local.state import State

PORT: Final = "8787"
DEFAULTS: Final = {"RECONCILE_INTERVAL_SECONDS": "10"}
"""Deployed, it is a minute: too long to wait for a lost callback. Your own environment replaces it."""


def main() -> int:
    """Exit status: 0 when it was stopped, 1 when it can't run, 2 for a setting that can't work."""
    port = os.environ.get("PORT") or PORT
    if not (port.isascii() and port.isdecimal() and 0 < int(port) <= 65_535):
        print(f"PORT is {port!r}, which is not a port.", file=sys.stderr)
        return 2
    with stop_requested() as stop:
        return _run(int(port), stop)


def _run(port: int, stop: Event) -> int:
    print("Clipferry is starting …", flush=True)
    from local import setting_checks  # long; Ctrl-C is in our hands by now
    from local.http.server import PortTakenError
    from local.stack import FAILURES, local_stack, reason
    from local.state import StateTakenError, kept_state

    environment = _environment()
    wrong = setting_checks.problems(environment)
    if wrong:
        print("\n".join(wrong), file=sys.stderr)
        return 2
    try:
        with kept_state(str(port), reset=os.environ.get("RESET", "") not in {"", "0"}) as state:
            screen = sys.stdout  # within the stack, sys.stdout is the handlers' log
            with (
                closing(_view(state, screen)) as view,
                local_stack(port=port, environment=environment, state=state, view=view) as stack,
            ):
                state.announce(_facts(stack, state))
                print(_summary(stack, state), file=screen, flush=True)
                stop.wait()
            print("\nClipferry has stopped.", flush=True)
    except (PortTakenError, StateTakenError) as error:
        print(f"{error}. Stop what listens there, or take another one, like PORT=8788.", file=sys.stderr)
        return 1
    except FAILURES as error:
        if not stop.is_set():
            print(f"Clipferry can't start: {reason(error)}", file=sys.stderr)
            return 1
    return 0


def _environment() -> dict[str, str]:
    """Returns your own variables, with the usual ones where you have set none."""
    return dict(os.environ) | {name: os.environ.get(name) or usual for name, usual in DEFAULTS.items()}


def _view(state: State, screen: TextIO) -> LogView:
    from local.log_view import LogView

    return LogView(
        screen=screen,
        file=state.log,
        coloured=screen.isatty() and not os.environ.get("NO_COLOR"),
        as_json=_as_json(),
    )


def _as_json() -> bool:
    return os.environ.get("LOG") == "json"


def _facts(stack: Stack, state: State) -> dict[str, object]:
    """Returns what `clipferry` asks for; the values are the handlers' settings."""
    return {
        "url": stack.url,
        "token": stack.token,
        "pid": os.getpid(),
        "log": str(state.log),
        "environment": {**stack.environment, "DATABASE_URL": stack.database_url},
    }


def _summary(stack: Stack, state: State) -> str:
    kept = state.folder.relative_to(Path.cwd()) if state.folder.is_relative_to(Path.cwd()) else state.folder
    lines = [
        "",
        f"Clipferry runs on {stack.url} until Ctrl-C: open it in a browser.",
        "",
        *(f"  {service.name:<12}{service.origin:<10}{service.address}" for service in stack.services),
        "",
        f"What it makes stays in {kept}; `make dev RESET=1` begins anew.",
    ]
    if stack.token is None:
        lines.append("Your database isn't on this machine, so it wasn't migrated and no user was added.")
        return "\n".join(lines)
    shown = "what Lambda prints" if _as_json() else "one line for each request and each event"
    bearer = f"-H 'Authorization: Bearer {stack.token}'"
    body = """{"prompt":"A ferry crosses the bay at dawn","model":"seedance-2.0","duration":5}"""
    return "\n".join(
        [
            *lines,
            f"The development user's token is {stack.token}. In a second terminal:",
            "",
            f"curl {stack.url}/api/v1/video/generate {bearer} -H 'Content-Type: application/json' -d '{body}'",
            f"curl {stack.url}/api/v1/video/list {bearer}",
            ".venv/bin/clipferry videos list",
            "",
            f"From here on, you see {shown}.",
            "",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
