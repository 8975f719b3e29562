"""A strict R2 that the handlers of this process store files in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from clipferry import runtime
from local.r2.server import FakeR2
from local.sam_template.environment import in_process
from tests.http_api import environment


@contextmanager
def bucket_of_handlers(database_url: str, **settings: str) -> Iterator[FakeR2]:
    """Serves the bucket, and sets what the handlers need, `settings` too, until the block ends."""
    with FakeR2() as r2:
        own = {
            "STORAGE_ENDPOINT": r2.url,
            "STORAGE_REGION": "auto",
            "STORAGE_BUCKET": r2.name,
            "STORAGE_ACCESS_KEY": r2.access_key,
            "STORAGE_SECRET_KEY": r2.secret_key,
        }
        with in_process({**environment(database_url), **own, **settings}):
            runtime.reset()
            yield r2
            runtime.reset()
