"""LiteLLM's proxy from PyPI, in a process of its own: no key of yours, no environment, and nobody but 127.0.0.1."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep

from clipferry.errors import ClipferryError
from clipferry.net.http_client import HttpClient

PROGRAM = Path(__file__).parents[2] / ".tools/litellm/bin/litellm"
KEY = "sk-test-master"
START_SECONDS = 180
STOP_SECONDS = 10
CONFIG = """
model_list:
  - model_name: studio
    litellm_params:
      model: openai/sora-2
      api_base: {upstream}/v1
      api_key: sk-upstream
router_settings:
  num_retries: {retries}
general_settings:
  master_key: {key}
litellm_settings:
  telemetry: false
"""


@contextmanager
def litellm(upstream: str, *, retries: int = 0) -> Iterator[str]:
    """Its address, until the block ends."""
    port = _free_port()
    with TemporaryDirectory() as folder:
        config = Path(folder) / "config.yaml"
        config.write_text(CONFIG.format(upstream=upstream, key=KEY, retries=retries))
        environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": folder,
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else it asks for one on GitHub
            "NO_PROXY": "127.0.0.1",
        }
        command = [str(PROGRAM), "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]
        log = Path(folder) / "log"
        with (
            log.open("w") as written,
            subprocess.Popen(command, env=environment, cwd=folder, stdout=written, stderr=written) as process,
        ):
            try:
                _wait(f"http://127.0.0.1:{port}", process, log)
                yield f"http://127.0.0.1:{port}"
            finally:
                process.terminate()
                try:
                    process.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    give_up = monotonic() + START_SECONDS
    client = HttpClient(url, allow_plain_http=True)
    while not _is_up(client):
        assert process.poll() is None, log.read_text()
        assert monotonic() < give_up, log.read_text()
        sleep(0.2)
    client.close()


def _is_up(client: HttpClient) -> bool:
    try:
        answer = client.request(
            "GET", "/health/liveliness", headers={}, body=None, connect_timeout=1, timeout=5, max_bytes=100_000
        )
    except ClipferryError:
        return False
    return answer.status == 200


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]
