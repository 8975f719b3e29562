"""What a mirror makes of a source or a bucket that fails: how often it tries, what it writes down, when it gives up."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from clipferry.usecases.end_failed_mirror import INVALID_TRIES
from local.http.messages import Request, Response
from local.http.server import HttpServer
from local.r2.faults import Fault
from tests.films import small_film
from tests.integration.mirror_fixtures import PART, Behaviour, film
from tests.integration.waiting_video import World, waiting_video


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
def answering(headers: dict[str, str]) -> Iterator[str]:
    """A source that answers everything with these headers."""
    server = HttpServer()

    def answer(_request: Request) -> Response:
        return Response(status=200, headers=headers, body=b"<html>Sorry")

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
