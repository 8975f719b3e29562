"""A database that is reached through a proxy which listens to the wire and can cut it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from clipferry.db.connection import Database
from tests.proxy import Proxy


@pytest.fixture
def proxy(database_url: str) -> Iterator[Proxy]:
    server = conninfo_to_dict(database_url)
    proxy = Proxy((str(server["host"]), int(server["port"] or 5432)))
    yield proxy
    proxy.close()


@pytest.fixture
def proxied(database_url: str, proxy: Proxy) -> Iterator[Database]:
    """A database that is reached through the proxy, and has been used."""
    database = Database(make_conninfo(database_url, host="127.0.0.1", port=proxy.port))
    with database.transaction() as tx:
        tx.send("select 1", {})
    yield database
    database.close()
