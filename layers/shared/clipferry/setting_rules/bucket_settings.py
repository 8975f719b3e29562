"""The bucket that STORAGE_* name, read from variables alone: for commands that need no other setting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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
    with _naming("STORAGE_BUCKET"):
        bucket = values.header_safe(variables["STORAGE_BUCKET"])
    with _naming("STORAGE_ENDPOINT"):
        endpoint = values.storage_endpoint(variables["STORAGE_ENDPOINT"], bucket, plain_http=plain_http)
    with _naming("STORAGE_ACCESS_KEY"):
        access_key = values.header_safe(variables["STORAGE_ACCESS_KEY"])
    with _naming("STORAGE_SECRET_KEY"):
        secret_key = values.header_safe(variables["STORAGE_SECRET_KEY"])
    with _naming("STORAGE_REGION"):
        region = values.header_safe(variables.get("STORAGE_REGION") or "auto")
    with _naming("STORAGE_DOMAIN"):
        domain = variables.get("STORAGE_DOMAIN")
        public_domain = values.web_address(domain, plain_http=True) if domain else None
    return BucketSettings(
        endpoint=endpoint,
        region=region,
        access_key=access_key,
        secret_key=secret_key,
        bucket=bucket,
        public_domain=public_domain,
    )


@contextmanager
def _naming(setting: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise ConfigurationError(f"{setting} {error}") from None
