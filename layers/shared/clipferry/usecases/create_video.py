"""Creates a video: the row and its hold in one transaction, then the submit to a provider."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from clipferry.catalog import ResolvedOptions
from clipferry.db import circuits, video_metadata, webhook_endpoints
from clipferry.db.connection import Database
from clipferry.db.create_video import CreateResult, NewVideo, create
from clipferry.errors import (
    IdempotencyKeyReusedError,
    InsufficientCreditsError,
    KeyCapReachedError,
    KeyNotAllowedError,
    ProviderError,
    RateLimitedError,
    ReplayedError,
    TooManyJobsError,
    UnauthorizedError,
)
from clipferry.models import Credential, Scope, Submitted, VideoStatus
from clipferry.observability import count, logger, set_log_context
from clipferry.polling import Polling
from clipferry.providers.base import Provider
from clipferry.usecases.submit_video import submit_video
from clipferry.verdicts import CreateVerdict


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoRequest:
    """A request that fits its model. `parameters` is what the row keeps of it."""

    resolved: ResolvedOptions
    parameters: dict[str, Any]
    webhook_url: str | None = None
    """Whom the caller wants told of the end, besides the owner."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """The caller's own words about it, which are shown wherever the video is."""

    @property
    def prompt(self) -> str:
        return self.resolved.options.prompt

    @property
    def image_url(self) -> str | None:
        """The first image: the first frame, or the first reference."""
        return next(iter(self.resolved.options.image_urls), None)

    @property
    def sha256(self) -> bytes:
        asked: list[Any] = [self.resolved.model.id, self.prompt, self.image_url, self.parameters]
        if self.webhook_url is not None:
            asked.append(self.webhook_url)
        if self.metadata:
            asked.append(dict(self.metadata))
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class CreatedVideo:
    """What the caller is told. `task_id` is None while nobody knows whether the provider took it."""

    video_uuid: str
    task_id: str | None
    provider: str
    status: VideoStatus
    estimated_time: int | None
    credits_used: int
    replayed: bool = False


def may_name_webhook(credential: Credential, webhook_secrets: Sequence[str]) -> bool:
    """Whether a request may have a `webhookUrl`: one with an API key, where the owner has a secret to sign with."""
    return credential.is_api_key and bool(webhook_secrets)


def create_video(
    request: VideoRequest,
    *,
    credential: Credential,
    idempotency_key: str | None,
    database: Database,
    providers: Mapping[str, Provider],
    preferred_provider: str,
    sign_callback: Callable[[str, str], str],
    max_concurrent: int,
    polling: Polling,
    rate_limit_per_minute: int | None = None,
) -> CreatedVideo:
    """Returns what the caller is told, or raises it. `providers` are those that have a key.

    `sign_callback(provider, video_uuid)` gives the callback URL.
    """
    offers = [o for o in request.resolved.offers_by_preference(preferred_provider) if o.provider in providers]
    if not offers:
        raise ProviderError(f"no configured provider makes {request.resolved.model.id}")
    uuid = f"vid_{secrets.token_urlsafe(16)[:21]}"
    new = NewVideo(
        uuid=uuid,
        prompt=request.prompt,
        model=request.resolved.model.id,
        parameters=request.parameters,
        provider=offers[0].provider,
        image_url=request.image_url,
        credits=request.resolved.credits,
        max_concurrent=max_concurrent,
        rate_limit_per_minute=rate_limit_per_minute,
        deadline_seconds=polling.submit_deadline_seconds,
        idempotency_key=idempotency_key,
        request_sha256=request.sha256,
    )
    if request.webhook_url is not None:
        credential = replace(credential, needs=(*credential.needs, Scope.WEBHOOKS))
    set_log_context(None, prompt=request.prompt)
    with database.transaction() as tx:
        creating = create(tx, credential, new)
        if request.webhook_url is not None:
            webhook_endpoints.name_in_request(tx, video_uuid=uuid, url=request.webhook_url)
        if request.metadata:
            video_metadata.keep(tx, video_uuid=uuid, metadata=request.metadata)
        reading = circuits.read_open(tx)
    result = creating.first()
    _raise_refusal(result, new.credits)
    assert result is not None
    if result.verdict is CreateVerdict.REPLAYED:
        set_log_context(result.uuid)
        return _replay(result)
    set_log_context(uuid, prompt=request.prompt)
    logger.info("video created", video_uuid=uuid, model=request.resolved.model.id, credits=new.credits)
    count("VideosCreated")
    orders = [request.resolved.order(offer, uuid) for offer in offers]
    submitted = submit_video(
        orders, reading.all(), database=database, providers=providers, sign_callback=sign_callback, polling=polling
    )
    return _created(uuid, request.resolved.credits, submitted)


def _raise_refusal(result: CreateResult | None, credits_needed: int) -> None:
    if result is None or result.verdict is CreateVerdict.NOBODY:
        raise UnauthorizedError("no such session or key")
    if result.verdict is CreateVerdict.FORBIDDEN:
        raise KeyNotAllowedError("the key lacks the scope")
    if result.verdict is CreateVerdict.KEY_REUSED:
        raise IdempotencyKeyReusedError
    if result.verdict is CreateVerdict.RATE_LIMITED:
        raise RateLimitedError
    if result.verdict is CreateVerdict.TOO_MANY_JOBS:
        raise TooManyJobsError(details={"inFlight": result.jobs})
    if result.verdict is CreateVerdict.KEY_CAP_REACHED:
        raise KeyCapReachedError(
            details={
                "requiredCredits": credits_needed,
                "usedCredits": result.used_credits,
                "monthlyCredits": result.monthly_credits,
            }
        )
    if result.verdict is CreateVerdict.INSUFFICIENT_CREDITS:
        raise InsufficientCreditsError(
            details={"requiredCredits": credits_needed, "availableCredits": result.available_credits}
        )


def _replay(earlier: CreateResult) -> CreatedVideo:
    """Returns the same answer again, from the video's row; an error that was answered is raised again as it was."""
    if earlier.refusal is not None:
        raise ReplayedError(earlier.refusal)
    if earlier.uuid is None or earlier.status is None:
        raise IdempotencyKeyReusedError("the key's video no longer exists")
    return CreatedVideo(
        video_uuid=earlier.uuid,
        task_id=earlier.external_task_id,
        provider=earlier.provider or "",
        status=VideoStatus(earlier.status),
        estimated_time=earlier.estimated_seconds,
        credits_used=earlier.credits_used or 0,
        replayed=True,
    )


def _created(uuid: str, price: int, submitted: Submitted) -> CreatedVideo:
    return CreatedVideo(
        video_uuid=uuid,
        task_id=submitted.task_id,
        provider=submitted.provider,
        status=submitted.status,
        estimated_time=submitted.estimated_seconds,
        credits_used=price,
    )
