"""Each kind of file on its way through the mirror: COMPLETED with its facts, or FAILED with the credits back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest

from clipferry.db import timeline
from clipferry.db.connection import Database
from clipferry.models import TaskReport
from clipferry.verdicts import FailureCode, TaskState
from tests.film_corpus import REFUSED, TAKEN, UNKNOWN, WRONG_KINDS
from tests.integration.mirror_fixtures import PART, Behaviour, film
from tests.integration.waiting_video import UUID, World, waiting_video
from tests.scripted_provider import ScriptedProvider

FACTS = ("duration_ms", "width", "height", "codec", "has_audio", "frame_rate")


class Source:
    """A provider that names the file's address whenever it is asked."""

    def __init__(self, world: World) -> None:
        self.questions = 0
        self._url = world.rows("select original_video_url as url from videos where uuid = %(uuid)s")[0]["url"]

    def ask(self, _task_id: str) -> TaskReport:
        self.questions += 1
        return TaskReport(state=TaskState.SUCCEEDED, video_url=f"{self._url}?again={self.questions}")

    @property
    def providers(self) -> dict[str, Any]:
        return {"evolink": ScriptedProvider(ask=self.ask)}


def mirror(world: World, seconds_left: Callable[[], float] = lambda: 300.0) -> Source:
    """One message from the queue. Thumbnails have tests of their own."""
    source = Source(world)
    with patch("clipferry.usecases.mirror_video.make_thumbnail", return_value=None):
        world.mirror(seconds_left, providers=source.providers)
    return source


def events(world: World, kind: str) -> list[dict[str, Any]]:
    sql = "select detail from clipferry.video_events where video_uuid = %(uuid)s and kind = %(kind)s order by id"
    return [row["detail"] for row in world.rows(sql, uuid=UUID, kind=kind)]


def package(world: World) -> tuple[int, int]:
    (row,) = world.rows("select remaining_credits, frozen_credits from credit_packages")
    return row["remaining_credits"], row["frozen_credits"]


def hold(world: World) -> str:
    return world.rows("select status from credit_holds where video_uuid = %(uuid)s")[0]["status"]


@pytest.mark.parametrize("kind", [kind for kind in TAKEN if " by " not in kind or kind == "1664 by 1248"])
def test_a_film_is_completed_with_its_facts(database_url: str, kind: str) -> None:
    expected = TAKEN[kind]
    with waiting_video(database_url, Behaviour(expected.content)) as world:
        source = mirror(world)

        assert (world.status(), world.is_right(), hold(world), package(world)) == (
            "COMPLETED",
            True,
            "SETTLED",
            (90, 0),
        )
        assert {name: world.kept()[name] for name in FACTS} == {name: getattr(expected.facts, name) for name in FACTS}
        (row,) = world.rows("select duration, resolution, aspect_ratio from videos where uuid = %(uuid)s")
        assert row == {
            "duration": expected.facts.duration,
            "resolution": expected.resolution,
            "aspect_ratio": expected.aspect_ratio,
        }
        assert source.questions == 0


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_film_fails_after_one_more_try_and_costs_nothing(database_url: str, kind: str) -> None:
    with waiting_video(database_url, Behaviour(REFUSED[kind].content)) as world:
        source = mirror(world)

        assert (world.status(), hold(world), package(world)) == ("FAILED", "RELEASED", (100, 0))
        (row,) = world.rows(
            "select v.error_message, v.video_url, j.failure_code from videos v "
            "join clipferry.jobs j on j.video_uuid = v.uuid where v.uuid = %(uuid)s"
        )
        assert row == {
            "error_message": FailureCode.NOT_A_VIDEO.sentence,
            "video_url": None,
            "failure_code": "NOT_A_VIDEO",
        }
        assert (source.questions, len(events(world, "source_refreshed"))) == (1, 1)
        (failed,) = events(world, "failed")
        assert failed["detail"].startswith(f"{REFUSED[kind].reason}: ")
        kept = world.kept()
        assert (kept["key"], kept["size"], kept["sha256"], kept["upload_id"]) == (
            f"videos/{UUID}.mp4",
            len(REFUSED[kind].content),
            None,
            None,
        )


@pytest.mark.parametrize("kind", WRONG_KINDS)
def test_another_kind_of_file_fails_at_the_first_try(database_url: str, kind: str) -> None:
    content, name = WRONG_KINDS[kind]
    with waiting_video(database_url, Behaviour(content)) as world:
        source = mirror(world)

        assert (world.status(), package(world), source.questions) == ("FAILED", (100, 0), 0)
        (failed,) = events(world, "failed")
        assert (failed["code"], f"the provider sent {name}: " in failed["detail"]) == ("NOT_A_VIDEO", True)
        assert world.r2.bucket.objects == {}


@pytest.mark.parametrize("content", UNKNOWN.values(), ids=UNKNOWN)
def test_a_page_may_be_a_cdns_bad_minute(database_url: str, content: bytes) -> None:
    with waiting_video(database_url, Behaviour(content)) as world:
        mirror(world)

        assert (world.status(), package(world)) == ("UPLOADING", (90, 10))
        (interrupted,) = events(world, "mirror_interrupted")
        assert interrupted["code"] == "SOURCE_INVALID"


@pytest.mark.parametrize("size", [PART // 2, 5 * PART], ids=["one part", "five parts"])
def test_a_second_try_that_is_a_film_completes_the_video(database_url: str, size: int) -> None:
    good = film(size)
    bad = good.replace(b"avc1", b"apch")
    with waiting_video(database_url, Behaviour(bad)) as world:
        source = Source(world)

        def ask(task_id: str) -> TaskReport:
            world.behaviour.content = good
            return source.ask(task_id)

        with patch("clipferry.usecases.mirror_video.make_thumbnail", return_value=None):
            world.mirror(providers={"evolink": ScriptedProvider(ask=ask)})  # type: ignore[dict-item]

        assert (world.status(), world.is_right(), hold(world)) == ("COMPLETED", True, "SETTLED")


def test_a_film_that_is_none_in_many_parts_is_fetched_again_and_not_found_in_the_bucket(database_url: str) -> None:
    with waiting_video(database_url, Behaviour(film(5 * PART).replace(b"avc1", b"apch"))) as world:
        mirror(world)

        assert (world.status(), package(world)) == ("FAILED", (100, 0))
        assert world.behaviour.sent >= 2 * 5 * PART


def test_without_time_for_it_the_second_try_is_the_next_messages(database_url: str) -> None:
    with waiting_video(database_url, Behaviour(REFUSED["a HEIC still"].content)) as world:
        mirror(world, lambda: 15.0)
        assert (world.status(), package(world)) == ("UPLOADING", (90, 10))
        (job,) = world.rows("select next_check_at <= now() as is_due, lease_until from clipferry.jobs")
        assert job == {"is_due": True, "lease_until": None}

        mirror(world, lambda: 15.0)
        assert (world.status(), package(world)) == ("FAILED", (100, 0))


ORDERED = {"duration": 5, "aspectRatio": "9:16", "quality": "1080p"}


@pytest.mark.parametrize(
    ("order", "difference"),
    [
        (
            ORDERED,
            {
                "ordered": {"duration": 5, "resolution": "1080p", "aspectRatio": "9:16"},
                "found": {"duration": 2, "resolution": "360p", "aspectRatio": "16:9"},
            },
        ),
        (
            {"duration": 2, "aspectRatio": "16:9", "quality": "720p"},
            {"ordered": {"resolution": "720p"}, "found": {"resolution": "360p"}},
        ),
        ({"duration": 2, "aspectRatio": "16:9", "quality": "360P"}, None),
        ({"duration": 2, "aspectRatio": "auto", "quality": "high"}, None),
        ({}, None),
        (None, None),
    ],
    ids=["all of it", "the resolution", "as ordered", "words", "nothing", "null"],
)
def test_a_film_that_differs_from_its_order_has_an_event_that_says_so(
    database_url: str, order: dict[str, Any] | None, difference: dict[str, Any] | None
) -> None:
    with waiting_video(database_url, Behaviour(TAKEN["moov in front"].content)) as world:
        world.rows(
            "update videos set parameters = %(order)s::jsonb", order=None if order is None else json.dumps(order)
        )
        mirror(world)

        assert world.status() == "COMPLETED"
        assert events(world, "not_as_ordered") == ([] if difference is None else [difference])


def test_explain_shows_the_facts_of_the_file(database_url: str) -> None:
    with waiting_video(database_url, Behaviour(TAKEN["with sound"].content)) as world:
        mirror(world)
    database = Database(database_url)
    with database.transaction() as tx:
        found = timeline.read(tx, UUID)
    (moment,) = [moment for moment in found.all() if moment.source == "file"]
    database.close()

    assert (moment.what, moment.detail) == (
        "mirrored",
        {
            "key": f"videos/{UUID}.mp4",
            "bytes": len(TAKEN["with sound"].content),
            "milliseconds": 2000,
            "width": 640,
            "height": 360,
            "codec": "h264",
            "audio": True,
            "rate": 24,
        },
    )
