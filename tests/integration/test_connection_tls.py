"""DATABASE_URL's TLS parameters, before a server that speaks it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from benchmarks.tls_front import tls_front
from clipferry.db.connection import Database
from clipferry.errors import DatabaseUnavailableError
from local.certificates import make_certificate


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return make_certificate(tmp_path / "localhost.pem", "localhost")


@pytest.fixture
def tls_url(database_url: str, certificate: Path) -> Iterator[str]:
    port = int(conninfo_to_dict(database_url)["port"] or 5432)
    with tls_front(certificate, {"postgres": port}) as front:
        yield make_conninfo(database_url, host="localhost", port=front.ports["postgres"])


def one(url: str) -> object:
    database = Database(url)
    try:
        with database.transaction() as tx:
            asked = tx.query_dicts("select 1 as one", {})
        return asked.first()
    finally:
        database.close()


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
def test_a_server_is_spoken_to_over_tls(tls_url: str, certificate: Path, mode: str) -> None:
    assert one(make_conninfo(tls_url, sslmode=mode, sslrootcert=str(certificate))) == {"one": 1}


def test_a_server_that_cannot_prove_its_name_is_not_spoken_to(tls_url: str, certificate: Path, tmp_path: Path) -> None:
    other = make_certificate(tmp_path / "other.pem", "localhost")
    with pytest.raises(DatabaseUnavailableError):
        one(make_conninfo(tls_url, sslmode="verify-full", sslrootcert=str(other)))
    with pytest.raises(DatabaseUnavailableError):
        one(make_conninfo(tls_url, host="127.0.0.1", sslmode="verify-full", sslrootcert=str(certificate)))


def test_a_server_without_tls_is_not_spoken_to_where_tls_is_asked_for(database_url: str) -> None:
    with pytest.raises(DatabaseUnavailableError):
        one(make_conninfo(database_url, sslmode="require"))
