"""All checks in order, each with advice for the case that it fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cli import queues
from cli.doctor import bucket, callback, clock, layer, providers, secrets
from cli.doctor.findings import Check, CheckFailedError
from clipferry.db import migrations, schema, server_certificates
from clipferry.dependencies import Dependencies
from clipferry.providers import registry
from clipferry.settings import Settings

LOCK_SECONDS = 5
"""How long to wait for a migration that is running."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckContext:
    """What the checks need beside the settings."""

    migrations: Path
    build: Path
    architecture: str | None
    api: str | None
    """The deployed API's base URL, where AI_CALLBACK_URL is empty."""


def checks(dependencies: Dependencies, context: CheckContext) -> Iterator[Check]:
    """Yields the checks in the order in which failures should be fixed."""
    settings = dependencies.settings
    plain = settings.allow_loopback
    yield Check(
        name="secrets",
        advice="Put the correct value into the secret (docs/incidents.md, A leaked secret).",
        run=lambda: secrets.check(settings),
    )
    yield Check(
        name="providers",
        advice="Set what is missing, or take out what is too much (docs/providers.md).",
        run=lambda: providers.check(settings),
    )
    yield Check(
        name="migrations",
        advice="Run `make migrate` with the code that is deployed.",
        run=lambda: _migration_level(dependencies, context.migrations),
    )
    yield Check(
        name="database TLS",
        advice="End the URL with ?sslmode=verify-full (docs/deploy.md, The secret): `require` takes any certificate.",
        run=lambda: _database_tls(dependencies),
    )
    yield Check(
        name="clock",
        advice="Synchronise the clock by NTP (`timedatectl set-ntp true`).",
        run=lambda: clock.check(dependencies.database, _addresses(dependencies, context), plain_http=plain),
    )
    yield from _bucket_checks(dependencies)
    yield Check(
        name="callback",
        advice="Set AI_CALLBACK_URL to the address that reaches the API, up to and including /video/callback.",
        run=lambda: callback.check(
            _callback_url(settings, context), next(iter(dependencies.providers), None), plain_http=plain
        ),
    )
    yield Check(
        name="queue",
        advice="`clipferry redrive` sends dead letters again; otherwise check MIRROR_QUEUE_URL and AWS credentials.",
        run=lambda: _queue(settings.mirror_queue_url, settings),
    )
    if webhook_queue := settings.webhook_queue_url:
        yield Check(
            name="webhook queue",
            advice="`clipferry redrive --webhooks` sends dead letters again; otherwise check WEBHOOK_QUEUE_URL.",
            run=lambda: _queue(webhook_queue, settings),
        )
    yield Check(
        name="layer",
        advice="Build again for the architecture that is deployed; if that is arm64, pass --architecture arm64.",
        run=lambda: layer.check(context.build, context.architecture),
    )


def _bucket_checks(dependencies: Dependencies) -> Iterator[Check]:
    settings = dependencies.settings
    plain = settings.allow_loopback
    yield Check(
        name="bucket",
        advice="Give the R2 API token Object Read & Write for STORAGE_BUCKET: it reads, writes, deletes and lists.",
        run=lambda: bucket.round_trip(dependencies.storage),
    )
    yield Check(
        name="public address",
        advice="Connect STORAGE_DOMAIN to the bucket (R2, Settings, Public access).",
        run=lambda: bucket.public_address(dependencies.storage, plain_http=plain),
    )
    yield Check(
        name="browser upload",
        advice="Check this machine's clock, and that the R2 API token may write: a presigned URL needs both.",
        run=lambda: bucket.browser_upload(dependencies.storage, plain_http=plain),
    )
    yield Check(
        name="bucket CORS",
        advice="Allow PUT with content-type from these origins in the bucket's CORS policy (docs/deploy.md).",
        run=lambda: bucket.cors(
            settings.storage_endpoint, settings.storage_bucket, settings.allowed_origins, plain_http=plain
        ),
    )


def _migration_level(dependencies: Dependencies, folder: Path) -> str:
    changes = schema.bring_up_to_date(
        dependencies.settings.migration_url,
        folder,
        dry_run=True,
        wait_seconds=LOCK_SECONDS,
        connect_timeout=dependencies.settings.database_connect_timeout_seconds,
    )
    if changes.applied:
        raise CheckFailedError(f"not applied: {', '.join(changes.applied)}")
    if changes.restored:
        raise CheckFailedError(
            f"missing: {', '.join(changes.restored)}",
            advice="Another schema tool has dropped them: run `make migrate` (docs/migrating.md).",
        )
    return f"{len(migrations.read(folder))} applied, none edited; no constraint or index is missing"


def _database_tls(dependencies: Dependencies) -> str:
    urls = {
        "DATABASE_URL": dependencies.settings.database_url.get_secret_value(),
        "DATABASE_DIRECT_URL": dependencies.settings.migration_url,
    }
    unchecked = [name for name, url in urls.items() if not server_certificates.are_checked(url)]
    if unchecked:
        raise CheckFailedError(f"nobody checks the database's certificate: {', '.join(unchecked)}")
    return "the database's certificate is checked, or it is on this machine"


def _addresses(dependencies: Dependencies, context: CheckContext) -> dict[str, str]:
    """The servers whose Date header is compared, by name."""
    settings = dependencies.settings
    providers = {
        provider.name: str(getattr(settings, provider.base_url))
        for provider in registry.PROVIDERS
        if provider.name in dependencies.providers
    } | {gateway.name: gateway.base_url for gateway in settings.gateways}
    api = _callback_url(settings, context)
    known = {"storage": settings.storage_endpoint, "API": api or "", **providers}
    return {name: url for name, url in known.items() if url}


def _callback_url(settings: Settings, context: CheckContext) -> str | None:
    derived = f"{context.api.rstrip('/')}{callback.PATH}" if context.api else None
    return settings.ai_callback_url or derived


def _queue(url: str, settings: Settings) -> str:
    endpoint = settings.aws_endpoint_url_sqs
    with queues.connect_to(url, region=settings.aws_region, endpoint=endpoint) as queue:
        depth, dead = queue.depth(), queue.dead_letters_depth()
    if dead.waiting or dead.in_flight:
        raise CheckFailedError(f"dead letters: {dead.waiting + dead.in_flight}")
    return f"{depth.waiting} messages waiting, {depth.in_flight} in flight, no dead letters"
