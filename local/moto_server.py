"""SQS, and what tests need besides, from PyPI (moto), on a free port of 127.0.0.1, gone when their block ends.

They run in a process of their own: moto keeps its buckets and queues in module globals, so two of them in one
process would share them, and a mirror's bytes would wait for the interpreter that serves them. That process ends
with its standard input, so it never outlives its parent, however that one died.
"""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property

HOST = "127.0.0.1"


class EmbeddedAws:
    """A server that is starting, or has started."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    @cached_property
    def endpoint(self) -> str:
        """For S3 and SQS alike, with any credentials and any region; waits until it is there."""
        assert self._process.stdout is not None
        port = self._process.stdout.readline().strip()
        if not port:
            raise RuntimeError("moto's server did not start")
        return f"http://{HOST}:{port}"


@contextmanager
def embedded_aws() -> Iterator[EmbeddedAws]:
    """Starts the server, and ends it with the block."""
    process = subprocess.Popen(
        [sys.executable, "-m", "local.moto_server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is the parent's business, which needs it to end in order
        text=True,
    )
    with process:  # leaving it closes its input and waits
        yield EmbeddedAws(process)


def main() -> None:
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address=HOST, port=0, verbose=False)
    server.start()
    print(server.get_host_and_port()[1], flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
