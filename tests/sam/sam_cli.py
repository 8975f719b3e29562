"""SAM CLI as a program, and what the functions that it runs talk to."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import psycopg
from psycopg.rows import dict_row

from local.providers.evolink import FakeEvolink

ROOT = Path(__file__).parents[2]
BUILD = ROOT / ".aws-sam" / "test"
"""The tests' build, beside the one that `sam deploy` takes, so that no test changes what is deployed."""
SAM = (str(ROOT / ".tools/sam/bin/python"), str(ROOT / "tools/sam_on_host_network.py"))
ARCHITECTURE = "arm64" if platform.machine() in {"arm64", "aarch64"} else "x86_64"
REGION = "us-east-1"
KEY = "local"
"""Every credential's value."""


@dataclass(frozen=True, kw_only=True)
class RunningStack:
    """The services that the functions talk to, and a view of the database for the tests."""

    database_url: str
    evolink: FakeEvolink
    s3: Any
    sqs: Any
    queue_url: str
    environment: dict[str, str]

    def row(self, video_uuid: str) -> dict[str, Any]:
        with psycopg.connect(self.database_url) as connection, connection.cursor(row_factory=dict_row) as cursor:
            found = cursor.execute("select * from public.videos where uuid = %s", [video_uuid]).fetchone()
        assert found is not None
        return found


def sam_environment() -> dict[str, str]:
    """Returns our environment without AWS credentials, and as if no make had started us.

    With any credentials SAM would ask AWS for the account at every call; a make in a make prints the folders it enters.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MAKE", "MFLAGS"))}
    return kept | {
        "SAM_CLI_TELEMETRY": "0",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_DEFAULT_REGION": REGION,
    }


def local_options(build: Path, environment: Path) -> tuple[str, ...]:
    """Returns the options that every `sam local` is called with; `environment` is a file for `--env-vars`."""
    return (
        *("--template", str(build / "template.yaml"), "--env-vars", str(environment), "--region", REGION),
        *("--parameter-overrides", f"Architecture={ARCHITECTURE}", "--skip-pull-image"),
    )


def aws_client(service: str, endpoint: str) -> Any:
    """Returns boto3's client of a service of moto's."""
    return boto3.client(
        service, endpoint_url=endpoint, region_name=REGION, aws_access_key_id=KEY, aws_secret_access_key=KEY
    )


def run_sam(*arguments: str) -> str:
    """Returns SAM's standard output; what it logs is shown when the test fails."""
    done = subprocess.run(
        [*SAM, *arguments], cwd=ROOT, env=sam_environment(), capture_output=True, text=True, check=False
    )
    sys.stdout.write(done.stderr)
    assert done.returncode == 0, f"sam {arguments[0]} failed"
    return done.stdout
