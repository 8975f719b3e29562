"""Source and bucket on 127.0.0.1: builds `server.c` and runs it on a processor of its own, with TLS."""

from __future__ import annotations

import os
import ssl
import subprocess
import threading
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.error import HTTPError

from local.postgres_server import free_port

HERE: Final = Path(__file__).parent
SERVER_CPU: Final = 1
BUCKET: Final = "films"
_CERTIFICATES: Final = """
curve="-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
openssl req -x509 $curve -keyout ca.key -out ca.pem -subj "/CN=bench" -days 2
openssl req $curve -keyout server.key -out server.csr -subj "/CN=localhost"
printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\\nbasicConstraints=CA:FALSE\\n' > extensions
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 2 -extfile extensions
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """The simulated network: `rate` in bytes a second for each connection, `latency` in milliseconds of the bucket."""

    name: str
    rate: int = 0
    latency: int = 0


@dataclass(slots=True, kw_only=True)
class Ends:
    """Source and bucket. `first_bytes` has the time, in nanoseconds, when the first byte for each key came."""

    folder: Path
    source_port: int
    sink_port: int
    first_bytes: dict[str, int] = field(default_factory=dict)
    parts: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def authorities(self) -> Path:
        return self.folder / "ca.pem"

    @property
    def sink_url(self) -> str:
        return f"https://localhost:{self.sink_port}"

    def film_url(self, size: int) -> str:
        return f"https://localhost:{self.source_port}/{size}.mp4"

    def stored(self, key: str) -> int:
        """Returns the number of bytes that the bucket has of an object."""
        request = urllib.request.Request(f"{self.sink_url}/{BUCKET}/{key}", method="HEAD")
        tls = ssl.create_default_context(cafile=self.authorities)
        with urllib.request.urlopen(request, context=tls) as response:
            return int(response.headers["Content-Length"])


def build(folder: Path) -> None:
    """Compiles the C programs and makes the certificates; needs a C compiler and OpenSSL with its headers."""
    for name, libraries in {
        "server": ["-lssl", "-lcrypto", "-lpthread"],
        "limit": ["-lssl", "-lcrypto"],
        "run": [],
    }.items():
        source = HERE / f"{name}.c"
        subprocess.run(["cc", "-O2", "-Wall", "-o", folder / name, source, *libraries], check=True)
    subprocess.run(["sh", "-ec", _CERTIFICATES], cwd=folder, check=True, stderr=subprocess.DEVNULL)


@contextmanager
def serving(folder: Path, network: Network) -> Iterator[Ends]:
    """Runs the server that `build` made in `folder`, until the block ends."""
    ends = Ends(folder=folder, source_port=free_port(), sink_port=free_port())
    numbers = [str(number) for number in (ends.source_port, ends.sink_port)]
    command = [str(folder / "server"), *numbers, "server.pem", "server.key", str(network.rate), str(network.latency)]
    process = subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, {SERVER_CPU}),  # noqa: PLW1509 (no other thread is alive yet)
    )
    listener = threading.Thread(target=_listen, args=(process, ends))
    listener.start()
    try:
        _wait(ends, process)
        yield ends
    finally:
        process.kill()
        process.wait()
        listener.join()


def _listen(process: subprocess.Popen[str], ends: Ends) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        key, _part, nanoseconds = line.split()
        ends.first_bytes.setdefault(key, int(nanoseconds))
        ends.parts[key] += 1


def _wait(ends: Ends, process: subprocess.Popen[str]) -> None:
    for _ in range(100):
        assert process.poll() is None, "the server has ended"
        try:
            ends.stored("nothing")
        except HTTPError:
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("the server doesn't answer")


def environment(ends: Ends) -> Mapping[str, str]:
    """The environment of every tool: keys, which the bucket doesn't check, and the certificates to trust."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "RCLONE_", "PYTHON"))}
    authorities = str(ends.authorities)
    return kept | {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "auto",
        "AWS_DEFAULT_REGION": "auto",
        "AWS_CA_BUNDLE": authorities,
        "AWS_CONFIG_FILE": str(ends.folder / "aws-config"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "CURL_CA_BUNDLE": authorities,
        "REQUESTS_CA_BUNDLE": authorities,
        "SSL_CERT_FILE": authorities,
        "RCLONE_CONFIG": str(ends.folder / "rclone.conf"),
        "STORAGE_ENDPOINT": ends.sink_url,
        "STORAGE_ACCESS_KEY": "key",
        "STORAGE_SECRET_KEY": "secret",
        "STORAGE_BUCKET": BUCKET,
        "STORAGE_REGION": "auto",
    }
