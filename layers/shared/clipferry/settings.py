"""Every setting, from the environment and from one optional secret. All problems are named at once."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from clipferry.setting_rules import database_urls, values
from clipferry.setting_rules.secret_location import SecretLocation, read
from clipferry.setting_rules.types import (
    Address,
    CallbackSecret,
    CommaList,
    DatabaseUrl,
    Key,
    Name,
    Origins,
    WebhookSecret,
    WebhookSecrets,
    address,
    is_local,
)

if TYPE_CHECKING:
    from clipferry.setting_rules.gateways import Gateway

_NO_SECRET: Final[Mapping[str, str]] = MappingProxyType({})


class Settings(SecretLocation):
    """One field for each environment variable, by its name in lower case. An empty variable counts as unset."""

    database_url: DatabaseUrl
    """A libpq URL, pooled or direct. TLS parameters pass through; `sslmode=verify-full` needs no file.

    A deployed stack refuses one whose connection may go on without TLS."""
    database_direct_url: DatabaseUrl | None = None
    """For migrations, where DATABASE_URL goes through a pooler."""
    database_connect_timeout_seconds: int = Field(default=5, ge=1, le=25)
    database_statement_timeout_seconds: int = Field(default=10, ge=1, le=60)

    storage_bucket: Name
    storage_endpoint: str
    """The S3 address without the bucket, which every request's path names."""
    storage_region: Name = "auto"
    storage_access_key: Key
    storage_secret_key: Key
    storage_domain: str | None = Field(default=None, validate_default=True)
    """Where the bucket is public. The founding document's fallback URL isn't, so a deployed stack must set it."""
    storage_content_md5: bool = False
    """Whether the bucket checks each part by its MD5, which costs 1.5 s of CPU for each GB; docs/mirror.md."""

    storage_private: bool = False
    """Whether films and thumbnails are read by signed addresses only; docs/api-files.md says what the bucket needs."""
    storage_url_seconds: int = Field(default=3600, ge=60, le=604_800)
    """How long a signed address of a file works at the most. S3 and R2 take a week."""

    default_ai_provider: str = "evolink"
    evolink_api_key: Key | None = None
    evolink_base_url: Address = "https://api.evolink.ai"
    kie_api_key: Key | None = None
    kie_base_url: Address = "https://api.kie.ai"
    kie_webhook_hmac_key: Key | None = None
    """KIE's `webhookHmacKey`. When it is set, KIE's callbacks must be signed with it."""
    kie_webhook_tolerance_seconds: int = Field(default=300, ge=1, le=86400)
    """Largest difference between KIE's timestamp and our clock; KIE doesn't say whether a retry is signed again."""
    replicate_api_key: Key | None = None
    replicate_base_url: Address = "https://api.replicate.com"
    replicate_webhook_secret: WebhookSecrets | None = None
    """Replicate's signing secret, `whsec_…`. During a rotation: the new one, a comma, the old one."""
    fal_api_key: Key | None = None
    fal_base_url: Address = "https://queue.fal.run"
    """The address of fal's queue."""
    video_gateways: SecretStr | None = None
    """Servers that speak OpenAI's video API, each a provider by its name: JSON, because any number may have keys."""

    ai_callback_url: Address | None = None
    """The URL under which callbacks come in. Empty: it is derived from the domain of the request."""
    callback_hmac_secret: CallbackSecret
    callback_hmac_secret_previous: CallbackSecret | None = None
    """Still accepted, but no longer used to sign. Set it for a day when the secret is rotated."""

    mirror_queue_url: Address
    aws_endpoint_url_sqs: Address | None = None

    webhook_url: Address | None = None
    """Where the ends of all videos are announced, signed with WEBHOOK_SECRET (docs/webhooks.md). Empty: nowhere."""
    webhook_secret: WebhookSecret | None = Field(default=None, validate_default=True)
    """`whsec_` and the Base64 of 24 to 64 random bytes. Without it no request may name a `webhookUrl` either."""
    webhook_secret_previous: WebhookSecret | None = None
    """Signs too, so that receivers can change over. Set it for some days when the secret is rotated."""
    webhook_credits_low: int | None = Field(default=None, ge=1)
    """`credits.low` is announced when a video leaves its user with fewer credits. Empty: never."""
    webhook_queue_url: Address | None = None
    """The queue of webhooks. Without one they are only written down."""

    better_auth_secret: SecretStr | None = None
    """When it is set, the session cookie's signature is checked with it."""
    better_auth_cookie_prefix: str = Field(default="better-auth", pattern="^[A-Za-z0-9_.-]{1,64}$")
    """Better Auth's `advanced.cookiePrefix`, with which the session cookie's name begins."""
    allowed_origins: Origins = ()
    """Origins of the front ends that may write with a cookie; the API's CORS origins."""
    rate_limit_per_minute: int = Field(default=5, ge=1)
    """Videos that a user may ask for in a minute; a request that isn't valid doesn't count."""

    video_max_concurrent: int = Field(default=3, ge=1)
    upload_length_required: bool = False
    """Whether a presigned upload must name its size. A URL that is signed without one takes a file of any size."""
    uploads_kept_days: int = Field(default=30, ge=0)
    """Days after which an upload is removed from the bucket. 0: never, but those that are too large or never used."""

    generation_deadline_seconds: int = Field(default=3600, ge=1)
    submit_deadline_seconds: int = Field(default=3900, ge=1, validate_default=True)
    upload_deadline_seconds: int = Field(default=21600, ge=1)
    reconcile_interval_seconds: float = Field(default=60, gt=0)
    """How often reconcile runs. In AWS the template's schedule decides, in the local stack this number."""
    status_refresh_seconds: int = Field(default=15, ge=0)

    models_file: str | None = None
    """The path of your own catalogue, instead of the layer's models.toml."""
    remote_asset_allowed_hosts: CommaList = ()
    """Hosts that finished files may come from (`*.suffix` allowed). Empty: any public host."""
    allow_loopback: bool = False
    """Allows plain HTTP and loopback for sources, storage and callbacks. A deployed stack refuses it."""

    @field_validator("storage_endpoint")
    @classmethod
    def _check_storage_endpoint(cls, value: str, info: ValidationInfo) -> str:
        return values.storage_endpoint(value, info.data.get("storage_bucket", ""), plain_http=is_local(info))

    @field_validator("storage_domain")
    @classmethod
    def _check_storage_domain(cls, value: str | None, info: ValidationInfo) -> str | None:
        if not value and not is_local(info):
            raise ValueError("is required: the bucket's S3 address isn't public")
        return address(value, info) if value else value

    @field_validator("submit_deadline_seconds")
    @classmethod
    def _check_submit_deadline(cls, value: int, info: ValidationInfo) -> int:
        if value < info.data.get("generation_deadline_seconds", 0) + 300 and not is_local(info):
            raise ValueError("must be at least GENERATION_DEADLINE_SECONDS + 300")
        return value

    @field_validator("webhook_secret")
    @classmethod
    def _check_webhook_secret(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if value is None and info.data.get("webhook_url"):
            raise ValueError("is required with WEBHOOK_URL")
        return value

    @field_validator("allow_loopback")
    @classmethod
    def _check_loopback(cls, value: bool, info: ValidationInfo) -> bool:
        if value and not is_local(info):
            raise ValueError("is for STAGE=local only")
        return value

    @field_validator("video_gateways")
    @classmethod
    def _check_gateways(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        named = _gateways(value, info.data.get("stage", ""))
        if taken := [gateway.name for gateway in named if f"{gateway.name}_api_key" in cls.model_fields]:
            raise ValueError(f"{', '.join(taken)} has settings of its own: take another name")
        return value

    @property
    def migration_url(self) -> str:
        """The direct URL, if there is one: migrations hold a session lock, which a pooler would lose."""
        return (self.database_direct_url or self.database_url).get_secret_value()

    @property
    def gateways(self) -> tuple[Gateway, ...]:
        return _gateways(self.video_gateways, self.stage)

    @property
    def source_keys(self) -> dict[str, str]:
        """The Authorization header by what the address of a file begins with, for gateways whose files need the key."""
        locked = (own for own in self.gateways if own.file_needs_key)
        return {f"{own.base_url.rstrip('/')}/videos/": f"Bearer {own.api_key.get_secret_value()}" for own in locked}

    @property
    def callback_secrets(self) -> tuple[str, ...]:
        """The secret that signs, then the one that is still accepted."""
        secrets = (self.callback_hmac_secret, self.callback_hmac_secret_previous)
        return tuple(secret.get_secret_value() for secret in secrets if secret is not None)

    @property
    def replicate_webhook_secrets(self) -> tuple[str, ...]:
        """Every secret that is accepted now."""
        secret = self.replicate_webhook_secret
        return values.comma_separated(secret.get_secret_value() if secret else "")

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        """The secret that signs webhooks, then during a rotation the one that signs them too; none: none are sent."""
        if self.webhook_secret is None:
            return ()
        secrets = (self.webhook_secret, self.webhook_secret_previous)
        return tuple(secret.get_secret_value() for secret in secrets if secret is not None)

    @property
    def redactions(self) -> frozenset[str]:
        """What no log may show: every secret, and each password within a database URL."""
        values = (getattr(self, name) for name in type(self).model_fields)
        texts = {value.get_secret_value() for value in values if isinstance(value, SecretStr)}
        keys = (gateway.api_key.get_secret_value() for gateway in self.gateways)
        passwords = (database_urls.passwords(text) for text in texts)
        return frozenset(texts.union(self.replicate_webhook_secrets, keys, *passwords))


def _gateways(setting: SecretStr | None, stage: str) -> tuple[Gateway, ...]:
    if setting is None:
        return ()
    from clipferry.setting_rules import gateways  # where nobody has one, it costs no cold start

    return gateways.parse(setting.get_secret_value(), stage=stage)


def load(environment: Mapping[str, str], secret: Mapping[str, str] = _NO_SECRET) -> Settings:
    """Reads the settings from `environment`, and from `secret` those that aren't set there.

    Raises ConfigurationError, which names every problem and shows no value.
    """
    return read(Settings, {**secret, **{name: value for name, value in environment.items() if value}})
