"""`make deploy`: which parameters a stack gets, and in which order SAM is asked."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from local.sam_template.intrinsics import parse

ROOT = Path(__file__).parents[2]
GIVEN = (
    "SecretsArn=arn:aws:secretsmanager:us-east-1:123456789012:secret:clipferry/dev-AbCdEf "
    "StorageEndpoint=https://0123456789abcdef.r2.cloudflarestorage.com StorageBucket=videos "
    "StorageDomain=https://cdn.example.com"
)


class Sam:
    """A `sam` that writes down how it was called, and fails at the command that it is told to.

    Nobody listens at any of its stack's addresses.
    """

    def __init__(self, folder: Path, **outputs: str) -> None:
        self._log = folder / "log"
        self._log.touch()
        self.path = folder / "sam"
        given = {"ApiUrl": "http://127.0.0.1:1", "AwsUrl": "http://127.0.0.1:1"} | outputs
        listed = json.dumps([{"OutputKey": key, "OutputValue": value} for key, value in given.items()])
        self.path.write_text(
            f"#!{sys.executable}\nimport json, os, sys\n"
            f"open({str(self._log)!r}, 'a').write(json.dumps(sys.argv[1:]) + '\\n')\n"
            f"if sys.argv[1] == 'list': print({listed!r})\n"
            "sys.exit(sys.argv[1] == os.environ.get('FAIL_AT'))\n"
        )
        self.path.chmod(0o755)

    @property
    def calls(self) -> list[list[str]]:
        return [json.loads(line) for line in self._log.read_text().splitlines()]


class _Answer(BaseHTTPRequestHandler):
    """The server's `body` to every GET."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.server.body)  # type: ignore[attr-defined]

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name it has there
        pass


@contextmanager
def answering(body: bytes) -> Iterator[str]:
    """An address that answers so."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answer) as server:
        server.body = body  # type: ignore[attr-defined]
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def sam(tmp_path: Path) -> Sam:
    return Sam(tmp_path)


def deploy(sam: Sam, stage: str, given: str = GIVEN, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "CLIPFERRY_PARAMETERS": given, "CLIPFERRY_API_KEY": "", **more}
    command = [sys.executable, str(ROOT / "tools/deploy.py"), stage, str(sam.path)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("stage", ["dev", "staging", "prod"])
def test_stack_gets_the_stages_parameters_the_owners_and_a_new_id(sam: Sam, stage: str) -> None:
    done = deploy(sam, stage)

    validate, deployed, outputs = sam.calls
    assert validate[:2] == ["validate", "--lint"]
    assert deployed[:3] == ["deploy", "--config-env", stage]
    assert outputs[:4] == ["list", "stack-outputs", "--config-env", stage]
    words = deployed[deployed.index("--parameter-overrides") + 1 :]
    assert words[0] == f"Stage={stage}"
    assert set(GIVEN.split()) < set(words)
    assert re.fullmatch(r"DeployId=\d{8}T\d{6}Z", words[-1])
    assert "http://127.0.0.1:1\n" in done.stdout
    assert "FAILED  health" in done.stdout, "the smoke test is the end of it"
    assert done.returncode == 1


def test_a_new_domain_is_told_where_to_point_and_the_api_is_tried_at_its_own_address(tmp_path: Path) -> None:
    """A first deployment: there is no such host as api.example.com yet, and nobody knew where it has to point."""
    with answering(b'{"success":true,"data":{"status":"ok"}}') as address:
        sam = Sam(tmp_path, ApiUrl="https://api.invalid", DomainTarget="d-1.execute-api.example.com", AwsUrl=address)
        done = deploy(sam, "prod")

    assert "https://api.invalid\n" in done.stdout
    assert "CNAME record has to point at d-1.execute-api.example.com\n" in done.stdout
    assert "ok      health" in done.stdout


@pytest.mark.parametrize(("command", "calls"), [("validate", 1), ("deploy", 2)])
def test_nothing_follows_what_has_failed(sam: Sam, command: str, calls: int) -> None:
    done = deploy(sam, "dev", FAIL_AT=command)

    assert done.returncode == 1
    assert f"`sam {command}` failed" in done.stderr
    assert len(sam.calls) == calls


def test_stage_that_there_is_not_is_refused(sam: Sam) -> None:
    assert "one of dev, staging and prod" in deploy(sam, "local").stderr
    assert sam.calls == []


def test_what_only_the_owner_knows_is_asked_for(sam: Sam) -> None:
    done = deploy(sam, "dev", "StorageBucket=videos")

    assert "SecretsArn, StorageEndpoint, StorageDomain" in done.stderr
    assert sam.calls == []


def test_architecture_that_the_build_would_not_hear_of_is_refused(sam: Sam) -> None:
    assert "samconfig.toml" in deploy(sam, "dev", GIVEN + " Architecture=arm64").stderr
    assert sam.calls == []


def test_stages_are_three_stacks_with_parameters_that_the_template_has() -> None:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    parameters = parse((ROOT / "template.yaml").read_text())["Parameters"]
    for stage in ("dev", "staging", "prod"):
        assert config[stage]["global"]["parameters"]["stack_name"] == f"clipferry-{stage}"
        given = dict(word.split("=", 1) for word in config[stage]["global"]["parameters"]["parameter_overrides"])
        assert given["Stage"] == stage
        assert given["Rollout"] == ("all-at-once" if stage == "dev" else "canary")
        for name, value in given.items():
            assert value in map(str, parameters[name].get("AllowedValues", [value]))
