"""Answers a doorbell: the signature, the inbox, then the question to the provider that `advance_video` asks."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import parse_qs, urlsplit

from clipferry import signatures
from clipferry.db import inbox, videos
from clipferry.db.connection import Database
from clipferry.errors import InvalidRequestError, InvalidSignatureError
from clipferry.models import CallbackHint, Video
from clipferry.observability import count, logger
from clipferry.providers.base import Provider

KEPT_BYTES: Final = 16 * 1024
"""Of a body, in the inbox: enough to read what a provider said."""
_SECRET: Final = re.compile(r"((?:sig|token|key|signature)(?:=|%3D|\\?\"\s*:\s*\\?\"))[^\"&\\\s]+", re.IGNORECASE)


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
    providers: Mapping[str, Provider],
    secrets: Sequence[str],
    advance: Callable[..., str],
    now: datetime,
) -> None:
    """Raises InvalidRequestError, InvalidSignatureError, or DatabaseUnavailableError: then the provider rings again."""
    provider = providers.get(callback.provider)
    if provider is None:
        raise InvalidRequestError.for_field("provider", "unknown", "there is no such provider")
    signed_at = _authenticated(callback, provider, secrets, now)
    hint = provider.read_hint(callback.body)
    with database.transaction() as tx:
        received = inbox.receive(
            tx,
            provider=callback.provider,
            video_uuid=callback.video_uuid,
            task_id=hint.task_id,
            signed_at=signed_at,
            body_sha256=hashlib.sha256(callback.body).digest(),
            body_size=len(callback.body),
            body=_readable(callback.body),
        )
        found = videos.get(tx, callback.video_uuid)
    video = found.first()
    verdict = _verdict(callback, hint, video, advance)
    entry = received.first()
    assert entry is not None
    with database.transaction() as tx:
        inbox.judge(tx, callback_id=entry["id"], verdict=verdict)
    logger.info("callback received", video_uuid=callback.video_uuid, provider=provider.name, verdict=verdict)


def _authenticated(callback: Callback, provider: Provider, secrets: Sequence[str], now: datetime) -> datetime:
    try:
        signed_at = signatures.verify(
            callback.video_uuid, callback.timestamp, callback.signature, secrets=secrets, now=now
        )
        provider.authenticate(callback.headers, callback.body, now=now)
    except InvalidSignatureError as error:
        count("CallbacksRejected", provider=provider.name)
        logger.warning("callback rejected", provider=provider.name, detail=str(error))
        raise
    return signed_at


def _verdict(callback: Callback, hint: CallbackHint, video: Video | None, advance: Callable[..., str]) -> str:
    if video is None:
        return "unknown video"
    if video.provider != callback.provider:
        return "another provider's video"
    if _names_another_video(hint.echoed_url, video.uuid):
        return advance(video) + "; the body is another video's"
    if hint.task_id and video.external_task_id and hint.task_id != video.external_task_id:
        return advance(video) + "; the body is another task's"
    return advance(video, claimed_task=hint.task_id)


def _names_another_video(echoed_url: str | None, video_uuid: str) -> bool:
    """KIE sends our callback URL back in `param`: it has to be this video's."""
    if echoed_url is None:
        return False
    return parse_qs(urlsplit(echoed_url).query).get("videoUuid") != [video_uuid]


def _readable(body: bytes) -> str:
    """The beginning of a body as text that Postgres takes, without the secrets that a provider may echo."""
    text = body[:KEPT_BYTES].decode("utf-8", "replace").replace("\x00", "\ufffd")
    return _SECRET.sub(r"\1[redacted]", text)
