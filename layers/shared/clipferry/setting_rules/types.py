"""The types of settings that are more than text or a number: their checks depend on the stage, which is read first."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, SecretStr, ValidationInfo

from clipferry.setting_rules import database_urls, values


def is_local(info: ValidationInfo) -> bool:
    """Whether the settings are the local stage's, which may be unsafe. A stage that isn't valid counts as deployed."""
    return info.data.get("stage") == "local"


def address(value: str, info: ValidationInfo) -> str:
    return values.web_address(value, plain_http=is_local(info))


def _key(value: SecretStr) -> SecretStr:
    return SecretStr(values.header_safe(value.get_secret_value()))


def _comma_list(value: object) -> object:
    return values.comma_separated(value) if isinstance(value, str) else value


def _origins(value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    return tuple(values.origin(origin, plain_http=is_local(info)) for origin in value)


def _database_url(value: SecretStr, info: ValidationInfo) -> SecretStr:
    if not is_local(info) and not database_urls.is_encrypted(value.get_secret_value()):
        raise ValueError("may go on without TLS: end it with ?sslmode=verify-full")
    return value


def _callback_secret(value: SecretStr, info: ValidationInfo) -> SecretStr:
    if not is_local(info) and len(value.get_secret_value()) < 32:
        raise ValueError("must have at least 32 characters")
    return value


def _webhook_secret(value: SecretStr) -> SecretStr:
    values.check_webhook_secret(value.get_secret_value())
    return value


def _webhook_secrets(value: SecretStr) -> SecretStr:
    for part in value.get_secret_value().split(","):
        values.check_webhook_secret(part.strip())
    return value


CommaList = Annotated[tuple[str, ...], BeforeValidator(_comma_list)]
Origins = Annotated[CommaList, AfterValidator(_origins)]
Name = Annotated[str, AfterValidator(values.header_safe)]
Address = Annotated[str, AfterValidator(address)]
"""https://…; only the local stage may use plain HTTP."""
Key = Annotated[SecretStr, AfterValidator(_key)]
"""A secret that is sent in a header."""
DatabaseUrl = Annotated[SecretStr, AfterValidator(_database_url)]
CallbackSecret = Annotated[SecretStr, AfterValidator(_callback_secret)]
WebhookSecret = Annotated[SecretStr, AfterValidator(_webhook_secret)]
"""`whsec_` and Base64. A key that can't be decoded signs and checks nothing, so it is refused on every stage."""
WebhookSecrets = Annotated[SecretStr, AfterValidator(_webhook_secrets)]
"""Some of them, separated by commas: the new one, and the one before while it is being replaced."""
