"""The command line on the test's database, moto's AWS, a fake R2, and a proxy that can cut connections."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any

import boto3
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from clipferry.db.connection import Database
from local.moto_server import embedded_aws
from local.r2.server import FakeR2
from tests import books, command_line
from tests.callback_receiver import Receiver, receiving
from tests.command_line import Clipferry
from tests.database import new_database
from tests.integration.operator_fakes import Sqs
from tests.provider_answers import ScriptedApi, scripted_api
from tests.proxy import Proxy


@pytest.fixture
def ann(database: Database) -> Iterator[str]:
    """A user, whose books are right when the test is over."""
    books.add_user(database)
    yield "ann"
    assert books.breaches(database) == []


@pytest.fixture
def rich_ann(database: Database) -> None:
    """A user with more credits than a test takes."""
    books.add_user(database)
    books.add_package(database, 10_000)


@pytest.fixture
def ann_with_seven(ann: str, database: Database) -> None:
    """She can pay for seven videos of 10 credits, and has 5 left then."""
    books.add_package(database, 45, days=30)
    books.add_package(database, 30)


@pytest.fixture
def clipferry(database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Clipferry:
    """The command line on the test's database."""
    return command_line.runner(database_url, monkeypatch, capsys)


@pytest.fixture
def empty_url(server_url: str) -> Iterator[str]:
    """A database of the test's own, without a table."""
    with new_database(server_url) as url:
        yield url


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    """The endpoint of moto's AWS."""
    with embedded_aws() as server:
        yield server.endpoint


@pytest.fixture(scope="module")
def aws_client(aws: str) -> Iterator[Callable[..., Any]]:
    """Makes boto3's client of a service there, in a region."""
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    with ExitStack() as clients:

        def make(service: str, region: str = "us-east-1") -> Any:
            client: Any = boto3.client(service, endpoint_url=aws, region_name=region, **keys)
            return clients.enter_context(closing(client))

        yield make


@pytest.fixture
def r2() -> Iterator[FakeR2]:
    with FakeR2() as server:
        yield server


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Where a provider calls back."""
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def server() -> Iterator[ScriptedApi]:
    """A provider that gives scripted answers."""
    with scripted_api() as server:
        yield server


@pytest.fixture(scope="module")
def sqs_server(aws: str, aws_client: Callable[..., Any]) -> Sqs:
    return Sqs(aws, aws_client("sqs"))


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
