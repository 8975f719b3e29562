"""A provider's request to the callback URL that it was given."""

from __future__ import annotations

from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from clipferry.api.requests import headers, query, raw_body
from clipferry.errors import InvalidRequestError
from clipferry.usecases.receive_callback import Callback


def read(event: APIGatewayProxyEventV2, provider: str) -> Callback:
    """Reads a callback; raises InvalidRequestError when the URL lacks a parameter that every URL of ours has."""
    parameters = query(event)
    missing = [name for name in ("videoUuid", "ts", "sig") if not parameters.get(name)]
    if missing:
        faults = [{"path": name, "code": "missing", "message": "is required"} for name in missing]
        raise InvalidRequestError("missing signature parameters", details={"fields": faults})
    return Callback(
        provider=provider,
        video_uuid=parameters["videoUuid"],
        timestamp=parameters["ts"],
        signature=parameters["sig"],
        headers=headers(event),
        body=raw_body(event),
    )
