"""Takes a request: the video and its hold in one transaction, then the submit, then the task that came of it."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Any

from clipferry.catalog import Choice, Offer
from clipferry.db import circuits, creation
from clipferry.db.connection import Database
from clipferry.db.creation import Creation, NewVideo
from clipferry.errors import (
    IdempotencyKeyReusedError,
    InsufficientCreditsError,
    ProviderError,
    RateLimitedError,
    ReplayedError,
    TooManyJobsError,
    UnauthorizedError,
)
from clipferry.models import Credential, Order, Submitted, VideoStatus
from clipferry.observability import count, follow, logger
from clipferry.timing import Timing


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoRequest:
    """A request that fits its model. `parameters` is what the row keeps of it."""

    prompt: str
    choice: Choice
    image_url: str | None
    parameters: dict[str, Any]

    @property
    def sha256(self) -> bytes:
        canonical = json.dumps([self.choice.model.id, self.prompt, self.image_url, self.parameters], sort_keys=True)
        return hashlib.sha256(canonical.encode()).digest()


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


def create_video(
    request: VideoRequest,
    *,
    credential: Credential,
    idempotency_key: str | None,
    database: Database,
    providers: Container[str],
    preferred_provider: str,
    submit: Callable[..., Submitted],
    max_concurrent: int,
    timing: Timing,
    rate_limit_per_minute: int | None = None,
) -> CreatedVideo:
    """`providers` are the configured ones; `submit` is `submit_video`. Raises what the caller should be told."""
    offers = [o for o in request.choice.model.offers_by_preference(preferred_provider) if o.provider in providers]
    if not offers:
        raise ProviderError(f"no configured provider makes {request.choice.model.id}")
    uuid = f"vid_{secrets.token_urlsafe(16)[:21]}"
    new = NewVideo(
        uuid=uuid,
        prompt=request.prompt,
        model=request.choice.model.id,
        parameters=request.parameters,
        provider=offers[0].provider,
        image_url=request.image_url,
        credits=request.choice.credits,
        max_concurrent=max_concurrent,
        rate_limit_per_minute=rate_limit_per_minute,
        deadline_seconds=timing.submit_deadline_seconds,
        idempotency_key=idempotency_key,
        request_sha256=request.sha256,
    )
    follow(None, prompt=request.prompt)
    with database.transaction() as tx:
        creating = creation.create(tx, credential, new)
        reading = circuits.read_open(tx)
    result = creating.first()
    _raise_refusal(result, new.credits)
    assert result is not None
    if result.verdict == "REPLAYED":
        follow(result.uuid)
        return _replay(result)
    follow(uuid, prompt=request.prompt)
    logger.info("video created", video_uuid=uuid, model=request.choice.model.id, credits=new.credits)
    count("VideosCreated")
    orders = [_order(uuid, request, offer) for offer in offers]
    return _created(uuid, request.choice.credits, submit(orders, reading.all()))


def _raise_refusal(result: Creation | None, credits_needed: int) -> None:
    verdict = result.verdict if result else "NOBODY"
    if result is None or verdict == "NOBODY":
        raise UnauthorizedError("no such session or key")
    if verdict == "KEY_REUSED":
        raise IdempotencyKeyReusedError
    if verdict == "RATE_LIMITED":
        raise RateLimitedError
    if verdict == "TOO_MANY_JOBS":
        raise TooManyJobsError(details={"inFlight": result.jobs})
    if verdict == "INSUFFICIENT_CREDITS":
        raise InsufficientCreditsError(
            details={"requiredCredits": credits_needed, "availableCredits": result.available_credits}
        )


def _replay(earlier: Creation) -> CreatedVideo:
    """The same answer again, from the video's row; an error that was answered is answered again as it was."""
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


def _order(uuid: str, request: VideoRequest, offer: Offer) -> Order:
    return Order(
        video_uuid=uuid,
        provider=offer.provider,
        prompt=request.prompt,
        model=offer.name_for(request.image_url),
        duration=request.choice.duration,
        aspect_ratio=request.choice.aspect_ratio,
        quality=_quality(request.choice.quality, offer),
        image_url=request.image_url,
        input=offer.input,
    )


def _quality(quality: str | None, offer: Offer) -> str | None:
    return quality and offer.qualities.get(quality, quality)


def _created(uuid: str, price: int, submitted: Submitted) -> CreatedVideo:
    return CreatedVideo(
        video_uuid=uuid,
        task_id=submitted.task_id,
        provider=submitted.provider,
        status=submitted.status,
        estimated_time=submitted.estimated_seconds,
        credits_used=price,
    )
