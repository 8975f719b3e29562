"""DATABASE_URL's TLS parameters, before a server that speaks it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from benchmarks.tls_front import tls_front
from clipferry.db import server_certificates
from clipferry.db.connection import Database
from clipferry.errors import DatabaseUnavailableError
from local.certificates import make_certificate
from tests.database import MIGRATIONS, apply_migrations


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


@pytest.mark.parametrize("asked", [{"sslmode": "verify-full"}, {"sslrootcert": "system"}], ids=["mode", "system"])
def test_a_check_without_a_file_is_made_with_the_systems_authorities(
    tls_url: str, certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: dict[str, str]
) -> None:
    """OpenSSL's variable stands for Lambda's /etc/pki/tls/certs/ca-bundle.crt: psycopg's own OpenSSL finds neither."""
    url = make_conninfo(tls_url, **asked)

    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert one(url) == {"one": 1}
    assert apply_migrations(url, MIGRATIONS, dry_run=True) == []

    monkeypatch.setenv("SSL_CERT_FILE", str(make_certificate(tmp_path / "other.pem", "localhost")))
    with pytest.raises(DatabaseUnavailableError):
        one(url)
    with pytest.raises(DatabaseUnavailableError):
        apply_migrations(url, MIGRATIONS, dry_run=True)


@pytest.mark.parametrize(
    ("url", "is_checked"),
    [
        ("postgresql://u:p@db.example.com/app?sslmode=verify-full", True),
        ("postgresql://u:p@db.example.com/app?sslrootcert=system", True),
        ("postgresql://u:p@db.example.com/app?sslmode=require", False),
        ("postgresql://u:p@db.example.com/app?sslmode=verify-ca&sslrootcert=/opt/certificates/ca.pem", False),
        ("postgresql://u:p@db.example.com/app", False),
        ("postgresql://u:p@127.0.0.1:5432/app", True),
        ("postgresql:///app?host=/var/run/postgresql", True),
        ("host=localhost dbname=app", True),
    ],
)
def test_who_has_to_prove_its_name(url: str, is_checked: bool) -> None:
    assert server_certificates.are_checked(url) == is_checked


@pytest.mark.parametrize(
    "end", ["sslmode=require", "sslmode=verify-full&sslrootcert=/opt/certificates/ca.pem", "", "%"]
)
def test_a_url_that_asks_for_no_check_or_names_its_file_stays_as_it_is(end: str) -> None:
    assert server_certificates.parameters(f"postgresql://u:p@db.example.com/app?{end}") == {}


def test_a_server_without_tls_is_not_spoken_to_where_tls_is_asked_for(database_url: str) -> None:
    with pytest.raises(DatabaseUnavailableError):
        one(make_conninfo(database_url, sslmode="require"))
