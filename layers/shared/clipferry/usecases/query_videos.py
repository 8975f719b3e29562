"""Reads a user's videos: one, its status (the provider is asked when the answer is old), and the list by pages."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from clipferry.db import jobs, sign_in, video_metadata, videos, videos_after
from clipferry.db.connection import Database, Rows
from clipferry.db.sign_in import Caller
from clipferry.errors import InvalidRequestError, NoFileError, VideoNotFoundError
from clipferry.files.links import FileLinks
from clipferry.models import Credential, FileVariant, Video, VideoStatus
from clipferry.observability import set_log_context
from clipferry.usecases.advance_video import AdvanceContext, advance_video

_NEWEST: Final = (datetime(9999, 1, 1), 2**31 - 1)  # noqa: DTZ001 - naive UTC, as the column is
_MOST_CHARACTERS: Final = 700_000
"""In a page. Lambda answers 6 MB at the most, and JSON within JSON writes a control character in seven bytes."""


@dataclass(frozen=True, slots=True)
class Page:
    """Newest first; `next_cursor` is None on the last page."""

    videos: list[Video]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class PageAfter:
    """Videos in the order that was asked for."""

    videos: list[Video]
    has_more: bool


def get_video(uuid: str, *, credential: Credential, database: Database) -> Video:
    """The caller's own video; another's and an unknown one look the same."""
    set_log_context(uuid)
    with database.transaction() as tx:
        caller = sign_in.authenticate(tx, credential)
        found = videos.get_own(tx, uuid)
    return found_video(uuid, caller, found)


def found_video(uuid: str, caller: Rows[Caller], found: Rows[Video]) -> Video:
    """The video that `caller` may see; raises VideoNotFoundError, and what `sign_in.signed_in` does."""
    sign_in.signed_in(caller)
    video = found.first()
    if video is None:
        raise VideoNotFoundError(uuid)
    return video


def get_file(
    uuid: str,
    variant: FileVariant,
    *,
    is_download: bool,
    credential: Credential,
    database: Database,
    links: FileLinks,
) -> str:
    """The address of a file of the caller's own video; raises NoFileError while there is none."""
    video = get_video(uuid, credential=credential, database=database)
    url = video.video_url if variant is FileVariant.VIDEO else video.thumbnail_url
    if video.status is not VideoStatus.COMPLETED or not url:
        raise NoFileError(uuid, details={"status": video.status.value})
    return links.address(url, is_download=is_download)


def get_status(uuid: str, *, credential: Credential, database: Database, context: AdvanceContext) -> Video:
    """The caller's own video, after asking the provider when nobody has for a while. Its errors aren't raised."""
    set_log_context(uuid)
    with database.transaction() as tx:
        caller = sign_in.authenticate(tx, credential)
        claimed = jobs.claim_stale(tx, uuid=uuid, stale_seconds=context.polling.status_refresh_seconds)
        found = videos.get_own(tx, uuid)
    video = found_video(uuid, caller, found)
    if claimed.first() is None:
        return video
    set_log_context(uuid, prompt=video.prompt)
    advance_video(video, database=database, context=context)
    return get_video(uuid, credential=credential, database=database)


def list_videos(
    *,
    credential: Credential,
    database: Database,
    limit: int,
    cursor: str | None,
    status: VideoStatus | None,
    pair: tuple[str, str] | None = None,
) -> Page:
    """A page of at most `limit`, of the videos whose metadata have `pair` if it is given.

    A video made while somebody pages appears on no page twice and shifts none.
    """
    before_at, before_id = _NEWEST if cursor is None else _position(cursor)
    with database.transaction() as tx:
        caller = sign_in.authenticate(tx, credential)
        if pair is None:
            found = videos.list_own(tx, before_at=before_at, before_id=before_id, status=status, limit=limit + 1)
        else:
            found = video_metadata.list_own(
                tx, pair=pair, before_at=before_at, before_id=before_id, status=status, limit=limit + 1
            )
    sign_in.signed_in(caller)
    rows = found.all()
    shown = _fitting(rows[:limit])
    return Page(shown, _cursor(shown[-1]) if len(rows) > len(shown) else None)


def list_after(
    *, credential: Credential, database: Database, after: str | None, oldest_first: bool, limit: int
) -> PageAfter:
    """A page of at most `limit` behind the video `after`, which may have been deleted meanwhile."""
    with database.transaction() as tx:
        caller = sign_in.authenticate(tx, credential)
        position = videos_after.position(tx, after or "")
        found = videos_after.list_after(tx, after=after, oldest_first=oldest_first, limit=limit + 1)
    sign_in.signed_in(caller)
    if after is not None and position.first() is None:
        raise InvalidRequestError.for_field("after", "invalid", "no video of yours has this id")
    rows = found.all()
    shown = _fitting(rows[:limit])
    return PageAfter(shown, has_more=len(rows) > len(shown))


def _fitting(rows: list[Video]) -> list[Video]:
    """The first of `rows`, as many as fit into an answer, and at least one: prompts may have 30,000 characters."""
    room = _MOST_CHARACTERS
    for number, row in enumerate(rows):
        room -= len(row.prompt) + len(str(row.parameters)) + len(str(row.metadata)) + len(row.original_video_url or "")
        if room < 0 < number:
            return rows[:number]
    return rows


def _cursor(video: Video) -> str:
    milliseconds = round(video.created_at.timestamp() * 1000)
    return base64.urlsafe_b64encode(f"{milliseconds}.{video.id}".encode()).decode().rstrip("=")


def _position(cursor: str) -> tuple[datetime, int]:
    try:
        text = base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)).decode("ascii")
        milliseconds, video_id = (int(part) for part in text.split("."))
        moment = datetime.fromtimestamp(milliseconds / 1000, UTC).replace(tzinfo=None)
    except (ValueError, OverflowError, OSError, binascii.Error, UnicodeError):
        raise InvalidRequestError.for_field("cursor", "invalid", "not a cursor of this list") from None
    if not 0 <= video_id < 2**31:
        raise InvalidRequestError.for_field("cursor", "invalid", "not a cursor of this list")
    return moment, video_id
