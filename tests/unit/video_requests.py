"""Requests for a video as the create function reads them, with a catalogue of one family of models."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from clipferry import catalog
from clipferry.api import requests
from clipferry.api.generate_body import GenerateVideo
from clipferry.api.generate_request import order_request
from clipferry.usecases.create_video import VideoRequest
from local.lambda_runtime.events import http_event
from tests.unit.field_faults import faults_of

MODELS = catalog.load(Path(__file__).with_name("seedance.toml"))
BODY: dict[str, Any] = {"prompt": "A ferry at dusk", "model": "seedance-2.0"}
JSON = {"content-type": "application/json"}


def event(**changes: Any) -> APIGatewayProxyEventV2:
    return APIGatewayProxyEventV2(http_event("POST", "/api/v1/video/generate", headers=JSON) | changes)


def read_body(
    body: str | bytes | dict[str, Any],
    *,
    allow_loopback: bool = False,
    models: catalog.Catalog = MODELS,
    **changes: Any,
) -> VideoRequest:
    """Reads an event with this body; `changes` are made to the event."""
    text = json.dumps(body) if isinstance(body, dict) else body
    encoded = {"body": base64.b64encode(text).decode(), "isBase64Encoded": True} if isinstance(text, bytes) else {}
    asked = event(**{"body": text} | encoded | changes)
    return order_request(requests.parse_body(asked, GenerateVideo), models, allow_loopback=allow_loopback)


def read(**fields: Any) -> VideoRequest:
    """Reads a request with these fields beside its prompt and model."""
    return read_body(BODY | fields)


def faults(**fields: Any) -> list[tuple[str, str]]:
    return faults_of(lambda: read(**fields))
