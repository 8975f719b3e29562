"""Sends one HTTP request and follows no redirect."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from clipferry.net.http_client import HttpClient, HttpResponse

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 10.0
_LONGEST = 1 << 20


def send_request(
    method: str,
    url: str,
    *,
    plain_http: bool,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    timeout: float = TOTAL_SECONDS,
) -> HttpResponse:
    """Returns the response; raises NetworkError without one, and ConfigurationError for http:// unless allowed."""
    parts = urlsplit(url)
    client = HttpClient(f"{parts.scheme}://{parts.netloc}", allow_plain_http=plain_http)
    try:
        return client.request(
            method,
            (parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
            headers={"User-Agent": "clipferry"} | dict(headers or {}),
            body=body,
            connect_timeout=CONNECT_SECONDS,
            timeout=timeout,
            max_bytes=_LONGEST,
        )
    finally:
        client.close()
