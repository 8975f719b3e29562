"""Two workers on one video, both alive, over a real database: only the lease's holder completes and settles."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from tests.integration.mirror_fixtures import PART, Behaviour, film
from tests.integration.waiting_video import waiting_video


@pytest.mark.parametrize("size", [PART, 12 * PART])
def test_a_video_is_mirrored_and_settled(database_url: str, size: int) -> None:
    with waiting_video(database_url, Behaviour(film(size))) as world:
        world.mirror()
        assert (world.status(), world.is_right()) == ("COMPLETED", True)
        assert (world.kept()["upload_id"], world.kept()["parts"]) == (None, None)

        asked = world.r2.requests.copy()
        world.mirror()  # the message comes twice
        assert (world.status(), world.is_right(), world.r2.requests) == ("COMPLETED", True, asked)


def test_out_of_time_progress_is_stored_and_the_next_delivery_goes_on(database_url: str) -> None:
    """The source sends some parts at once, and the others not before the time is over."""
    with waiting_video(database_url, Behaviour(film(30 * PART), holds_after=4 * PART)) as world:
        world.mirror(seconds_left=lambda: 12.0)
        kept = world.kept()
        assert (world.status(), kept["sha256"]) == ("UPLOADING", None)
        assert kept["upload_id"] in world.r2.bucket.uploads
        assert len(kept["parts"]) > 0
        sent = world.behaviour.sent
        world.behaviour.go_on.set()
        world.mirror()
        assert (world.status(), world.is_right()) == ("COMPLETED", True)
        assert world.behaviour.sent - sent == (30 - len(kept["parts"])) * PART
        assert world.r2.bucket.uploads == {}


def test_an_old_holder_that_wakes_up_harms_nobody(database_url: str) -> None:
    with waiting_video(database_url, Behaviour(film(30 * PART), rate=300_000)) as world:
        old = threading.Thread(target=world.mirror)
        old.start()
        while not world.kept():
            time.sleep(0.01)
        world.rows("update clipferry.jobs set lease_until = now() - interval '1 second' where video_uuid = %(uuid)s")
        world.mirror()  # takes over the upload while the first still works on it
        old.join()
        assert (world.status(), world.is_right()) == ("COMPLETED", True)
        assert len(world.r2.bucket.completed) == 1
        assert (world.r2.bucket.aborted, world.r2.bucket.uploads) == ([], {})
        assert len(world.rows("select id from credit_transactions where video_uuid = %(uuid)s")) == 1


def test_two_messages_at_once_are_one_mirror(database_url: str) -> None:
    with waiting_video(database_url, Behaviour(film(12 * PART), rate=1_000_000)) as world:
        workers = [threading.Thread(target=world.mirror) for _ in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert (world.status(), world.is_right()) == ("COMPLETED", True)
        assert world.r2.requests["CreateMultipartUpload"] == 1


def test_a_source_that_changes_midway_is_mirrored_in_its_new_version(database_url: str) -> None:
    changed = Behaviour(film(12 * PART), fault="changed", skip=4, changed=film(12 * PART, seed=1), hangs_up_after=PART)
    with waiting_video(database_url, changed) as world:
        world.mirror()
        assert (world.status(), world.is_right()) == ("COMPLETED", True)
        assert world.behaviour.content == film(12 * PART, seed=1)


@pytest.mark.parametrize(
    "odd",
    [
        {"nodes": 1000},
        {"fault": "whole range", "times": 1000},
        {"fault": "whole range", "times": 1000, "skip": 1},
        {"fault": "unknown size", "times": 1000},
    ],
    ids=["each node has its own ETag", "all for a part", "all for any part but the first", "no size"],
)
@pytest.mark.parametrize("workers", [1, 3])
def test_a_source_whose_ranges_do_not_hold_is_read_in_one_answer(
    database_url: str, odd: dict[str, Any], workers: int
) -> None:
    with waiting_video(database_url, Behaviour(film(12 * PART), **odd)) as world:
        world.mirror(workers=workers)
        assert (world.status(), world.is_right()) == ("COMPLETED", True)
        assert (len(world.r2.bucket.completed), world.r2.bucket.uploads) == (1, {})
