"""The callback's address, as a provider will find it."""

from __future__ import annotations

import json
import time
from typing import Final
from urllib.parse import urlencode

from cli.doctor.findings import NotLookedAtError, TroubleError
from cli.doctor.web import ask

PATH: Final = "/api/v1/video/callback"


def look(url: str | None, provider: str | None, *, plain_http: bool) -> str:
    """Calls `url`, which ends in /video/callback, with a signature that isn't ours: only we answer 401 to that."""
    if url is None:
        raise NotLookedAtError("AI_CALLBACK_URL is empty: say --api https://… (the stack's ApiUrl)")
    if provider is None:
        raise NotLookedAtError("no provider has a key, so every callback is refused")
    query = urlencode({"videoUuid": "doctor", "ts": int(time.time() * 1000), "sig": "unsigned"})
    address = f"{url.rstrip('/')}/{provider}"
    answer = ask(
        "POST",
        f"{address}?{query}",
        plain_http=plain_http,
        headers={"Content-Type": "application/json"},
        body=b"{}",
    )
    if 300 <= answer.status < 400:
        raise TroubleError(
            f"{address} redirects to {answer.headers.get('location', '?').partition('?')[0]}",
            advice="Providers follow no redirect: set AI_CALLBACK_URL to the address that it leads to.",
        )
    if answer.status != 401 or _code(answer.body) != "INVALID_SIGNATURE":
        raise TroubleError(f"{address} answers {answer.status} to a wrong signature, not our 401")
    return f"{address} is ours, and refuses a wrong signature"


def _code(body: bytes) -> str | None:
    """Of our own envelope; None when it isn't one."""
    try:
        answer = json.loads(body)
        return answer["error"]["code"]
    except (ValueError, LookupError, TypeError):
        return None
