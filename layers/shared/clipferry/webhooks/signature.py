"""Signatures of the webhooks that we send: Standard Webhooks, HMAC-SHA256 over `id.timestamp.body`.

Source: the specification at github.com/standard-webhooks/standard-webhooks. Users don't get the owner's secret. Each
has a secret that is made from it, so that nothing has to be kept, and a rotation renews them all.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

_PREFIX: Final = "whsec_"


def user_secret(secret: str, user_id: str) -> str:
    """Returns the secret with which webhooks to `user_id`'s own addresses are signed."""
    made = hmac.new(_key(secret), b"user " + user_id.encode(), hashlib.sha256).digest()
    return _PREFIX + base64.b64encode(made).decode()


def headers(secrets: Sequence[str], *, event_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Returns the three headers; a signature by each of `secrets`, so that a receiver may have either.

    `timestamp` is the moment of sending, in whole seconds: a receiver refuses one that is minutes old.
    """
    signed = f"{event_id}.{timestamp}.".encode() + body
    digests = [hmac.new(_key(secret), signed, hashlib.sha256).digest() for secret in secrets]
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests),
    }


def _key(secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix(_PREFIX))
