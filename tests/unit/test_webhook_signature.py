"""Outgoing signatures, against the package that receivers verify with."""

from __future__ import annotations

import base64
import time

import pytest
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

from clipferry.setting_rules.values import check_webhook_secret
from clipferry.webhooks import signature as webhook_signature

SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
OTHER = "whsec_ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="
BODY = '{"type": "video.completed", "data": {"error": "…"}}'.encode()


def signed(*secrets: str, at: float | None = None) -> dict[str, str]:
    timestamp = int(time.time() if at is None else at)
    return webhook_signature.headers(secrets, event_id="evt_1", timestamp=timestamp, body=BODY)


def test_receivers_package_verifies_it() -> None:
    assert Webhook(SECRET).verify(BODY, signed(SECRET))["type"] == "video.completed"


@pytest.mark.parametrize("secret", [SECRET, OTHER])
def test_during_a_rotation_either_secret_verifies_it(secret: str) -> None:
    assert Webhook(secret).verify(BODY, signed(SECRET, OTHER))["type"] == "video.completed"


def test_another_body_another_id_or_an_old_time_is_refused() -> None:
    for body, headers in [
        (BODY + b" ", signed(SECRET)),
        (BODY, signed(SECRET) | {"webhook-id": "evt_2"}),
        (BODY, signed(SECRET, at=time.time() - 3600)),
        (BODY, signed(OTHER)),
    ]:
        with pytest.raises(WebhookVerificationError):
            Webhook(SECRET).verify(body, headers)


def test_a_users_secret_is_the_users_own_and_well_formed() -> None:
    own = webhook_signature.user_secret(SECRET, "ann")

    check_webhook_secret(own)
    assert len(base64.b64decode(own.removeprefix("whsec_"))) == 32
    assert own == webhook_signature.user_secret(SECRET, "ann")
    assert len({own, webhook_signature.user_secret(SECRET, "bob"), webhook_signature.user_secret(OTHER, "ann")}) == 3
    assert Webhook(own).verify(BODY, signed(own))["type"] == "video.completed"
