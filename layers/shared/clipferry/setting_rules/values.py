"""What a setting's value must be like. Each function returns it cleaned, or raises ValueError that doesn't show it."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_SHORTEST_WEBHOOK_KEY: Final = 24
"""Bytes (Standard Webhooks, "Signature scheme")."""


def header_safe(text: str) -> str:
    """A key, a region or a name that goes into a header or a URL's path, without the blanks and newlines around it."""
    cleaned = text.strip()
    if not cleaned:
        raise ValueError("is blank")
    if not re.fullmatch(r"[!-~]+", cleaned):
        raise ValueError("has a blank, a line break or a character that isn't ASCII in it")
    return cleaned


def comma_separated(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def web_address(text: str, *, plain_http: bool) -> str:
    """An address that paths are added to: https://, and http:// with `plain_http`."""
    _split(header_safe(text), plain_http=plain_http)
    return text.strip()


def storage_endpoint(text: str, bucket: str, *, plain_http: bool) -> str:
    """The bucket's S3 address without the bucket, which is added to every path.

    With it, each file is stored under a doubled path, and its public URL answers 404.
    """
    address = header_safe(text)
    parts = _split(address, plain_http=plain_http)
    if bucket and bucket in [unquote(part) for part in parts.path.split("/")]:
        raise ValueError("names the bucket: remove STORAGE_BUCKET's value, and the / before it, from its path")
    if bucket and (parts.hostname or "").startswith(f"{bucket.lower()}."):
        raise ValueError("names the bucket: remove STORAGE_BUCKET's value, and the dot after it, from its host")
    return address


def origin(text: str, *, plain_http: bool) -> str:
    """An origin as a browser sends it. One of this machine may use plain HTTP: a front end that is being developed."""
    try:
        parts = _split(header_safe(text), plain_http=True)
    except ValueError:
        parts = SplitResult("", "", "", "", "")
    is_local = parts.hostname in _LOOPBACK
    is_exact = text == f"{parts.scheme}://{parts.netloc}".lower() and "*" not in text
    if not is_exact or not (parts.scheme == "https" or plain_http or is_local):
        raise ValueError("must be origins such as https://app.example.com, in lower case and without a path")
    return text


def check_webhook_secret(text: str) -> None:
    """Accepts a secret of Standard Webhooks: `whsec_` and the Base64 of its key."""
    try:
        key = base64.b64decode(text.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) < _SHORTEST_WEBHOOK_KEY:
        raise ValueError(f"must be whsec_ and the Base64 of at least {_SHORTEST_WEBHOOK_KEY} bytes, as it was given")


def _split(address: str, *, plain_http: bool) -> SplitResult:
    schemes = ("https", "http") if plain_http else ("https",)
    try:
        parts = urlsplit(address)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise ValueError("is no address") from None
    if parts.scheme not in schemes or not has_host or "\\" in address:
        raise ValueError(f"must be {' or '.join(f'{scheme}://' for scheme in schemes)} and a host")
    if "@" in parts.netloc or "?" in address or "#" in address:
        raise ValueError("must have no user name, no ? and no #")
    return parts
