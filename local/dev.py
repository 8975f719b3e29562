"""`make dev`: the local stack, kept running on PORT (8787) until Ctrl-C."""

from __future__ import annotations

import logging
import os
import sys
from threading import Event
from typing import TYPE_CHECKING, Final

from local.signals import stop_requested

if TYPE_CHECKING:
    from local.stack import Stack

PORT: Final = "8787"
DEFAULTS: Final = {"RECONCILE_INTERVAL_SECONDS": "10"}
"""Deployed, it is a minute: too long to wait for a lost callback. Your own environment replaces it."""


def main() -> int:
    """Exit status: 0 when it was stopped, 1 when it can't run, 2 for a PORT that isn't one."""
    port = os.environ.get("PORT") or PORT
    if not (port.isascii() and port.isdecimal() and int(port) <= 65_535):
        print(f"PORT is {port!r}, which is not a port.", file=sys.stderr)
        return 2
    with stop_requested() as stop:
        return _run(int(port), stop)


def _run(port: int, stop: Event) -> int:
    from local.stack import FAILURES, PortTakenError, local_stack, reason  # long; Ctrl-C is in our hands by now

    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
    print("Clipferry is starting …", flush=True)
    try:
        with local_stack(port=port, environment=_environment()) as stack:
            print(_summary(stack), flush=True)
            stop.wait()
            print("\nClipferry is stopping …", flush=True)
    except PortTakenError as error:
        print(f"{error}: stop what listens there, or take another one, like PORT=8788.", file=sys.stderr)
        return 1
    except FAILURES as error:
        if not stop.is_set():
            print(f"Clipferry can't start: {reason(error)}", file=sys.stderr)
            return 1
    return 0


def _environment() -> dict[str, str]:
    """Returns your own variables, with the usual ones where you have set none."""
    return dict(os.environ) | {name: os.environ.get(name) or usual for name, usual in DEFAULTS.items()}


def _summary(stack: Stack) -> str:
    lines = [
        "",
        f"Clipferry runs on {stack.url} until Ctrl-C: open it in a browser.",
        "",
        *(f"  {service.name:<12}{service.origin:<10}{service.address}" for service in stack.services),
        "",
    ]
    if stack.token is None:
        lines.append("Your database isn't on this machine, so it wasn't migrated and no user was added.")
        return "\n".join(lines)
    return "\n".join(
        [
            *lines,
            "The development user's token is dev-session-token. Try:",
            "",
            f"  curl {stack.url}/api/v1/video/generate -H 'Authorization: Bearer {stack.token}' \\",
            "    -H 'Content-Type: application/json' \\",
            """    -d '{"prompt":"A ferry crosses the bay at dawn","model":"seedance-2.0","duration":5}'""",
            "",
            f"  curl {stack.url}/api/v1/video/list -H 'Authorization: Bearer {stack.token}'",
            "",
            "From here on, you see the handlers' log.",
            "",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
