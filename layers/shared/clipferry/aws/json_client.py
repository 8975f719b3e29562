"""A client of one AWS service with a JSON protocol; we sign the requests: an SDK costs 200 ms at each cold start.

Source: "AWS JSON 1.0 protocol" and "AWS JSON 1.1 protocol" in the Smithy specification.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from clipferry.aws.sigv4 import Credentials, sign
from clipferry.net.http_client import HttpClient, HttpResponse

CONNECT_SECONDS: Final = 2.0
_MAX_ANSWER_BYTES: Final = 256 * 1024
"""A secret has at most 64 KiB; it comes as a JSON string inside JSON, which makes it longer."""


class JsonClient:
    """Calls `service` (its name in signatures) at `endpoint`.

    `target` is the first part of X-Amz-Target, `version` the protocol's: 1.0 or 1.1. `credentials` is called for every
    request, because a role's expire. `allow_plain_http` is for tests and local stacks.
    """

    def __init__(
        self,
        endpoint: str,
        *,
        service: str,
        target: str,
        version: str,
        region: str,
        allow_plain_http: bool,
        credentials: Callable[[], Credentials],
    ) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._service = service
        self._target = target
        self._version = version
        self._region = region
        self._credentials = credentials
        self._client = HttpClient(self._endpoint, allow_plain_http=allow_plain_http)

    def call(self, action: str, parameters: Mapping[str, Any], *, timeout: float) -> HttpResponse:
        """Returns the response, whatever its status, in `timeout` seconds; raises what `HttpClient.request` does."""
        body = json.dumps(parameters).encode()
        headers = sign(
            method="POST",
            url=f"{self._endpoint}/",
            region=self._region,
            service=self._service,
            headers={
                "Content-Type": f"application/x-amz-json-{self._version}",
                "X-Amz-Target": f"{self._target}.{action}",
            },
            payload_sha256=hashlib.sha256(body).hexdigest(),
            credentials=self._credentials(),
            now=datetime.now(UTC),
        )
        return self._client.request(
            "POST",
            "/",
            headers=headers,
            body=body,
            connect_timeout=CONNECT_SECONDS,
            timeout=timeout,
            max_bytes=_MAX_ANSWER_BYTES,
        )

    def close(self) -> None:
        self._client.close()
