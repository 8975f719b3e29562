"""Runs a fake provider: for a block, or by itself from the command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, TypeVar

from local.http.server import HttpServer
from local.providers.base import FakeProvider, Options
from local.signals import stop_requested

Fake = TypeVar("Fake", bound=FakeProvider)


@contextmanager
def serving(make: Callable[[str, Options], Fake], *, port: int = 0, **options: Any) -> Iterator[Fake]:
    """Serves the fake that `make` makes for a base URL and `Options`, whose fields the rest is.

    It is on 127.0.0.1 until the block ends; then every thread has ended, too.
    """
    server = HttpServer(port=port)
    fake = make(server.url, Options(**options))
    with ExitStack() as ending:  # backwards: waits are cut short, then connections end, then tasks
        ending.callback(fake.runner.join)
        ending.enter_context(server.serving(fake.respond))
        ending.callback(fake.runner.interrupt)
        yield fake


def run_alone(
    name: str, start: Callable[..., AbstractContextManager[FakeProvider]], *, port: int, api_key: str
) -> None:
    """Runs a fake until Ctrl-C. `start` takes its key, its port and the seconds of a task."""
    parser = argparse.ArgumentParser(description=f"A fake {name}, for trying things out.")
    parser.add_argument("--port", type=int, default=port)
    parser.add_argument("--api-key", default=api_key)
    parser.add_argument("--seconds", type=float, default=2.0, help="how long a task takes")
    options = parser.parse_args()
    with stop_requested() as stop, start(**vars(options)) as fake:
        print(f"A fake {name} on {fake.base_url}, its API key is {options.api_key}. Ctrl-C ends it.", flush=True)
        stop.wait()
