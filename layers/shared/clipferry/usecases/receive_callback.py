"""Receives a provider's callback: checks its signature, keeps it in the inbox, and lets `advance_video` ask the
provider itself. A callback only says that there is news; its body isn't believed unless the provider signs it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import parse_qs, urlsplit

from clipferry import callback_signature
from clipferry.db import inbox, jobs, videos
from clipferry.db.connection import Database
from clipferry.errors import InvalidRequestError, InvalidSignatureError, NotFoundError
from clipferry.models import TaskReport, Video, VideoStatus
from clipferry.observability import count, logger, redact_body, set_log_context
from clipferry.providers.base import CallbackHint, Provider
from clipferry.usecases.advance_video import AdvanceContext, advance_video
from clipferry.verdicts import Verdict

KEPT_BYTES: Final = 16 * 1024
"""What the inbox keeps of a body: enough to read what a provider said."""

ASKED_ABOUT: Final = (VideoStatus.PENDING, VideoStatus.GENERATING, VideoStatus.FAILED)
"""The states in which a callback makes us ask the provider; a failed video's task may have succeeded after all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """What came in: the URL's parts as they were sent, headers in lower case, the raw body."""

    provider: str
    video_uuid: str
    timestamp: str
    signature: str
    headers: Mapping[str, str]
    body: bytes


def receive_callback(
    callback: Callback,
    *,
    database: Database,
    context: AdvanceContext,
    secrets: Sequence[str],
    now: datetime,
) -> None:
    """Raises InvalidRequestError, InvalidSignatureError or DatabaseUnavailableError: the provider calls back again."""
    set_log_context(callback.video_uuid)
    provider = context.providers.get(callback.provider)
    if provider is None:
        count("CallbacksRejected", provider="none", reason="unknown_provider")
        raise InvalidRequestError.for_field("provider", "unknown", "there is no such provider")
    signed_at = _authenticated(callback, provider, secrets, now)
    hint = provider.read_hint(callback.body)
    believable = not _names_another_video(hint.echoed_url, callback.video_uuid)
    kept = redact_body(callback.body, size=KEPT_BYTES)
    with database.transaction() as tx:
        claimed = inbox.claim_question(
            tx,
            video_uuid=callback.video_uuid,
            provider=callback.provider,
            stale_seconds=context.polling.status_refresh_seconds,
        )
        received = inbox.store(
            tx,
            provider=callback.provider,
            video_uuid=callback.video_uuid,
            task_id=hint.task_id,
            signed_at=signed_at,
            body_sha256=hashlib.sha256(callback.body).digest(),
            body_size=len(callback.body),
            body=kept,
            verdict=Verdict.NO_ANSWER if believable else None,  # should this function die: the next check asks
        )
        found = videos.get(tx, callback.video_uuid)
    video = found.first()
    set_log_context(callback.video_uuid, prompt=video.prompt if video else None)
    report = provider.read_report(callback.body)
    entry = received.first()
    is_new = entry is not None and bool(entry["is_new"])
    may_ask = claimed.first() is not None
    if video is not None and report is None and not may_ask and _would_ask(video, callback.provider):
        verdict = _reason_to_ignore(hint, video) or Verdict.NO_ANSWER
    else:
        verdict = _advance(callback.provider, hint, video, report, database, context)
    if entry is not None and (is_new or may_ask):  # else each post would leave an event
        without_prompt = redact_body(callback.body, size=KEPT_BYTES)  # which prompt it is wasn't known before
        with database.transaction() as tx:
            if without_prompt != kept:
                inbox.replace_body(tx, callback_id=entry["id"], body=without_prompt)
            inbox.set_verdict(tx, callback_id=entry["id"], verdict=verdict)
            if verdict is Verdict.NO_ANSWER:  # there was news, and nobody calls back a second time
                jobs.check_soon(tx, uuid=callback.video_uuid, seconds=context.polling.check_seconds)
    logger.info("callback received", provider=provider.name, verdict=verdict)


def replay_callback(callback_id: int, *, database: Database, context: AdvanceContext) -> Verdict:
    """Handles a kept callback again, and returns the verdict. What its body says isn't believed any more.

    Raises NotFoundError for an id that the inbox doesn't have.
    """
    with database.transaction() as tx:
        entry = inbox.find(tx, callback_id).first()
        if entry is None:
            raise NotFoundError(f"the inbox has no callback {callback_id}")
        found = videos.get(tx, entry.video_uuid)
    hint = _kept_hint(entry, context.providers)
    verdict = _advance(entry.provider, hint, found.first(), None, database, context)
    with database.transaction() as tx:
        inbox.set_verdict(tx, callback_id=callback_id, verdict=verdict)
    return verdict


def _authenticated(callback: Callback, provider: Provider, secrets: Sequence[str], now: datetime) -> datetime:
    with _counted(provider.name, "signature"):
        signed_at = callback_signature.verify(
            callback.video_uuid, callback.timestamp, callback.signature, secrets=secrets, now=now
        )
    with _counted(provider.name, "provider_signature"):
        provider.authenticate(callback.headers, callback.body, now=now)
    return signed_at


@contextmanager
def _counted(provider: str, reason: str) -> Iterator[None]:
    try:
        yield
    except InvalidSignatureError as error:
        count("CallbacksRejected", provider=provider, reason="expired" if error.has_expired else reason)
        logger.warning("callback rejected", provider=provider, detail=str(error))
        raise


def _advance(
    provider: str,
    hint: CallbackHint,
    video: Video | None,
    report: TaskReport | None,
    database: Database,
    context: AdvanceContext,
) -> Verdict:
    """Advances the callback's video as far as what the body claims may be used, and returns what came of it."""
    if video is None:
        return Verdict.UNKNOWN_VIDEO
    if video.provider != provider:
        return Verdict.OTHER_PROVIDER
    ignored = _reason_to_ignore(hint, video)
    found = advance_video(
        video,
        claimed_task=None if ignored else hint.task_id,
        report=None if ignored else report,
        database=database,
        context=context,
    )
    return ignored or found


def _would_ask(video: Video, provider: str) -> bool:
    return video.provider == provider and video.status in ASKED_ABOUT


def _reason_to_ignore(hint: CallbackHint, video: Video) -> Verdict | None:
    if _names_another_video(hint.echoed_url, video.uuid):
        return Verdict.OTHER_VIDEO
    if video.external_task_id and hint.is_about_another(video.external_task_id):
        return Verdict.OTHER_TASK
    return None


def _names_another_video(echoed_url: str | None, video_uuid: str) -> bool:
    """Compares the URL with the video: KIE sends our callback URL back in `param`."""
    if echoed_url is None:
        return False
    try:
        return parse_qs(urlsplit(echoed_url).query).get("videoUuid") != [video_uuid]
    except ValueError:
        return True


def _kept_hint(entry: inbox.StoredCallback, providers: Mapping[str, Provider]) -> CallbackHint:
    """Reads the body again. One that was cut can't be read: then it claims nothing."""
    provider = providers.get(entry.provider)
    if provider is None or entry.body is None or entry.body_size > KEPT_BYTES:
        return CallbackHint(task_id=None)
    return provider.read_hint(entry.body.encode())
