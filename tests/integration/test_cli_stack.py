"""`clipferry env` and `clipferry logs` on a stack in moto's CloudFormation."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests import command_line
from tests.command_line import Clipferry

STACK = "clipferry-dev"
VIDEO, OTHER = "vid_57lXdvhQRRQikCgrgPR3T", "vid_0000000000000000000-_"
AWKWARD = "it's $HOME; `id`"


def function(**environment: str) -> dict[str, Any]:
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Runtime": "python3.13",
            "Handler": "app.lambda_handler",
            "Role": {"Fn::GetAtt": ["Role", "Arn"]},
            "Code": {"ZipFile": "def lambda_handler(event, context): pass"},
            "Environment": {"Variables": environment},
        },
    }


TEMPLATE = {
    "Resources": {
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": []}},
        },
        "ReconcileFunction": function(STAGE="dev", ALLOWED_ORIGINS=AWKWARD, DATABASE_URL=""),
        "MirrorVideoFunction": function(),
        **{name: {"Type": "AWS::Logs::LogGroup"} for name in ("ReconcileLog", "MirrorVideoLog", "AccessLog")},
    }
}


@pytest.fixture
def groups(aws: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """The stack's physical ids, by the template's names; the shell is an operator's."""
    for name, value in {
        "AWS_ENDPOINT_URL": aws,
        "AWS_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "AKIATESTING",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_SESSION_TOKEN": "token",
    }.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "CLIPFERRY_STACK"):
        monkeypatch.delenv(name, raising=False)
    client: Any = boto3.client("cloudformation", region_name="eu-central-1")
    client.create_stack(StackName=STACK, TemplateBody=json.dumps(TEMPLATE))
    found = client.list_stack_resources(StackName=STACK)["StackResourceSummaries"]
    yield {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in found}
    client.delete_stack(StackName=STACK)


@pytest.fixture
def clipferry(groups: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Clipferry:
    return command_line.runner("postgresql://nobody@127.0.0.1:9/none", monkeypatch, capsys)


def write(group: str, *lines: str | Mapping[str, object], minutes_ago: float = 1) -> None:
    client: Any = boto3.client("logs", region_name="eu-central-1")
    client.create_log_stream(logGroupName=group, logStreamName=str(minutes_ago))
    at = int((time.time() - 60 * minutes_ago) * 1000)
    texts = [line if isinstance(line, str) else json.dumps(line, separators=(",", ":")) for line in lines]
    events = [{"timestamp": at + number, "message": text} for number, text in enumerate(texts)]
    client.put_log_events(logGroupName=group, logStreamName=str(minutes_ago), logEvents=events)


def test_env_sets_the_stacks_settings_and_the_operators_credentials(clipferry: Clipferry) -> None:
    printed = clipferry("env", STACK)

    assert (printed.status, printed.err) == (0, "")
    shown = subprocess.run(
        ["bash", "-euc", f"{printed.out}\nenv -0"], env={}, capture_output=True, text=True, check=True
    ).stdout
    values = dict(pair.split("=", 1) for pair in shown.split("\0") if pair)
    assert {name: value for name, value in values.items() if name not in {"PWD", "SHLVL", "_"}} == {
        "STAGE": "dev",
        "ALLOWED_ORIGINS": AWKWARD,
        "AWS_ACCESS_KEY_ID": "AKIATESTING",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_SESSION_TOKEN": "token",
        "AWS_REGION": "eu-central-1",
        "CLIPFERRY_STACK": STACK,
    }


def test_env_prints_nothing_to_evaluate_for_an_unknown_stack(clipferry: Clipferry) -> None:
    printed = clipferry("env", "clipferry-lost")

    assert (printed.status, printed.out) == (1, "")
    assert "clipferry-lost" in printed.err


def test_env_unsets_the_settings_of_another_stack(clipferry: Clipferry) -> None:
    """Above all its database: later commands would change that one, with this stack's queue and bucket."""
    lines = clipferry("env", STACK).out
    names = ("DATABASE_URL", "DATABASE_DIRECT_URL", "AI_CALLBACK_URL", "STORAGE_BUCKET")
    before = dict.fromkeys((*names, "PATH"), "of another stack")
    shown = subprocess.run(
        ["/bin/bash", "-euc", f'{lines}\nfor name in {" ".join(names)}; do echo "${{!name-unset}}"; done'],
        env=before,
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert shown.split() == ["unset"] * len(names)


def test_env_prefers_a_named_profile_to_keys_left_in_the_shell(
    clipferry: Clipferry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "credentials").write_text("[prod]\naws_access_key_id = AKIAPROD\naws_secret_access_key = of-prod\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_PROFILE", "prod")

    lines = clipferry("env", STACK).out.splitlines()

    assert "export AWS_ACCESS_KEY_ID=AKIAPROD" in lines
    assert "unset AWS_SESSION_TOKEN" in lines


def test_env_prints_no_credentials_to_a_terminal(clipferry: Clipferry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)

    printed = clipferry("env", STACK)

    assert (printed.status, printed.out) == (2, "")
    assert 'eval "$(clipferry env clipferry-dev)"' in printed.err


def test_env_says_that_there_are_no_aws_credentials(clipferry: Clipferry, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")

    printed = clipferry("env", STACK)

    assert (printed.status, printed.out) == (1, "")
    assert "credentials" in printed.err


def test_logs_of_a_video_come_from_all_functions_in_order(clipferry: Clipferry, groups: dict[str, str]) -> None:
    mirrored = {"level": "INFO", "message": "mirrored", "video_uuid": VIDEO, "service": "clipferry", "bytes": 207974}
    write(groups["MirrorVideoLog"], mirrored, minutes_ago=1)
    write(groups["ReconcileLog"], {"level": "INFO", "message": "reconciled", "video_uuid": VIDEO}, minutes_ago=2)
    write(groups["ReconcileLog"], {"level": "INFO", "message": "reconciled", "video_uuid": OTHER}, minutes_ago=3)
    write(groups["AccessLog"], f"GET /api/v1/video/{VIDEO}")

    printed = clipferry("logs", "--stack", STACK, "--video", VIDEO)

    first, second = printed.out.splitlines()
    assert first.endswith(f" reconcile INFO reconciled video_uuid={VIDEO}")
    assert second.endswith(f" mirror_video INFO mirrored video_uuid={VIDEO} bytes=207974")
    assert printed.status == 0


def test_logs_of_one_function_are_filtered_by_a_word(
    clipferry: Clipferry, groups: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLIPFERRY_STACK", STACK)
    told = {
        "exception": "Traceback:\n  line 1\nValueError: no",
        "exception_name": "ValueError",
        "stack_trace": {"frames": []},
    }
    crash = {"level": "ERROR", "message": "could not", **told}
    write(groups["MirrorVideoLog"], {"level": "INFO", "message": "well"}, crash, "START RequestId: 1")
    write(groups["ReconcileLog"], {"level": "ERROR", "message": "another's"})

    printed = clipferry("logs", "mirror_video", "--word", "ERROR")

    assert [line.split(" ", 1)[-1] for line in printed.out.splitlines()] == [
        "mirror_video ERROR could not",
        "   Traceback:",
        "     line 1",
        "   ValueError: no",
    ]


def test_logs_find_text_beyond_ascii(clipferry: Clipferry, groups: dict[str, str]) -> None:
    write(groups["MirrorVideoLog"], json.dumps({"message": "渡轮"}, ensure_ascii=False), "another")

    assert "渡轮" in clipferry("logs", "mirror_video", "--stack", STACK, "--word", "渡轮").out


def test_logs_as_json_have_every_field_and_also_lines_that_are_no_json(
    clipferry: Clipferry, groups: dict[str, str]
) -> None:
    write(groups["MirrorVideoLog"], "Task timed out", {"level": "INFO", "message": "well", "service": "clipferry"})
    write(groups["MirrorVideoLog"], '{"_aws":{"Timestamp":1},"VideosCompleted":[1.0]}', minutes_ago=2)

    printed = clipferry("logs", "mirror_video", "--stack", STACK, "--json")

    lines = [json.loads(line) for line in printed.out.splitlines()]
    assert [line.pop("timestamp")[-1] for line in lines] == ["Z", "Z"]
    assert lines == [
        {"message": "Task timed out", "function": "mirror_video"},
        {"level": "INFO", "message": "well", "service": "clipferry", "function": "mirror_video"},
    ]


def test_logs_end_at_the_given_age(clipferry: Clipferry, groups: dict[str, str]) -> None:
    write(groups["MirrorVideoLog"], "old", minutes_ago=45)

    assert clipferry("logs", "mirror_video", "--stack", STACK, "--since", "30m").status == 1
    assert "old" in clipferry("logs", "mirror_video", "--stack", STACK, "--since", "1h").out


def test_logs_beyond_the_limit_are_the_oldest(clipferry: Clipferry, groups: dict[str, str]) -> None:
    write(groups["MirrorVideoLog"], *(f"line {number}" for number in range(5)))

    printed = clipferry("logs", "mirror_video", "--stack", STACK, "--limit", "2")

    assert [line[-6:] for line in printed.out.splitlines()] == ["line 3", "line 4"]
    assert "3 older lines" in printed.err


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("logs", "mirror_video"), 2, "--stack"),
        (("logs", "--stack", STACK, "--since", "soon"), 2, "30m"),
        (("logs", "mirror", "--stack", STACK), 1, "no MirrorLog"),
    ],
)
def test_logs_refuse_wrong_arguments(clipferry: Clipferry, arguments: tuple[str, ...], status: int, said: str) -> None:
    printed = clipferry(*arguments)

    assert (printed.status, printed.out) == (status, "")
    assert said in printed.err
