"""Functions as SAM CLI builds and runs them, each in its container, and around them a database, S3, SQS and Evolink.

The containers share the machine's network: what they find at 127.0.0.1 are those parts. Docker has to be there.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from local.development_user import add_development_user
from local.moto_server import embedded_aws
from local.postgres import embedded_postgres
from local.postgres_server import free_port
from local.providers.evolink import fake_evolink
from tests.sam import sam_cli
from tests.sam.sam_cli import ARCHITECTURE, BUILD, KEY, ROOT, RunningStack, aws_client, run_sam, sam_environment

EVENTS = ROOT / "events"

Invoke = Callable[[str, dict[str, Any]], Any]
Build = Callable[..., Path]


@pytest.fixture(scope="session")
def build() -> Build:
    """Builds one resource, or all of them, for an architecture, into a folder of its own."""

    def run(architecture: str, *resource: str, into: Path) -> Path:
        overrides = ("--parameter-overrides", f"Architecture={architecture}")
        run_sam("build", *resource, "--cached", "--parallel", "--build-dir", str(into), *overrides)
        return into

    return run


@pytest.fixture(scope="session")
def built(build: Build) -> Path:
    return build(ARCHITECTURE, into=BUILD)


@pytest.fixture(scope="session")
def running_stack() -> Iterator[RunningStack]:
    with (
        embedded_postgres(timezone="Asia/Shanghai") as database_url,
        embedded_aws() as aws,
        fake_evolink(api_key=KEY, seconds=0) as evolink,
        closing(aws_client("s3", aws.endpoint)) as s3,
        closing(aws_client("sqs", aws.endpoint)) as sqs,
    ):
        s3.create_bucket(Bucket="clipferry")
        queue_url = sqs.create_queue(QueueName="clipferry-mirror")["QueueUrl"]
        values = {
            "DATABASE_URL": database_url,
            "STORAGE_ENDPOINT": aws.endpoint,
            "STORAGE_DOMAIN": f"{aws.endpoint}/clipferry",
            "EVOLINK_BASE_URL": evolink.base_url,
            "EVOLINK_API_KEY": KEY,
            "AI_CALLBACK_URL": f"http://127.0.0.1:{free_port()}/api/v1/video/callback",
            "MIRROR_QUEUE_URL": queue_url,
            "WEBHOOK_QUEUE_URL": sqs.create_queue(QueueName="clipferry-webhooks")["QueueUrl"],
            "AWS_ENDPOINT_URL_SQS": aws.endpoint,
        }
        environment = json.loads((EVENTS / "env.json").read_text())["Parameters"] | values
        yield RunningStack(
            database_url=database_url, evolink=evolink, s3=s3, sqs=sqs, queue_url=queue_url, environment=environment
        )


@pytest.fixture(scope="session")
def local_options(
    built: Path, running_stack: RunningStack, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, ...]:
    """The options that every `sam local` is called with."""
    env_vars = tmp_path_factory.mktemp("sam") / "env.json"
    env_vars.write_text(json.dumps({"Parameters": running_stack.environment}))
    return sam_cli.local_options(built, env_vars)


@pytest.fixture(scope="session")
def invoke(local_options: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Invoke:
    """Runs one function with one event, and gives its answer; a function's error fails the test."""
    folder = tmp_path_factory.mktemp("events")

    def run(function: str, event: dict[str, Any]) -> Any:
        path = folder / f"{function}.json"
        path.write_text(json.dumps(event))
        answer = json.loads(run_sam("local", "invoke", function, "--event", str(path), *local_options))
        assert "errorMessage" not in answer
        return answer

    return run


@pytest.fixture(scope="session")
def stored_event() -> Callable[[str], dict[str, Any]]:
    """An event of events/, as it is there."""
    return lambda name: json.loads((EVENTS / f"{name}.json").read_text())


@pytest.fixture(scope="session")
def event_for() -> Callable[[str, str], dict[str, Any]]:
    """An event of events/ for one video, made as events/README.md says."""

    def make(name: str, video_uuid: str) -> dict[str, Any]:
        command = [sys.executable, str(EVENTS / "for_video.py"), name, video_uuid]
        return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    return make


@pytest.fixture(scope="session")
def migrated(invoke: Invoke, running_stack: RunningStack, stored_event: Callable[[str], dict[str, Any]]) -> list[str]:
    """The migrations that MigrateFunction has applied; then there is a user, too."""
    answer = invoke("MigrateFunction", stored_event("migrate"))
    add_development_user(running_stack.database_url)
    return answer["applied"]


@pytest.fixture(scope="session")
def api(
    local_options: tuple[str, ...],
    running_stack: RunningStack,
    migrated: list[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[str]:
    """The HTTP API's base URL, where the fake Evolink calls back, too; `make start-api` runs it, but for the build."""
    port = running_stack.environment["AI_CALLBACK_URL"].split("/")[2].partition(":")[2]
    url = f"http://127.0.0.1:{port}"
    log = tmp_path_factory.mktemp("api") / "log"
    command = ["make", "start-api", "SAM=:", f"ARGS={shlex.join(['--port', port, *local_options])}"]
    with (
        log.open("w") as output,
        subprocess.Popen(
            command, cwd=ROOT, env=sam_environment(), stdout=output, stderr=output, start_new_session=True
        ) as server,
    ):
        try:
            _wait_until_it_answers(f"{url}/api/v1/nothing", server, log)
            yield url
        finally:
            os.killpg(server.pid, signal.SIGTERM)  # SAM takes its containers with it; under nohup Ctrl-C is ignored
            server.wait()
            sys.stdout.write(log.read_text())


def _wait_until_it_answers(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    while server.poll() is None:
        try:
            with urlopen(url, timeout=60):
                return
        except URLError as error:
            if getattr(error, "code", None) is not None:  # an HTTP error is an answer
                return
        time.sleep(0.2)
    pytest.fail(f"sam local start-api ended:\n{log.read_text()}")
