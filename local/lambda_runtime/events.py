"""Lambda events, to the field as AWS sends them: an HTTP API's (payload 2.0), a queue's, a schedule's."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qsl, unquote
from uuid import uuid4

from local.lambda_runtime.routes import DEFAULT_PATH, path_parameters
from local.sam_template.intrinsics import ACCOUNT, REGION

_TEXT_TYPES: Final = frozenset({"application/json", "application/javascript", "application/xml"})
"""With text/*, the only ones that API Gateway passes as text; a form, or no type at all, comes as base64."""


def http_event(
    method: str,
    path: str,
    *,
    route_key: str = DEFAULT_PATH,
    query: str = "",
    headers: Mapping[str, str] | Sequence[tuple[str, str]] = (),
    body: bytes | str | None = None,
    domain: str = "api.example.com",
    source_ip: str = "127.0.0.1",
    at: datetime | None = None,
) -> dict[str, Any]:
    """The event of one request. `path` and `query` are percent-encoded; `route_key` is the route it took.

    rawPath is decoded and rawQueryString isn't: so does an HTTP API, other than a REST API or a function URL.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
    """
    content = body.encode() if isinstance(body, str) else body or b""
    pairs = list(headers.items()) if isinstance(headers, Mapping) else list(headers)
    cookies = [part.strip() for name, value in pairs if name.lower() == "cookie" for part in value.split(";")]
    joined = _joined((name.lower(), value.strip()) for name, value in pairs if name.lower() != "cookie")
    joined |= {"host": domain, "content-length": str(len(content))}
    moment = (at or datetime.now(UTC)).astimezone(UTC)
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": unquote(path),
        "rawQueryString": query,
        "headers": joined,
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": "local",
            "domainName": domain,
            "domainPrefix": domain.partition(".")[0],
            "http": {
                "method": method,
                "path": unquote(path),
                "protocol": "HTTP/1.1",
                "sourceIp": source_ip,
                "userAgent": joined.get("user-agent", ""),
            },
            "requestId": str(uuid4()),
            "routeKey": route_key,
            "stage": "$default",
            "time": moment.strftime("%d/%b/%Y:%H:%M:%S %z"),
            "timeEpoch": round(moment.timestamp() * 1000),
        },
        "isBase64Encoded": False,
    }
    optional = {
        "cookies": [cookie for cookie in cookies if cookie],
        "queryStringParameters": _joined(parse_qsl(query, keep_blank_values=True)),
        "pathParameters": path_parameters(route_key.rpartition(" ")[2], path),
    }
    if content:
        event |= _body(content, joined.get("content-type", ""))
    return event | {name: value for name, value in optional.items() if value}


def sqs_event(*messages: Mapping[str, Any] | str, queue_arn: str = "") -> dict[str, Any]:
    """The event of one batch. A message is what SQS's ReceiveMessage answers, or just its body."""
    return {"Records": [_record(message, queue_arn) for message in messages]}


def schedule_event(*, rule: str = "local", at: datetime | None = None) -> dict[str, Any]:
    """The event that EventBridge sends for a schedule."""
    return {
        "version": "0",
        "id": str(uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": (at or datetime.now(UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": REGION,
        "resources": [f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{rule}"],
        "detail": {},
    }


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Repeated names joined by a comma."""
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _body(content: bytes, content_type: str) -> dict[str, Any]:
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type in _TEXT_TYPES or media_type.startswith("text/"):
        try:
            return {"body": content.decode()}
        except UnicodeDecodeError:
            pass
    return {"body": base64.b64encode(content).decode(), "isBase64Encoded": True}


def _record(message: Mapping[str, Any] | str, queue_arn: str) -> dict[str, Any]:
    received: Mapping[str, Any] = {"Body": message} if isinstance(message, str) else message
    content: str = received["Body"]
    now = str(round(datetime.now(UTC).timestamp() * 1000))
    digest = hashlib.md5(content.encode(), usedforsecurity=False).hexdigest()
    attributes = {
        "ApproximateReceiveCount": "1",
        "SentTimestamp": now,
        "SenderId": ACCOUNT,
        "ApproximateFirstReceiveTimestamp": now,
        **received.get("Attributes", {}),
    }
    named = received.get("MessageAttributes", {})
    return {
        "messageId": received.get("MessageId") or str(uuid4()),
        "receiptHandle": received.get("ReceiptHandle", "local"),
        "body": content,
        "attributes": attributes,
        "messageAttributes": {name: _message_attribute(value) for name, value in named.items()},
        "md5OfBody": received.get("MD5OfBody", digest),
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn or f"arn:aws:sqs:{REGION}:{ACCOUNT}:local",
        "awsRegion": REGION,
    }


def _message_attribute(value: Mapping[str, Any]) -> dict[str, Any]:
    attribute = {"dataType": value["DataType"], "stringListValues": [], "binaryListValues": []}
    if "StringValue" in value:
        attribute["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        attribute["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode()
    return attribute
