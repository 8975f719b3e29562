"""psycopg's pipeline, without the one request that a pooler can't bear.

Leaving a pipeline, psycopg sends Sync and then Flush. Sync ends the transaction, so PgBouncer takes the server's
connection back; a Flush that comes after that is given another one, which nothing ever gives back: two clients that
were late by a fraction of a millisecond, and a pool of two has nothing left. Sync flushes by itself.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import psycopg
from psycopg.abc import PQGen


class SyncedPipeline(psycopg.Pipeline):
    """Overrides what psycopg keeps to itself (3.1 to 3.3); a test listens to the wire and would hear a change."""

    def _exit_gen(self) -> PQGen[None]:
        try:
            self._enqueue_sync()
            yield from self._communicate_gen()
        finally:
            yield from self._fetch_gen(flush=False)


def pipelined(connection: psycopg.Connection[Any]) -> AbstractContextManager[psycopg.Pipeline]:
    """`connection.pipeline()`, which takes a pipeline that is there already for its own."""
    connection._pipeline = SyncedPipeline(connection)  # noqa: SLF001
    return connection.pipeline()
