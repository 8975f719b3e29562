"""Removes from `uploads/` what is too large, what no video was made from, and what is older than the owner keeps it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Final

from clipferry.db import uploads
from clipferry.db.connection import Database
from clipferry.files import upload_keys
from clipferry.observability import count, logger
from clipferry.s3.objects import ListedObject
from clipferry.storage import Storage

UNDECIDED_FOR: Final = timedelta(days=1)
"""How long an upload is left alone: its URL is valid for an hour, and its user may take their time to order."""
SECONDS_FOR_A_PAGE: Final = 20.0
_FIRST_CHARACTERS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def remove_uploads(
    *, database: Database, storage: Storage, now: datetime, kept_days: int, seconds_left: Callable[[], float]
) -> int:
    """Returns how many files were removed; what time doesn't allow today is done another day.

    One that an unfinished video is made from stays. With `kept_days` 0 none is too old. Keys that Clipferry doesn't
    make aren't touched. Raises StorageError.
    """
    removed = 0
    try:
        for page in _pages(storage, now):
            if seconds_left() < SECONDS_FOR_A_PAGE:
                break
            due = _due(page, database, now, kept_days)
            storage.delete_all(due)
            removed += len(due)
    finally:
        logger.info("uploads removed", uploads=removed)
        count("UploadsRemoved", removed)
    return removed


def _pages(storage: Storage, now: datetime) -> Iterator[list[ListedObject]]:
    """Yields every page once, from another place on each day: the last ones have their turn when time is short."""
    start = upload_keys.PREFIX + _FIRST_CHARACTERS[now.toordinal() % len(_FIRST_CHARACTERS)]
    yield from storage.list_pages(upload_keys.PREFIX, after=start)
    for page in storage.list_pages(upload_keys.PREFIX):
        yield [found for found in page if found.key <= start]
        if page and page[-1].key > start:
            return


def _due(page: list[ListedObject], database: Database, now: datetime, kept_days: int) -> list[str]:
    folders = {found.key: upload_keys.owner_folder(found.key) for found in page if found.modified < now - UNDECIDED_FOR}
    ours = {key: folder for key, folder in folders.items() if folder is not None}
    if not ours:
        return []
    uses = database.run(uploads.uses, list(ours), list(set(ours.values()))).all()
    is_open = {row["key"]: row["is_open"] for row in uses}
    return [
        found.key
        for found in page
        if found.key in ours
        and not is_open.get(found.key, False)
        and (found.key not in is_open or _is_too_much(found, now, kept_days))
    ]


def _is_too_much(found: ListedObject, now: datetime, kept_days: int) -> bool:
    is_expired = kept_days > 0 and found.modified < now - timedelta(days=kept_days)
    return is_expired or found.size > upload_keys.largest_size(found.key)
