"""Finds secrets that can't be right: too short, copied from the example, or with a space. No value is shown."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from pydantic import SecretStr

from cli.doctor.findings import CheckFailedError
from clipferry.settings import Settings

SHORTEST: Final = {"callback_hmac_secret": 32, "callback_hmac_secret_previous": 32, "better_auth_secret": 32}
"""The least number of characters. Better Auth requires as many; `openssl rand -hex 32` gives 64."""
R2_LENGTHS: Final = {"storage_access_key": 32, "storage_secret_key": 64}
"""The number of characters of an R2 API token's access key and secret key (Cloudflare, "R2: Authentication")."""
_R2: Final = ".r2.cloudflarestorage.com"
_EXAMPLE: Final = re.compile(r"your[_-]|x+$|change-?me|secret$|…$", re.IGNORECASE)


def check(settings: Settings) -> str:
    """Counts the secrets; raises CheckFailedError with the name of each one that can't be right."""
    secrets = _secrets(settings)
    faults = [f"{name.upper()} {fault}" for name, value in secrets.items() for fault in _faults(name, value, settings)]
    if settings.callback_hmac_secret == settings.callback_hmac_secret_previous:
        faults.append("CALLBACK_HMAC_SECRET_PREVIOUS is the same as CALLBACK_HMAC_SECRET")
    if faults:
        raise CheckFailedError("; ".join(faults))
    return f"{len(secrets)} secrets, none too short"


def _secrets(settings: Settings) -> dict[str, str]:
    return {name: value.get_secret_value() for name, value in settings if isinstance(value, SecretStr)}


def _faults(name: str, value: str, settings: Settings) -> list[str]:
    found = []
    if value != value.strip():
        found.append("begins or ends with a space or a line break")
    if _EXAMPLE.match(value):
        found.append("is the example's value")
    elif len(value) < SHORTEST.get(name, 0):
        found.append(f"has {len(value)} characters and needs at least {SHORTEST[name]}")
    elif _is_r2(settings) and name in R2_LENGTHS and len(value) != R2_LENGTHS[name]:
        found.append(f"has {len(value)} characters, while R2's have {R2_LENGTHS[name]}")
    if name == "replicate_webhook_secret" and not value.startswith("whsec_"):
        found.append("doesn't begin with whsec_")
    return found


def _is_r2(settings: Settings) -> bool:
    return (urlsplit(settings.storage_endpoint).hostname or "").endswith(_R2)
