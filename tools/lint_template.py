"""Lints template.yaml as CloudFormation will see it: with SAM's transform applied, which no linter does by itself.

Only there a circular dependency shows, for instance an API's URL in the environment of a function of that API.
Run it with the Python of SAM's own environment.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import boto3
from cfnlint.api import lint
from samcli.yamlhelper import parse_yaml_file
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

TEMPLATE = Path(__file__).parents[1] / "template.yaml"
REGION = "us-east-1"
CODE = {"AWS::Serverless::Function": "CodeUri", "AWS::Serverless::LayerVersion": "ContentUri"}


def transformed(template: dict[str, Any]) -> dict[str, Any]:
    """What SAM's transform makes of `template`, whose local folders stand for uploaded ones."""
    for resource in template["Resources"].values():
        if resource["Type"] in CODE:
            resource["Properties"][CODE[resource["Type"]]] = "s3://bucket/key"
    session = boto3.Session(region_name=REGION)
    parameters = {name: given.get("Default", "x") for name, given in template.get("Parameters", {}).items()}
    return Translator({}, Parser(), boto_session=session).translate(template, parameter_values=parameters)


if __name__ == "__main__":
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else TEMPLATE
    matches = lint(json.dumps(transformed(parse_yaml_file(path)), default=str), regions=[REGION])
    for match in matches:
        sys.stderr.write(f"{match.rule.id} {match.message} (transformed {match.path})\n")
    sys.exit(bool(matches))
