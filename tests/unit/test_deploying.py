"""`make deploy`: the parameters that a stack gets, and the order of SAM's commands."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from local.sam_template.intrinsics import parse
from tests.web import web

ROOT = Path(__file__).parents[2]
GIVEN = (
    "SecretsArn=arn:aws:secretsmanager:us-east-1:123456789012:secret:clipferry/dev-AbCdEf "
    "StorageEndpoint=https://0123456789abcdef.r2.cloudflarestorage.com StorageBucket=videos "
    "StorageDomain=https://cdn.example.com"
)


class Sam:
    """A fake `sam` that records its calls and fails at the command FAIL_AT.

    By default nobody listens at its stack's addresses.
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


@pytest.fixture
def sam(tmp_path: Path) -> Sam:
    return Sam(tmp_path)


def deploy(sam: Sam, stage: str, given: str = GIVEN, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "CLIPFERRY_PARAMETERS": given, "CLIPFERRY_API_KEY": "", **more}
    command = [sys.executable, str(ROOT / "tools/deploy.py"), stage, str(sam.path)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def as_sam_reads(calls: list[list[str]]) -> list[dict[str, str]]:
    """The parameters of `sam deploy` as SAM's own parser reads them, in SAM's own environment."""
    words = [call[call.index("--parameter-overrides") + 1 :] for call in calls]
    read = "import json, sys; from samcli.cli.types import CfnParameterOverridesType as T"
    read += "; json.dump([T().convert(tuple(one), None, None) for one in json.load(sys.stdin)], sys.stdout)"
    command = [str(ROOT / ".tools/sam/bin/python"), "-c", read]
    done = subprocess.run(command, input=json.dumps(words), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("stage", ["dev", "staging", "prod"])
def test_a_stack_gets_its_stages_parameters_the_owners_and_a_new_deploy_id(sam: Sam, stage: str) -> None:
    done = deploy(sam, stage)

    validate, deployed, outputs = sam.calls
    assert validate[:2] == ["validate", "--lint"]
    assert deployed[:3] == ["deploy", "--config-env", stage]
    assert outputs[:4] == ["list", "stack-outputs", "--config-env", stage]
    values = as_sam_reads([deployed])[0]
    assert values["Stage"] == stage
    assert values.items() > dict(word.split("=", 1) for word in GIVEN.split()).items()
    assert re.fullmatch(r"\d{8}T\d{6}Z", values["DeployId"])
    assert "http://127.0.0.1:1\n" in done.stdout
    assert "FAILED  health" in done.stdout, "the smoke test runs last"
    assert done.returncode == 1


def test_sam_reads_every_value_as_it_was_given_and_every_default_of_the_template(sam: Sam) -> None:
    """SAM keeps the stack's old value of a parameter that isn't given, and loses what follows a bare space."""
    said = {
        "RemoteAssetAllowedHosts": "a.example, *.b.example",
        "AlarmEmail": "",
        "StorageBucket": 'it\'s "mine" = yours Stage=prod',
        "StorageRegion": "'auto'",
    }

    done = deploy(sam, "dev", GIVEN + " " + " ".join(shlex.quote(f"{name}={value}") for name, value in said.items()))

    [values] = as_sam_reads(sam.calls[1:2])
    declared = parse((ROOT / "template.yaml").read_text())["Parameters"]
    assert values.keys() == declared.keys(), done.stderr
    assert values.items() >= (said | {"StorageRegion": "auto"}).items()
    untouched = declared.keys() - dict(word.split("=", 1) for word in GIVEN.split()).keys() - said.keys()
    for name in untouched - {"Stage", "DeployId", "Rollout", "LogRetentionDays"}:
        assert values[name] == str(declared[name]["Default"]), name


@pytest.mark.parametrize(
    "overrides",
    [
        ["Stage=dev", 'RemoteAssetAllowedHosts="a, b"'],
        "Stage=dev RemoteAssetAllowedHosts='a, b'",
        {"Stage": "dev", "RemoteAssetAllowedHosts": "a, b", "FunctionMemory": 512},
    ],
    ids=["a list", "a string", "a table"],
)
def test_overrides_are_read_in_each_form_that_sam_takes(monkeypatch: pytest.MonkeyPatch, overrides: Any) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    tool = import_module("deploy")
    config = {"dev": {"global": {"parameters": {"parameter_overrides": overrides}}}}

    values = tool.parameters("dev", config, GIVEN, datetime(2026, 11, 29, tzinfo=UTC))

    assert (values["RemoteAssetAllowedHosts"], values["Stage"], values["FunctionMemory"]) == ("a, b", "dev", "512")
    assert values["DeployId"] == "20261129T000000Z"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("StorageBukket=x", "StorageBukket: template.yaml has no such parameter"),
        ("'StorageBucket=a\\b'", "StorageBucket has a backslash"),
    ],
)
def test_what_sam_would_lose_silently_is_refused(sam: Sam, given: str, told: str) -> None:
    done = deploy(sam, "dev", f"{GIVEN} {given}")

    assert told in done.stderr
    assert "deploy" not in [call[0] for call in sam.calls]


def test_the_target_of_a_new_domain_is_printed_and_the_api_is_tested_at_awss_own_address(tmp_path: Path) -> None:
    """In a first deployment the domain can't have a CNAME record yet."""
    with web(200, b'{"success":true,"data":{"status":"ok"}}') as api:
        sam = Sam(tmp_path, ApiUrl="https://api.invalid", DomainTarget="d-1.execute-api.example.com", AwsUrl=api.url)
        done = deploy(sam, "prod")

    assert "https://api.invalid\n" in done.stdout
    assert "CNAME record has to point at d-1.execute-api.example.com\n" in done.stdout
    assert "ok      health" in done.stdout


@pytest.mark.parametrize(("command", "calls"), [("validate", 1), ("deploy", 2)])
def test_no_command_follows_one_that_failed(sam: Sam, command: str, calls: int) -> None:
    done = deploy(sam, "dev", FAIL_AT=command)

    assert done.returncode == 1
    assert f"`sam {command}` failed" in done.stderr
    assert len(sam.calls) == calls


def test_an_unknown_stage_is_refused(sam: Sam) -> None:
    assert "one of dev, staging and prod" in deploy(sam, "local").stderr
    assert sam.calls == []


def test_missing_parameters_are_named_and_nothing_is_deployed(sam: Sam) -> None:
    done = deploy(sam, "dev", "StorageBucket=videos")

    assert "SecretsArn, StorageEndpoint, StorageDomain" in done.stderr
    assert sam.calls == []


def test_an_architecture_that_the_build_would_ignore_is_refused(sam: Sam) -> None:
    assert "samconfig.toml" in deploy(sam, "dev", GIVEN + " Architecture=arm64").stderr
    assert sam.calls == []


def test_each_stage_is_a_stack_and_has_only_parameters_of_the_template() -> None:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    parameters = parse((ROOT / "template.yaml").read_text())["Parameters"]
    for stage in ("dev", "staging", "prod"):
        assert config[stage]["global"]["parameters"]["stack_name"] == f"clipferry-{stage}"
        given = dict(word.split("=", 1) for word in config[stage]["global"]["parameters"]["parameter_overrides"])
        assert given["Stage"] == stage
        assert given["Rollout"] == ("all-at-once" if stage == "dev" else "canary")
        for name, value in given.items():
            assert value in map(str, parameters[name].get("AllowedValues", [value]))
