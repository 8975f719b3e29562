"""Looks after every video whose time has come: lost callbacks, lost messages, dead workers, deadlines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

from aws_lambda_powertools.metrics import MetricUnit

from clipferry.db import gauges, jobs, videos
from clipferry.db.connection import Database
from clipferry.errors import ClipferryError
from clipferry.models import Video
from clipferry.observability import count, follow, logger
from clipferry.timing import Timing

BATCH: Final = 20
SECONDS_FOR_ONE: Final = 18.0
"""The longest that one video takes (KIE's two endpoints, each asked twice): with less left, the next run takes over."""
LONG_SECONDS: Final = 3.0
"""A look that takes so long was spent waiting for the provider."""
PATIENCE: Final = 3
"""Long looks at one provider's videos in one run: then the rest of them wait for the next, and others get a turn."""


def reconcile(
    *, database: Database, advance: Callable[..., str], timing: Timing, seconds_left: Callable[[], float]
) -> int:
    """Advances what is due, batch by batch while there is time, and returns how many videos it looked at."""
    with database.transaction() as tx:
        jobs.adopt_strays(tx, deadline_seconds=timing.submit_deadline_seconds)
        jobs.dismiss_ended(tx)
        reading = gauges.read(tx)
    _measure(reading.first())
    looked_at, waits = 0, Counter[str]()
    while seconds_left() > SECONDS_FOR_ONE:
        due = _claim(database, timing)
        for uuid in due:
            before = seconds_left()
            if before <= SECONDS_FOR_ONE:
                return looked_at
            video = _look_after(uuid, waits, database=database, advance=advance)
            looked_at += 1
            if video is not None and before - seconds_left() > LONG_SECONDS:
                waits[video.provider or ""] += 1
        if len(due) < BATCH:
            break
    return looked_at


def _measure(found: dict[str, float] | None) -> None:
    assert found is not None
    count("OldestOpenVideoSeconds", max(found["oldest_seconds"], 0), unit=MetricUnit.Seconds)
    count("CreditsHeld", found["credits_held"])


def _claim(database: Database, timing: Timing) -> list[str]:
    with database.transaction() as tx:
        claimed = jobs.claim_due(tx, limit=BATCH, interval_seconds=timing.check_seconds)
    return [row["video_uuid"] for row in claimed.all()]


def _look_after(uuid: str, waits: Counter[str], *, database: Database, advance: Callable[..., str]) -> Video | None:
    """One video that always fails must not keep the others from their turn, whatever it fails with: an adapter that
    can't read one answer raises a ValueError or its like. Returns the video that was advanced."""
    try:
        with database.transaction() as tx:
            found = videos.get(tx, uuid)
        video: Video | None = found.first()
        follow(uuid, prompt=video.prompt if video else None)
        if video is None or waits[video.provider or ""] >= PATIENCE:
            return None
        logger.info("reconciled", video_uuid=uuid, verdict=advance(video, resend=True))
    except (ClipferryError, ValueError, TypeError, LookupError):
        logger.exception("could not reconcile", video_uuid=uuid)
        count("ReconcileErrors")
        return None
    finally:
        follow(None)
    return video
