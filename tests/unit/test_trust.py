"""Which certificates are trusted: the layer's folder of them, the system's, or those that the owner names."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clipferry.errors import RequestNotSentError
from clipferry.net import connection, trust
from clipferry.net.http_client import HttpClient
from local.certificates import make_certificate, serving_tls, trusting
from local.http.messages import Response
from local.http.server import HttpServer
from tests.programs import need

ROOT = Path(__file__).parents[2]


@pytest.fixture
def certificate(tmp_path: Path) -> Callable[[str], Path]:
    return lambda name: make_certificate(tmp_path / f"{name}.pem", "localhost", subject=name)


@pytest.fixture(autouse=True)
def unasked(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing is known yet of this process's authorities, and the system has none."""
    need("openssl")  # it makes the layer's folder
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(trust, "system_tls", lambda: pytest.fail("the system's bundle was read"))
    trust.default_tls.cache_clear()
    yield
    trust.default_tls.cache_clear()


def ship(monkeypatch: pytest.MonkeyPatch, folder: Path, *certificates: Path) -> list[str]:
    """Makes the layer's folder as its build does, of a bundle; returns the files' names."""
    bundle = folder / "bundle.pem"
    bundle.write_text("".join(f"# a comment\n{certificate.read_text()}" for certificate in certificates))
    subprocess.run([ROOT / "tools" / "hash_certificates.sh", bundle, folder / "roots"], check=True)
    monkeypatch.setattr(trust, "ROOTS", str(folder / "roots"))
    return sorted(file.name for file in (folder / "roots").iterdir())


def the_system_has(monkeypatch: pytest.MonkeyPatch, certificate: Path) -> None:
    context = trusting(certificate)
    monkeypatch.setattr(trust, "system_tls", lambda: context)
    monkeypatch.setattr(connection, "system_tls", lambda: context)


def is_trusted(certificate: Path) -> bool:
    server = HttpServer(tls=serving_tls(certificate))
    with server.serving(lambda _: Response(status=204)):
        client = HttpClient(server.url.replace("127.0.0.1", "localhost"), allow_plain_http=False)
        try:
            answer = client.request("GET", "/", headers={}, body=None, connect_timeout=30, timeout=30, max_bytes=1000)
        except RequestNotSentError as error:
            return "CERTIFICATE_VERIFY_FAILED" not in str(error)
        finally:
            client.close()
        return answer.status == 204


def test_the_folder_is_used_and_the_systems_bundle_is_not_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, certificate: Callable[[str], Path]
) -> None:
    ours = certificate("ours")
    assert ship(monkeypatch, tmp_path, ours)
    assert is_trusted(ours)


def test_authorities_of_one_name_have_files_of_their_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    both = [make_certificate(tmp_path / f"{name}.pem", "localhost") for name in ("one", "other")]
    first, second = ship(monkeypatch, tmp_path, *both)
    assert (first[-2:], second[-2:], first[:-2]) == (".0", ".1", second[:-2])


def test_an_authority_that_is_newer_than_the_layer_is_looked_up_in_the_system(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, certificate: Callable[[str], Path]
) -> None:
    newer = certificate("newer")
    ship(monkeypatch, tmp_path, certificate("old"))
    the_system_has(monkeypatch, newer)
    assert is_trusted(newer)
    assert not is_trusted(certificate("stranger"))


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_what_the_owner_names_wins(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, certificate: Callable[[str], Path], variable: str
) -> None:
    layers, owners = certificate("layers"), certificate("owners")
    ship(monkeypatch, tmp_path, layers)
    the_system_has(monkeypatch, owners)  # which reads the variable
    monkeypatch.setenv(variable, str(owners))
    assert is_trusted(owners)
    assert not is_trusted(layers)


def test_lambdas_own_choice_is_not_the_owners(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, certificate: Callable[[str], Path]
) -> None:
    ours = certificate("ours")
    ship(monkeypatch, tmp_path, ours)
    monkeypatch.setenv("SSL_CERT_FILE", "/etc/pki/tls/certs/ca-bundle.crt")
    assert is_trusted(ours)


def test_a_checkout_has_no_folder_and_takes_the_systems(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, certificate: Callable[[str], Path]
) -> None:
    monkeypatch.setattr(trust, "ROOTS", str(tmp_path / "nothing"))
    ours = certificate("ours")
    the_system_has(monkeypatch, ours)
    assert is_trusted(ours)
