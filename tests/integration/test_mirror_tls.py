"""The mirror as it is deployed: TLS to the source and to the bucket."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from clipferry.errors import SourceError, StorageError
from local.certificates import make_certificate, serving_tls, trusting
from local.r2.faults import Fault, FaultKind
from tests.integration.mirror_fixtures import KEY, PART, Behaviour, film, serving, sha256, storage_for, strict_r2


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("tls") / "localhost.pem", "localhost")


def mirrored(certificate: Path, behaviour: Behaviour, *faults: Fault, workers: int = 3) -> int:
    """Mirrors over TLS, compares with the source, and gives the number of connections to the bucket."""
    with strict_r2(tls=serving_tls(certificate)) as r2, serving(behaviour, serving_tls(certificate)) as source:
        r2.fail(*faults)
        r2.url = r2.url.replace("127.0.0.1", "localhost")
        storage = storage_for(r2, tls=trusting(certificate), workers=workers, pause_seconds=0.01, stall_seconds=0.5)
        done = storage.transfer(source_url=source.url, key=KEY)
        storage.close()
        assert r2.bucket.objects[KEY].content == behaviour.content
        assert (done.sha256, r2.bucket.uploads) == (sha256(behaviour.content), {})
        return r2.connections


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("size", [8, PART - 1, PART, PART + 1, 9 * PART + 5])
def test_a_file_arrives_byte_for_byte(certificate: Path, size: int, workers: int) -> None:
    connections = mirrored(certificate, Behaviour(film(size)), workers=workers)
    assert connections <= workers + 1


@pytest.mark.parametrize("fault", ["early end", "reset", "drop", "stall"])
@pytest.mark.parametrize("size", [PART, 9 * PART])
def test_a_fault_of_the_source_is_made_good(certificate: Path, fault: str, size: int) -> None:
    """A connection that ends without TLS's close_notify may be a truncation attack: the length decides."""
    for skip in (0, 1):
        mirrored(certificate, Behaviour(film(size), fault=fault, skip=skip))


@pytest.mark.parametrize("kind", ["reset", "stall", "lost", "503"])
@pytest.mark.parametrize("size", [PART, 9 * PART])
def test_a_fault_of_the_bucket_is_made_good(certificate: Path, kind: FaultKind, size: int) -> None:
    operation = "PutObject" if size == PART else "UploadPart"
    mirrored(certificate, Behaviour(film(size)), Fault(operation=operation, kind=kind, after=PART // 2))


@pytest.mark.parametrize("stranger", ["source", "bucket"])
def test_nobody_who_cannot_prove_a_name_is_spoken_to(certificate: Path, tmp_path: Path, stranger: str) -> None:
    tls = {"source": serving_tls(certificate), "bucket": serving_tls(certificate)}
    tls[stranger] = serving_tls(make_certificate(tmp_path / "stranger.pem", "localhost"))
    with strict_r2(tls=tls["bucket"]) as r2, serving(Behaviour(film(3 * PART)), tls["source"]) as source:
        r2.url = r2.url.replace("127.0.0.1", "localhost")
        storage = storage_for(r2, tls=trusting(certificate), pause_seconds=0.01)
        with pytest.raises(
            SourceError if stranger == "source" else StorageError, match=ssl.SSLCertVerificationError.__name__
        ):
            storage.transfer(source_url=source.url, key=KEY)
        storage.close()
        assert r2.bucket.objects == {}
        assert (r2.received, source.behaviour.sent if stranger == "source" else 0) == (0, 0)
