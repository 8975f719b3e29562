"""The command line on the test's database, moto's SQS, and a database behind a proxy that can cut the connection."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from clipferry.db.connection import Database
from tests import command_line
from tests.command_line import Clipferry
from tests.integration import operator_fakes
from tests.integration.operator_fakes import Sqs
from tests.proxy import Proxy


@pytest.fixture
def clipferry(database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Clipferry:
    """The command line on the test's database."""
    return command_line.runner(database_url, monkeypatch, capsys)


@pytest.fixture(scope="module")
def sqs_server() -> Iterator[Sqs]:
    with operator_fakes.sqs() as queues:
        yield queues


@pytest.fixture
def queues(sqs_server: Sqs) -> Sqs:
    """An empty mirror queue with an empty dead-letter queue."""
    sqs_server.renew()
    return sqs_server


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
        tx.execute("select 1", {})
    yield database
    database.close()
