"""A function in its container has no secret in its environment, and works: it reads them from Secrets Manager."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3

from tests.sam.sam_cli import ARCHITECTURE, KEY, REGION, RunningStack, run_sam

SECRET = ("DATABASE_URL", "STORAGE_ACCESS_KEY", "STORAGE_SECRET_KEY", "EVOLINK_API_KEY", "CALLBACK_HMAC_SECRET")


def test_a_function_takes_its_secrets_from_secrets_manager(
    built: Path, running_stack: RunningStack, migrated: list[str], stored_event: Any, tmp_path: Path
) -> None:
    assert migrated is not None
    endpoint = running_stack.environment["AWS_ENDPOINT_URL_SQS"]
    owner = boto3.client(
        "secretsmanager",
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=KEY,
        aws_secret_access_key=KEY,
    )
    with closing(owner):
        secret = json.dumps({name: running_stack.environment[name] for name in SECRET})
        arn = owner.create_secret(Name="clipferry", SecretString=secret)["ARN"]
    without = {**running_stack.environment, **dict.fromkeys(SECRET, "")}
    environment = {**without, "SECRETS_ARN": arn, "AWS_ENDPOINT_URL_SECRETS_MANAGER": endpoint}
    env_vars, event = tmp_path / "env.json", tmp_path / "event.json"
    env_vars.write_text(json.dumps({"Parameters": environment}))
    event.write_text(json.dumps(stored_event("query_videos")))
    options = ("--template", str(built / "template.yaml"), "--env-vars", str(env_vars), "--region", REGION)
    answer = json.loads(
        run_sam(
            *("local", "invoke", "QueryVideosFunction", "--event", str(event), "--skip-pull-image", *options),
            *("--parameter-overrides", f"Architecture={ARCHITECTURE}"),
        )
    )
    assert answer["statusCode"] == 200
    assert json.loads(answer["body"])["success"] is True
