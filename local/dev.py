"""`make dev`: the local stack, kept running on PORT (8787) until Ctrl-C."""

from __future__ import annotations

import logging
import os
import sys

from clipferry.errors import ClipferryError

from local.development_user import CREDITS
from local.http_server import PortTakenError
from local.signals import stop_requested
from local.stack import Stack, StackError, local_stack
from local.template import TemplateError

PORT = "8787"


def main() -> int:
    """Exit status: 0 when it was stopped, 1 when it can't run, 2 for a PORT that isn't one."""
    port = os.environ.get("PORT") or PORT
    if not port.isdecimal() or int(port) > 65_535:
        print(f"PORT is {port!r}, which is no port.", file=sys.stderr)
        return 2
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
    print("Clipferry is starting …", flush=True)
    try:
        with stop_requested() as stop, local_stack(port=int(port), environment=os.environ) as stack:
            print(_summary(stack), flush=True)
            stop.wait()
            print("\nClipferry is stopping …", flush=True)
    except PortTakenError as error:
        print(f"{error}. Stop the other program, or choose another port: PORT=8788 make dev", file=sys.stderr)
        return 1
    except (StackError, TemplateError) as error:
        print(error, file=sys.stderr)
        return 1
    except ClipferryError as error:
        print(f"{error.message} {error}", file=sys.stderr)
        return 1
    return 0


def _summary(stack: Stack) -> str:
    lines = [
        "",
        f"Clipferry runs on {stack.url} until Ctrl-C.",
        "",
        *(f"  {part.name:<12}{part.address:<36}{'embedded' if part.is_embedded else 'yours'}" for part in stack.parts),
        "",
    ]
    if stack.token is None:
        lines.append("Your database isn't on this machine: it is not migrated, and has no development user.")
        return "\n".join(lines)
    body = '{"prompt":"A ferry crosses the bay at dawn","model":"seedance-2.0","duration":5}'
    return "\n".join(
        [
            *lines,
            f"Your token is {stack.token}; it has {CREDITS} credits to begin with. Try:",
            "",
            f"  curl {stack.url}/api/v1/video/generate -H 'Authorization: Bearer {stack.token}' \\",
            f"    -H 'Content-Type: application/json' -d '{body}'",
            "",
            f"  curl {stack.url}/api/v1/video/list -H 'Authorization: Bearer {stack.token}'",
            "",
            "What the handlers log follows.",
            "",
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
