"""A function in its container reads its secrets from Secrets Manager, and finds its database by them."""

from __future__ import annotations

import json
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from tests.contract.rules.permissions import SECRETS
from tests.sam.sam_cli import aws_client, local_options, run_sam

ENDPOINT = "AWS_ENDPOINT_URL_SECRETS_MANAGER"


@pytest.fixture
def environment(running_stack: Any) -> dict[str, str]:
    """The running_stack', but the secrets are in a secret."""
    given = running_stack.environment
    endpoint = given["AWS_ENDPOINT_URL_SQS"]  # moto's server is all of AWS
    values = {name: given[name] for name in SECRETS if given.get(name)}
    client = aws_client("secretsmanager", endpoint)
    arn = client.create_secret(Name="clipferry/test", SecretString=json.dumps(values))["ARN"]
    return {**given, **dict.fromkeys(SECRETS, ""), "SECRETS_ARN": arn, ENDPOINT: endpoint}


@pytest.mark.usefixtures("migrated")
def test_function_reads_its_secrets_at_run_time(
    environment: dict[str, str], built: Path, stored_event: Any, tmp_path: Path
) -> None:
    env_vars, event = tmp_path / "env.json", tmp_path / "event.json"
    env_vars.write_text(json.dumps({"Parameters": environment}))
    event.write_text(json.dumps(stored_event("query_videos")))

    invoke = ("local", "invoke", "QueryVideosFunction", "--event", str(event))
    answer = json.loads(run_sam(*invoke, *local_options(built, env_vars)))

    assert answer["statusCode"] == HTTPStatus.OK, answer
    assert "videos" in json.loads(answer["body"])["data"]
