"""Applies SAM's transform to a template, by SAM CLI's own translator: the result is what CloudFormation sees.

Run with the Python of SAM's environment, it reads a JSON list of `{"template": …, "parameters": …}` and writes the
list of transformed templates, with `{"error": "…"}` for one that the translator refuses.
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
    """Returns the transformed template; local folders are replaced by S3 URIs with the same names.

    The transform inserts the values of some parameters: in an API, for instance, but not in a function.
    """
    for resource in template["Resources"].values():
        if resource["Type"] in CODE:
            folder = resource["Properties"][CODE[resource["Type"]]]
            resource["Properties"][CODE[resource["Type"]]] = f"s3://bucket/{folder}"
    session = boto3.Session(region_name=REGION)
    return Translator({}, Parser(), boto_session=session).translate(template, parameter_values=parameters)


def _transform_or_error(template: dict[str, Any], parameters: dict[str, str]) -> dict[str, Any]:
    try:
        return transformed(template, parameters)
    except InvalidDocumentException as error:
        return {"error": f"{error.message} {[cause.message for cause in error.causes]}"}


if __name__ == "__main__":
    logging.disable(logging.WARNING)  # it warns about feature toggles that exist only at AWS
    json.dump([_transform_or_error(**wanted) for wanted in json.load(sys.stdin)], sys.stdout, default=str)
