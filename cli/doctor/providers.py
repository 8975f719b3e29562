"""Checks that the settings of each provider fit together: its key, what comes with the key, and who goes first."""

from __future__ import annotations

from cli.doctor.findings import CheckFailedError
from clipferry.providers import registry
from clipferry.settings import Settings


def check(settings: Settings) -> str:
    """Names the providers that have a key; raises CheckFailedError when something is set that does nothing."""
    ready = [provider.name for provider in registry.PROVIDERS if getattr(settings, provider.key)]
    ready += [gateway.name for gateway in settings.gateways]
    if not ready:
        keys = " or ".join(name.upper() for name in (*(known.key for known in registry.PROVIDERS), registry.GATEWAYS))
        raise CheckFailedError(f"no provider has a key, so nobody makes a video: set {keys}")
    faults = [
        f"{name.upper()} is set without {provider.key.upper()}"
        for provider in registry.PROVIDERS
        if provider.name not in ready
        for name in provider.secrets
        if getattr(settings, name)
    ]
    if settings.default_ai_provider not in ready:
        faults.append(f"DEFAULT_AI_PROVIDER is {settings.default_ai_provider}, which has no key")
    if faults:
        raise CheckFailedError("; ".join(faults))
    return f"{', '.join(ready)}; {settings.default_ai_provider} goes first"
