"""The bucket that STORAGE_* name, read from variables alone: for commands that need no other setting."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, NamedTuple

from clipferry.errors import ConfigurationError
from clipferry.setting_rules import values

REQUIRED: Final = ("STORAGE_ENDPOINT", "STORAGE_ACCESS_KEY", "STORAGE_SECRET_KEY", "STORAGE_BUCKET")


class BucketSettings(NamedTuple):
    """What `Storage` takes of them. Its words show no secret."""

    endpoint: str
    region: str
    access_key: str
    secret_key: str
    bucket: str
    public_domain: str | None

    def __repr__(self) -> str:
        return f"BucketSettings(endpoint={self.endpoint!r}, bucket={self.bucket!r})"


def read_bucket_settings(variables: Mapping[str, str], *, plain_http: bool) -> BucketSettings:
    """Returns the bucket that STORAGE_* name; raises ConfigurationError that lists what is missing or can't be."""
    missing = [name for name in REQUIRED if not variables.get(name)]
    if missing:
        raise ConfigurationError(f"not set: {', '.join(missing)}")

    def read(name: str, check: Callable[[str], str] = values.header_safe) -> str:
        try:
            return check(variables[name])
        except ValueError as error:
            raise ConfigurationError(f"{name} {error}") from None

    bucket = read("STORAGE_BUCKET")
    has_region, has_domain = variables.get("STORAGE_REGION"), variables.get("STORAGE_DOMAIN")
    return BucketSettings(
        endpoint=read("STORAGE_ENDPOINT", partial(values.storage_endpoint, bucket=bucket, plain_http=plain_http)),
        region=read("STORAGE_REGION") if has_region else "auto",
        access_key=read("STORAGE_ACCESS_KEY"),
        secret_key=read("STORAGE_SECRET_KEY"),
        bucket=bucket,
        public_domain=read("STORAGE_DOMAIN", partial(values.web_address, plain_http=True)) if has_domain else None,
    )
