"""Deploys the output of `sam build` to one stage of samconfig.toml, then runs the smoke test against the API.

The parameters are the stage's `parameter_overrides`, then those in CLIPFERRY_PARAMETERS ("StorageBucket=videos …"),
for a workflow whose checkout doesn't have them, then the time as DeployId. Run it with the Python of SAM's environment.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import smoke

ROOT = Path(__file__).parents[1]
BUILT = ROOT / ".aws-sam/build/template.yaml"
REQUIRED = ("SecretsArn", "StorageEndpoint", "StorageBucket", "StorageDomain")


class DeployError(Exception):
    """The deployment failed; the message says what to do."""


def parameters(stage: str, config: Mapping[str, Any], given: str, now: datetime) -> dict[str, str]:
    """The stack's parameters; raises DeployError for an unknown stage or a missing parameter."""
    if stage not in ("dev", "staging", "prod"):
        raise DeployError(f"STAGE is {stage!r}; it must be one of dev, staging and prod")
    own = _pairs(shlex.split(given))
    if "Architecture" in own:
        raise DeployError("set Architecture in samconfig.toml, because `sam build` reads it there, too")
    merged = _pairs(config[stage]["global"]["parameters"]["parameter_overrides"]) | own
    if missing := [name for name in REQUIRED if not merged.get(name)]:
        raise DeployError(f"{', '.join(missing)}: set them in samconfig.toml, [{stage}.global.parameters]")
    return merged | {"DeployId": now.strftime("%Y%m%dT%H%M%SZ")}


def _pairs(words: list[str]) -> dict[str, str]:
    return {name: value for name, equals, value in (word.partition("=") for word in words) if equals}


def deploy(stage: str, sam: str, values: Mapping[str, str]) -> dict[str, str]:
    """Deploys, and returns the stack's outputs."""
    overrides = [f"{name}={value}" for name, value in values.items()]
    _run(sam, "validate", "--lint", "--template", str(BUILT))
    _run(sam, "deploy", "--config-env", stage, "--template", str(BUILT), "--parameter-overrides", *overrides)
    found = _run(sam, "list", "stack-outputs", "--config-env", stage, "--output", "json", capture=True)
    return {one["OutputKey"]: one["OutputValue"] for one in json.loads(found)}


def _run(*command: str, capture: bool = False) -> str:
    pipe = subprocess.PIPE if capture else None
    done = subprocess.run(command, cwd=ROOT, text=True, stdout=pipe, check=False)  # noqa: S603 - the owner's arguments
    if done.returncode:
        raise DeployError(f"`sam {command[1]}` failed; CloudFormation rolls back a deployment that it has begun")
    return done.stdout or ""


def main() -> int:
    stage = sys.argv[1]
    sam = sys.argv[2] if len(sys.argv) > 2 else str(Path(sys.executable).with_name("sam"))
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    given = os.environ.get("CLIPFERRY_PARAMETERS", "")
    try:
        outputs = deploy(stage, sam, parameters(stage, config, given, datetime.now(UTC)))
    except DeployError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"\n{outputs['ApiUrl']}\n")
    if target := outputs.get("DomainTarget"):
        sys.stdout.write(f"The domain's CNAME record has to point at {target}\n")
    sys.stdout.flush()
    # At AWS's own address: after the first deployment the domain's CNAME record can't exist yet.
    return smoke.main([outputs["AwsUrl"]])


if __name__ == "__main__":
    sys.exit(main())
