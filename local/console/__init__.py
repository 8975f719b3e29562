"""The console: a page that shows the local stack at work. Nothing of it is deployed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from local.console.endpoints import LOCAL, endpoints
from local.console.pages import FILES, page_server
from local.lambda_runtime.gateway import Gateway
from local.providers.base import FakeProvider

ROOT: Final = "/"


def mount(
    gateway: Gateway,
    *,
    values: Mapping[str, str],
    database_url: str,
    token: str | None,
    fakes: Mapping[str, FakeProvider],
    misconfigured: Callable[[], str | None],
) -> None:
    """Serves the page at `/`, and its own endpoints under `/local/`. `values` are the handlers' settings.

    `misconfigured` returns what a handler last said of them when it couldn't work with them.
    """
    page = page_server(files=values["STORAGE_DOMAIN"], uploads=values["STORAGE_ENDPOINT"])
    gateway.mount(ROOT, page)
    gateway.mount(FILES, page)
    gateway.mount(
        LOCAL,
        endpoints(
            database_url=database_url,
            token=token,
            fakes=fakes,
            reconcile_seconds=float(values.get("RECONCILE_INTERVAL_SECONDS") or 60),
            misconfigured=misconfigured,
        ),
    )
