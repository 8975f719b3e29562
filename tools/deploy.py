"""Deploys the output of `sam build` to one stage of samconfig.toml, then runs the smoke test against the API.

Every parameter of the template is given: its default, then the stage's `parameter_overrides`, then CLIPFERRY_PARAMETERS
("StorageBucket=videos …"), which a workflow has where a checkout doesn't, then a DeployId, which is now. Of one that
isn't given SAM keeps the value that the stack has: a line taken out of samconfig.toml would go on having its effect.
Run with the Python of SAM's own environment.
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
import yaml

ROOT = Path(__file__).parents[1]
TEMPLATE = ROOT / "template.yaml"
BUILT = ROOT / ".aws-sam/build/template.yaml"
REQUIRED = ("SecretsArn", "StorageEndpoint", "StorageBucket", "StorageDomain")


class DeployError(Exception):
    """The deployment failed; the message says what to do."""


class _Template(yaml.SafeLoader):
    """Reads YAML with CloudFormation's short forms (`!Ref X`), whose values nobody needs here."""


_Template.add_multi_constructor("!", lambda *_: None)


def defaults(template: Path = TEMPLATE) -> dict[str, str | None]:
    """Returns the template's parameters with their defaults, None where there is none."""
    declared = yaml.load(template.read_text(encoding="utf-8"), _Template)["Parameters"]  # noqa: S506 - it is a SafeLoader
    return {name: str(one["Default"]) if "Default" in one else None for name, one in declared.items()}


def parameters(stage: str, config: Mapping[str, Any], given: str, now: datetime) -> dict[str, str]:
    """Returns what the stack gets; raises DeployError for a stage that there isn't, or what only the owner can say."""
    if stage not in ("dev", "staging", "prod"):
        raise DeployError(f"STAGE is {stage!r}; it must be one of dev, staging and prod")
    own = _pairs(shlex.split(given))
    if "Architecture" in own:
        raise DeployError("set Architecture in samconfig.toml, because `sam build` reads it there, too")
    known = defaults()
    said = _pairs(config[stage]["global"]["parameters"]["parameter_overrides"]) | own
    if strange := sorted(said.keys() - known):
        raise DeployError(f"{', '.join(strange)}: template.yaml has no such parameter")
    merged = known | said | {"DeployId": now.strftime("%Y%m%dT%H%M%SZ")}
    if missing := [name for name, value in merged.items() if value is None or (name in REQUIRED and not value)]:
        raise DeployError(f"{', '.join(missing)}: set them in samconfig.toml, [{stage}.global.parameters]")
    return {name: value for name, value in merged.items() if value is not None}


def _pairs(said: str | list[str] | Mapping[str, Any]) -> dict[str, str]:
    """Reads `parameter_overrides` in each form that SAM takes in samconfig.toml: a string, a list, a table."""
    if isinstance(said, Mapping):
        return {name: str(value) for name, value in said.items()}
    words = shlex.split(said) if isinstance(said, str) else said
    return {name: _unquoted(value) for name, equals, value in (word.partition("=") for word in words) if equals}


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value


def override(name: str, value: str) -> str:
    """Returns one word of --parameter-overrides, from which SAM reads exactly `value`.

    SAM splits an unquoted value at its spaces, and refuses an empty one. It can't be told of a backslash.
    """
    if "\\" in value:
        raise DeployError(f"{name} has a backslash, which SAM can't pass on")
    escaped = value.replace('"', '\\"')
    return f'{name}="{escaped}"'


def deploy(stage: str, sam: str, values: Mapping[str, str]) -> dict[str, str]:
    """Deploys, and returns the stack's outputs."""
    overrides = [override(name, value) for name, value in values.items()]
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
