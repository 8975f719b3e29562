"""Where the secret with the other settings is; and the reading of variables that names every problem at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from clipferry.errors import ConfigurationError
from clipferry.setting_rules.types import Address


class SecretLocation(BaseModel):
    """Where the secret is. It may hold all other settings, so these come from the environment alone."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    stage: Literal["local", "dev", "staging", "prod"] = "dev"

    secrets_arn: str | None = None
    """A secret of Secrets Manager: a JSON object of settings by their names in capitals. Empty: there is none."""
    secrets_max_age_seconds: int = Field(default=300, ge=1, le=86400)
    """How old the secret's values may be before they are read again; each reading costs $0.000005."""
    aws_region: str = "us-east-1"
    aws_endpoint_url_secrets_manager: Address | None = None


Model = TypeVar("Model", bound=SecretLocation)


def read(model: type[Model], variables: Mapping[str, str]) -> Model:
    """Reads the model's fields from variables of their names in capitals; an empty one counts as unset.

    Raises ConfigurationError, which names every problem and shows no value.
    """
    values = {name: variables[name.upper()] for name in model.model_fields if variables.get(name.upper())}
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise ConfigurationError("; ".join(_problems(error))) from None


def _problems(error: ValidationError) -> list[str]:
    return [
        ": ".join(filter(None, (".".join(map(str, fault["loc"])).upper(), fault["msg"].removeprefix("Value error, "))))
        for fault in error.errors(include_input=False, include_url=False)
    ]
