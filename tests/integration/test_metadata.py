"""Metadata of a request: kept with its video alone, and part of what a repeat is compared by."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clipferry.db.connection import Database
from clipferry.errors import IdempotencyKeyReusedError, TooManyJobsError
from tests import books, journeys
from tests.creating import create

PAIRS = "select count(*) from clipferry.metadata_pairs"

pytestmark = pytest.mark.usefixtures("rich_ann")


def test_it_is_kept_with_the_video_that_was_made_and_a_repeat_keeps_none(database: Database) -> None:
    request = replace(journeys.request(), metadata={"order": "42", "shop": "7"})
    made = create(database, request=request, key="once")
    again = create(database, request=request, key="once")

    assert (again.video_uuid, again.replayed) == (made.video_uuid, True)
    assert journeys.read(database, made.video_uuid).metadata == {"order": "42", "shop": "7"}
    assert books.value(database, PAIRS) == 2
    with pytest.raises(IdempotencyKeyReusedError):
        create(database, request=replace(request, metadata={"order": "43"}), key="once")
    with pytest.raises(TooManyJobsError):
        create(database, request=request, limit=1)
    assert books.value(database, PAIRS) == 2
