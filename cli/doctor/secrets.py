"""Secrets that can't be right: too short, left as the example has them, or pasted with a space. No value is shown."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from pydantic import SecretStr

from cli.doctor.findings import TroubleError
from clipferry.settings import Settings

SHORTEST: Final = {"callback_hmac_secret": 32, "callback_hmac_secret_previous": 32, "better_auth_secret": 32}
"""Characters. Better Auth asks for as many, and `openssl rand -hex 32` gives 64."""
R2_LENGTHS: Final = {"storage_access_key": 32, "storage_secret_key": 64}
"""Characters of an R2 API token's two halves, which are hex (Cloudflare, "R2: Authentication")."""
_R2: Final = ".r2.cloudflarestorage.com"
_EXAMPLE: Final = re.compile(r"your[_-]|x+$|change-?me|secret$|…$", re.IGNORECASE)


def look(settings: Settings) -> str:
    """The number of secrets; raises TroubleError that names each one that can't be right."""
    secrets = _secrets(settings)
    faults = [f"{name.upper()} {fault}" for name, value in secrets.items() for fault in _faults(name, value, settings)]
    if settings.callback_hmac_secret == settings.callback_hmac_secret_previous:
        faults.append("CALLBACK_HMAC_SECRET_PREVIOUS is CALLBACK_HMAC_SECRET itself")
    if faults:
        raise TroubleError("; ".join(faults))
    return f"{len(secrets)} secrets, none too short"


def _secrets(settings: Settings) -> dict[str, str]:
    fields = {name: getattr(settings, name) for name in Settings.model_fields}
    return {name: value.get_secret_value() for name, value in fields.items() if isinstance(value, SecretStr)}


def _faults(name: str, value: str, settings: Settings) -> list[str]:
    found = []
    if value != value.strip():
        found.append("begins or ends with a space or a line break")
    if _EXAMPLE.match(value):
        found.append("is the example's")
    elif len(value) < SHORTEST.get(name, 0):
        found.append(f"has {len(value)} characters, and should have {SHORTEST[name]} or more")
    elif _is_r2(settings) and name in R2_LENGTHS and len(value) != R2_LENGTHS[name]:
        found.append(f"has {len(value)} characters, and R2's have {R2_LENGTHS[name]}")
    if name == "replicate_webhook_secret" and not value.startswith("whsec_"):
        found.append("doesn't begin with whsec_")
    return found


def _is_r2(settings: Settings) -> bool:
    return (urlsplit(settings.storage_endpoint).hostname or "").endswith(_R2)
