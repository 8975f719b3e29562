"""What a mirror makes of a source or a bucket that fails: how often it tries, what it writes down, when it gives up."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import pytest

from clipferry.models import TaskReport
from clipferry.providers.base import Provider
from clipferry.usecases.end_failed_mirror import INVALID_TRIES
from clipferry.verdicts import TaskState
from local.http.messages import Request, Response
from local.http.server import HttpServer
from local.r2.faults import Fault
from tests.films import small_film
from tests.integration.mirror_fixtures import PART, Behaviour, film
from tests.integration.waiting_video import UUID, World, waiting_video


def stories(world: World) -> list[str]:
    """Why it was interrupted, each time."""
    found = world.rows(
        "select detail ->> 'code' as code from clipferry.video_events "
        "where video_uuid = %(uuid)s and kind = 'mirror_interrupted' order by id"
    )
    return [row["code"] for row in found]


def is_leased(world: World) -> bool:
    return (
        world.rows("select lease_until from clipferry.jobs where video_uuid = %(uuid)s")[0]["lease_until"] is not None
    )


def test_a_page_instead_of_a_film_is_given_up_after_five_times(database_url: str) -> None:
    with waiting_video(database_url, Behaviour(film(PART), fault="html", times=1000)) as world:
        for tries in range(1, INVALID_TRIES):
            world.mirror()
            assert (world.status(), stories(world)) == ("UPLOADING", ["SOURCE_INVALID"] * tries)
        world.mirror()
        assert world.status() == "FAILED"


def test_interruptions_before_do_not_count_as_pages(database_url: str) -> None:
    behaviour = Behaviour(film(PART), fault="drop", times=1000)
    with waiting_video(database_url, behaviour) as world:
        for _ in range(INVALID_TRIES):
            world.mirror()
        assert (world.status(), set(stories(world))) == ("UPLOADING", {"SOURCE_ERROR"})
        behaviour.fault = "html"
        world.mirror()
        assert world.status() == "UPLOADING"
        behaviour.fault = ""
        world.mirror()
        assert (world.status(), world.is_right()) == ("COMPLETED", True)


@contextmanager
def answering(headers: dict[str, str], status: int = 200) -> Iterator[str]:
    """A source that answers everything with these headers."""
    server = HttpServer()

    def answer(_request: Request) -> Response:
        return Response(status=status, headers=headers, body=b"<html>Sorry")

    with server.serving(answer):
        yield f"{server.url}/film.mp4"


@pytest.mark.parametrize("name", ["Content-Type", "Content-Encoding"])
def test_words_that_postgres_does_not_take_are_written_down_all_the_same(database_url: str, name: str) -> None:
    with (
        answering({name: "text/html\0\0"}) as source,
        waiting_video(database_url, Behaviour(film(PART))) as world,
    ):
        world.rows("update videos set original_video_url = %(url)s", url=source)
        world.mirror()
        assert (world.status(), is_leased(world), len(stories(world))) == ("UPLOADING", False, 1)


def test_a_bucket_that_stalls_on_the_thumbnail_costs_no_more_than_the_functions_time(database_url: str) -> None:
    begun = time.monotonic()

    def seconds_left() -> float:
        return 16 - (time.monotonic() - begun)

    with waiting_video(database_url, Behaviour(small_film())) as world:
        world.r2.fail(Fault(operation="PutObject", kind="stall", skip=1))
        world.mirror(seconds_left)
        assert seconds_left() > 0
        assert world.status() == "COMPLETED"
        assert world.rows("select thumbnail_url from videos where uuid = %(uuid)s") == [{"thumbnail_url": None}]


# A file that doesn't get further


def broken(how: str) -> Behaviour:
    """Sources that never get to their end."""
    content = film(5 * PART + 1000)
    if how == "ends early, without ranges":
        return Behaviour(content, fault="early end", times=1000, after=PART, ranges=False)
    if how == "announces more than it has":
        return Behaviour(content, fault="announces more", times=1000)
    return Behaviour(content, fault="drop", times=1000)


class Asked:
    """A provider that gives one fresh address, and counts the questions."""

    def __init__(self, fresh: str) -> None:
        self.fresh, self.questions = fresh, 0

    def ask(self, _task_id: str) -> TaskReport:
        self.questions += 1
        return TaskReport(state=TaskState.SUCCEEDED, video_url=self.fresh)


def pass_time(world: World, seconds: float) -> None:
    """Lets the database's clock seem to have gone on: whatever has happened is that much longer ago."""
    for table, column in (("video_events", "at"), ("jobs", "state_since")):
        world.rows(
            f"update clipferry.{table} set {column} = {column} - make_interval(secs => %(seconds)s)"
            " where video_uuid = %(uuid)s",
            uuid=UUID,
            seconds=seconds,
        )


def next_check(world: World) -> float:
    seconds = "select extract(epoch from next_check_at - now())::float as seconds from clipferry.jobs"
    return world.rows(seconds)[0]["seconds"]


@pytest.mark.parametrize("how", ["ends early, without ranges", "announces more than it has", "never answers"])
def test_a_file_that_does_not_get_further_is_asked_about_once_and_fails_within_ten_minutes(
    database_url: str, how: str
) -> None:
    with waiting_video(database_url, broken(how)) as world:
        provider = Asked(world.rows("select original_video_url as url from videos")[0]["url"])
        minutes, questions = 0.0, list[int]()
        while world.status() == "UPLOADING":
            world.mirror(providers={"evolink": cast("Provider", provider)})
            questions.append(provider.questions)
            if world.status() == "UPLOADING":
                pause = max(next_check(world), 0)
                pass_time(world, pause)
                minutes += pause / 60
        (failed,) = world.rows(
            "select detail from clipferry.video_events where video_uuid = %(uuid)s and kind = 'failed'"
        )
        assert 7 < minutes < 10
        assert questions[0] == 0
        assert provider.questions == 1
        assert "no further than" in failed["detail"]["detail"]
        assert world.r2.bucket.uploads == {}
        assert world.rows("select status from credit_holds") == [{"status": "RELEASED"}]


def test_a_file_that_gets_further_with_each_delivery_is_never_given_up(database_url: str) -> None:
    behaviour = Behaviour(film(9 * PART), fault="drop", skip=2, times=1000, hangs_up_after=PART)
    with waiting_video(database_url, behaviour) as world:
        for _ in range(4):
            world.mirror(workers=1)
            pass_time(world, 600)
            behaviour.skip = behaviour.requests + 1
        assert set(stories(world)) == {"SOURCE_ERROR"}
        assert world.status() == "UPLOADING"
        behaviour.fault = ""
        world.mirror()
        assert (world.status(), world.is_right()) == ("COMPLETED", True)


def test_a_bucket_that_is_away_for_long_fails_no_video(database_url: str) -> None:
    with waiting_video(database_url, Behaviour(film(5 * PART))) as world:
        world.r2.fail(Fault(operation="CreateMultipartUpload", kind="500", times=1000))
        for _ in range(4):
            world.mirror()
            pass_time(world, 600)
        assert (world.status(), set(stories(world))) == ("UPLOADING", {"STORAGE_UNAVAILABLE"})


def test_a_source_that_asks_for_patience_gets_it(database_url: str) -> None:
    with (
        answering({"Retry-After": "200"}, status=503) as source,
        waiting_video(database_url, Behaviour(film(PART))) as world,
    ):
        world.rows("update videos set original_video_url = %(url)s", url=source)
        world.mirror()
        assert 190 < next_check(world) <= 200
