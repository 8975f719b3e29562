"""Checks the callback URL, from outside, as a provider calls it."""

from __future__ import annotations

import json
import time
from typing import Final
from urllib.parse import urlencode

from cli.doctor.findings import CheckFailedError, CheckSkippedError
from clipferry.net.http_client import send_request

PATH: Final = "/api/v1/video/callback"


def check(url: str | None, provider: str | None, *, plain_http: bool) -> str:
    """Calls `url`, which ends in /video/callback, with an invalid signature, and expects Clipferry's own 401."""
    if url is None:
        raise CheckSkippedError("AI_CALLBACK_URL is empty: pass --api https://… (the stack's ApiUrl)")
    if provider is None:
        raise CheckSkippedError("no provider has a key, so every callback is refused")
    query = urlencode({"videoUuid": "doctor", "ts": int(time.time() * 1000), "sig": "unsigned"})
    address = f"{url.rstrip('/')}/{provider}"
    answer = send_request(
        "POST",
        f"{address}?{query}",
        plain_http=plain_http,
        headers={"Content-Type": "application/json"},
        body=b"{}",
    )
    if 300 <= answer.status < 400:
        raise CheckFailedError(
            f"{address} redirects to {answer.headers.get('location', '?').partition('?')[0]}",
            advice="Providers don't follow redirects: set AI_CALLBACK_URL to the address that it redirects to.",
        )
    if answer.status != 401 or _error_code(answer.body) != "INVALID_SIGNATURE":
        raise CheckFailedError(f"{address} answers {answer.status} to an invalid signature, not Clipferry's 401")
    return f"{address} is Clipferry, and refuses an invalid signature"


def _error_code(body: bytes) -> str | None:
    """The code in Clipferry's error envelope; None for any other body."""
    try:
        answer = json.loads(body)
        return answer["error"]["code"]
    except (ValueError, LookupError, TypeError):
        return None
