"""What CloudFormation sees of a template: SAM's transform applied, by the translator that SAM CLI carries.

Run with the Python of SAM's own environment it reads a JSON list of `{"template": …, "parameters": …}` and writes the
list of what they become; of one that the translator refuses, `{"error": "…"}`.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import boto3
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

REGION = "us-east-1"
CODE = {"AWS::Serverless::Function": "CodeUri", "AWS::Serverless::LayerVersion": "ContentUri"}


def transformed(template: dict[str, Any], parameters: dict[str, str]) -> dict[str, Any]:
    """What SAM's transform makes of `template`; its local folders stand for uploaded ones, named alike.

    It puts the values of some parameters in place: in an API, for instance, and not in a function.
    """
    for resource in template["Resources"].values():
        if resource["Type"] in CODE:
            folder = resource["Properties"][CODE[resource["Type"]]]
            resource["Properties"][CODE[resource["Type"]]] = f"s3://bucket/{folder}"
    session = boto3.Session(region_name=REGION)
    return Translator({}, Parser(), boto_session=session).translate(template, parameter_values=parameters)


def _tried(template: dict[str, Any], parameters: dict[str, str]) -> dict[str, Any]:
    try:
        return transformed(template, parameters)
    except InvalidDocumentException as error:
        return {"error": f"{error.message} {[cause.message for cause in error.causes]}"}


if __name__ == "__main__":
    logging.disable(logging.WARNING)  # it warns of feature toggles that only AWS has
    json.dump([_tried(**wanted) for wanted in json.load(sys.stdin)], sys.stdout, default=str)
