"""Every setting, read once from the environment and from one optional secret; all problems are named at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from clipferry.errors import ConfigurationError


def _comma_list(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


CommaList = Annotated[tuple[str, ...], BeforeValidator(_comma_list)]


class Settings(BaseModel):
    """One field per environment variable, named alike in lower case. An empty variable counts as unset."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    stage: Literal["local", "dev", "staging", "prod"] = "dev"

    database_url: SecretStr
    """A libpq URL; TLS parameters pass through. Pooled or direct."""
    database_direct_url: SecretStr | None = None
    """For migrations, where DATABASE_URL goes through a pooler."""
    database_connect_timeout_seconds: int = Field(default=5, ge=1, le=25)
    database_statement_timeout_seconds: int = Field(default=10, ge=1, le=60)

    storage_endpoint: str
    storage_region: str = "auto"
    storage_access_key: SecretStr
    storage_secret_key: SecretStr
    storage_bucket: str
    storage_domain: str | None = None
    """Where the bucket is public. The founding document's fallback URL isn't, so a deployed stack must set it."""

    default_ai_provider: str = "evolink"
    evolink_api_key: SecretStr | None = None
    evolink_base_url: str = "https://api.evolink.ai"
    kie_api_key: SecretStr | None = None
    kie_base_url: str = "https://api.kie.ai"

    ai_callback_url: str | None = None
    """Empty: derived from the domain that the request came in by."""
    callback_hmac_secret: SecretStr
    callback_hmac_secret_previous: SecretStr | None = None
    """Still accepted, no longer signed with: set it for a day when the secret is rotated."""

    mirror_queue_url: str
    aws_region: str = "us-east-1"
    aws_endpoint_url_sqs: str | None = None

    better_auth_secret: SecretStr | None = None
    """Checks the signature of the session cookie, when set."""
    allowed_origins: CommaList = ()
    """Where a front end may write from with a cookie; the API's CORS origins."""
    rate_limit_per_minute: int = Field(default=5, ge=1)
    """Videos that a user may ask for in a minute; a request that isn't valid doesn't count."""

    video_max_concurrent: int = Field(default=3, ge=1)
    submit_deadline_seconds: int = Field(default=3900, ge=1)
    generation_deadline_seconds: int = Field(default=3600, ge=1)
    upload_deadline_seconds: int = Field(default=21600, ge=1)
    reconcile_interval_seconds: float = Field(default=60, gt=0)
    """How often reconcile runs: in AWS the schedule in the template, in the local stack this number."""
    status_refresh_seconds: int = Field(default=15, ge=0)

    models_file: str | None = None
    """A catalogue of one's own, instead of the layer's models.toml."""
    remote_asset_allowed_hosts: CommaList = ()
    """Hosts that finished files may come from (`*.suffix` allowed). Empty: any public host."""
    allow_loopback: bool = False
    """Plain HTTP and loopback for sources, storage and callbacks. A deployed stack refuses it."""

    @model_validator(mode="after")
    def _fit_together(self) -> Settings:
        problems = []
        if self.submit_deadline_seconds < self.generation_deadline_seconds + 300 and self.stage != "local":
            problems.append("SUBMIT_DEADLINE_SECONDS must be at least GENERATION_DEADLINE_SECONDS + 300")
        if self.stage != "local" and self.allow_loopback:
            problems.append("ALLOW_LOOPBACK is for STAGE=local only")
        if self.stage != "local" and not self.storage_domain:
            problems.append("STORAGE_DOMAIN is required: the bucket's S3 address isn't public")
        if self.stage != "local" and len(self.callback_hmac_secret.get_secret_value()) < 32:
            problems.append("CALLBACK_HMAC_SECRET must have at least 32 characters")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def callback_secrets(self) -> tuple[str, ...]:
        """The secret to sign with, then those that are still accepted."""
        secrets = (self.callback_hmac_secret, self.callback_hmac_secret_previous)
        return tuple(secret.get_secret_value() for secret in secrets if secret is not None)

    @classmethod
    def variables(cls) -> dict[str, str]:
        """Every environment variable's name, by its field."""
        return {name: name.upper() for name in cls.model_fields}


def load(environment: Mapping[str, str]) -> Settings:
    """Settings from `environment`; raises ConfigurationError that names every problem and shows no value."""
    values = {name: environment[key] for name, key in Settings.variables().items() if environment.get(key)}
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        raise ConfigurationError("; ".join(_problems(error))) from None


def _problems(error: ValidationError) -> list[str]:
    return [
        f"{'.'.join(str(part) for part in fault['loc']).upper()}: {fault['msg']}".removeprefix(": ")
        for fault in error.errors(include_input=False, include_url=False)
    ]
