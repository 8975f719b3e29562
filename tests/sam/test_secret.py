"""A function in its container reads its secrets from Secrets Manager, and finds its database by them."""

from __future__ import annotations

import json
from http import HTTPStatus
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.contract.rules.permissions import SECRETS
from tests.sam.sam_cli import ARCHITECTURE, REGION, run_sam

ENDPOINT = "AWS_ENDPOINT_URL_SECRETS_MANAGER"


@pytest.fixture
def environment(running_stack: Any) -> dict[str, str]:
    """The running_stack', but the secrets are in a secret."""
    given = running_stack.environment
    endpoint = given["AWS_ENDPOINT_URL_SQS"]  # moto's server is all of AWS
    client = boto3.client(
        "secretsmanager",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )
    values = {name: given[name] for name in SECRETS if given.get(name)}
    arn = client.create_secret(Name="clipferry/test", SecretString=json.dumps(values))["ARN"]
    return {**given, **dict.fromkeys(SECRETS, ""), "SECRETS_ARN": arn, ENDPOINT: endpoint}


@pytest.mark.usefixtures("migrated")
def test_function_reads_its_secrets_at_run_time(
    environment: dict[str, str], built: Path, stored_event: Any, tmp_path: Path
) -> None:
    (tmp_path / "env.json").write_text(json.dumps({"Parameters": environment}))
    (tmp_path / "event.json").write_text(json.dumps(stored_event("query_videos")))

    answer = json.loads(
        run_sam(
            *("local", "invoke", "QueryVideosFunction", "--event", str(tmp_path / "event.json")),
            *("--template", str(built / "template.yaml"), "--env-vars", str(tmp_path / "env.json")),
            *("--region", REGION, "--parameter-overrides", f"Architecture={ARCHITECTURE}", "--skip-pull-image"),
        )
    )

    assert answer["statusCode"] == HTTPStatus.OK, answer
    assert "videos" in json.loads(answer["body"])["data"]
