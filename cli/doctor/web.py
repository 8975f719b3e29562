"""One request to any address, answered as it is: no redirect is followed."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from clipferry.net.http_client import HttpClient, HttpResponse

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 10.0
_LONGEST = 1 << 20


def ask(
    method: str,
    url: str,
    *,
    plain_http: bool,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> HttpResponse:
    """Returns the response; raises NetworkError without one, and ConfigurationError for http unless `plain_http`."""
    place = urlsplit(url)
    client = HttpClient(f"{place.scheme}://{place.netloc}", allow_plain_http=plain_http)
    try:
        return client.request(
            method,
            (place.path or "/") + (f"?{place.query}" if place.query else ""),
            headers={"User-Agent": "clipferry-doctor"} | dict(headers or {}),
            body=body,
            connect_timeout=CONNECT_SECONDS,
            timeout=TOTAL_SECONDS,
            max_bytes=_LONGEST,
        )
    finally:
        client.close()
