"""All checks in order, each with what to do when it fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cli import queues
from cli.doctor import bucket, callback, clock, layer, secrets
from cli.doctor.findings import Check, TroubleError
from clipferry.db import migrations
from clipferry.dependencies import Dependencies
from clipferry.settings import Settings

LOCK_SECONDS = 5
"""How long a migration that runs at the moment is waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckContext:
    """What the settings don't say."""

    migrations: Path
    build: Path
    architecture: str | None
    api: str | None
    """The deployed API's base URL, where AI_CALLBACK_URL is empty."""


def checks(needs: Dependencies, context: CheckContext) -> Iterator[Check]:
    """In the order in which one mends them."""
    settings = needs.settings
    plain = settings.allow_loopback
    yield Check(
        name="secrets",
        advice="Put the right value into the secret (docs/incidents.md, A leaked secret).",
        look=lambda: secrets.look(settings),
    )
    yield Check(
        name="migrations",
        advice="Run `make migrate` with the code that is deployed.",
        look=lambda: _migration_level(needs, context.migrations),
    )
    yield Check(
        name="clock",
        advice="Set the clock by NTP (`timedatectl set-ntp true`).",
        look=lambda: clock.look(needs.database, _addresses(needs, context), plain_http=plain),
    )
    yield from _bucket_checks(needs)
    yield Check(
        name="callback",
        advice="Set AI_CALLBACK_URL to the address that reaches the API, up to and including /video/callback.",
        look=lambda: callback.look(
            _callback_url(settings, context), next(iter(needs.providers), None), plain_http=plain
        ),
    )
    yield Check(
        name="queue",
        advice="`clipferry redrive` sends dead letters again; otherwise check MIRROR_QUEUE_URL and AWS's credentials.",
        look=lambda: _queue(settings),
    )
    yield Check(
        name="layer",
        advice="Build again with the architecture that is deployed; for arm64 on purpose say --architecture arm64.",
        look=lambda: layer.look(context.build, context.architecture),
    )


def _bucket_checks(needs: Dependencies) -> Iterator[Check]:
    settings = needs.settings
    plain = settings.allow_loopback
    yield Check(
        name="bucket",
        advice="Give the R2 API token read and write access to the objects of STORAGE_BUCKET.",
        look=lambda: bucket.round_trip(needs.storage),
    )
    yield Check(
        name="public address",
        advice="Connect STORAGE_DOMAIN to the bucket (R2, Settings, Public access).",
        look=lambda: bucket.public_address(needs.storage, plain_http=plain),
    )
    yield Check(
        name="checksums",
        advice="Storage's boto3 client needs request_checksum_calculation and its counterpart at when_required.",
        look=lambda: bucket.checksums(needs.storage),
    )
    yield Check(
        name="browser upload",
        advice="A presigned URL needs the right clock, and a token that may write.",
        look=lambda: bucket.browser_upload(needs.storage, plain_http=plain),
    )
    yield Check(
        name="bucket CORS",
        advice="Allow PUT with content-type from these origins in the bucket's CORS policy (docs/deploy.md).",
        look=lambda: bucket.cors(
            settings.storage_endpoint, settings.storage_bucket, settings.allowed_origins, plain_http=plain
        ),
    )


def _migration_level(needs: Dependencies, folder: Path) -> str:
    pending = migrations.apply(needs.migration_url, folder, dry_run=True, wait_seconds=LOCK_SECONDS)
    if pending:
        raise TroubleError(f"not applied: {', '.join(pending)}")
    return f"{len(migrations.read(folder))} applied, none edited"


def _addresses(needs: Dependencies, context: CheckContext) -> dict[str, str]:
    """Whose Date is asked for."""
    settings = needs.settings
    providers = {name: str(getattr(settings, f"{name}_base_url", "")) for name in needs.providers}
    api = _callback_url(settings, context)
    known = {"storage": settings.storage_endpoint, "API": api or "", **providers}
    return {name: url for name, url in known.items() if url}


def _callback_url(settings: Settings, context: CheckContext) -> str | None:
    derived = f"{context.api.rstrip('/')}{callback.PATH}" if context.api else None
    return settings.ai_callback_url or derived


def _queue(settings: Settings) -> str:
    endpoint = settings.aws_endpoint_url_sqs
    with queues.at(settings.mirror_queue_url, region=settings.aws_region, endpoint=endpoint) as mirror:
        depth, dead = mirror.depth(), mirror.dead_letters_depth()
    if dead.waiting or dead.in_flight:
        raise TroubleError(f"{dead.waiting + dead.in_flight} dead letters")
    return f"{depth.waiting} waiting, {depth.in_flight} at work, no dead letters"
