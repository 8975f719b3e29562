"""A video's file by a link that lasts: a redirect to where the file lies."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from clipferry.db.connection import Database
from clipferry.models import VideoStatus
from tests import books, journeys
from tests.http_api import Api, Person

CDN = "https://cdn.example.com/"
SET = "update public.videos set video_url = %(film)s, thumbnail_url = %(picture)s"


@pytest.fixture
def completed(database: Database, ann: Person) -> str:
    """A video of ann's whose film and thumbnail are in the bucket."""
    books.add_package(database, 10)
    uuid = journeys.video_at(database, VideoStatus.COMPLETED)
    books.execute(database, SET, film=f"{CDN}videos/{uuid}.mp4", picture=f"{CDN}videos/{uuid}.jpg")
    return f"/api/v1/video/{uuid}/content"


@pytest.mark.parametrize(
    ("query", "ending"), [("", ".mp4"), ("?variant=video", ".mp4"), ("?variant=thumbnail&download=0", ".jpg")]
)
def test_the_file_is_where_the_redirect_leads(api: Api, completed: str, ann: Person, query: str, ending: str) -> None:
    for method in ("GET", "HEAD"):
        answer = api.call(method, completed + query, headers=ann.by_key)
        assert (answer.status, answer.payload) == (302, {})
        assert answer.headers["location"] == f"{CDN}videos/{completed.split('/')[4]}{ending}"
        assert answer.headers["cache-control"] == "no-store"


def test_a_download_is_signed_for_an_hour_and_named(api: Api, completed: str, ann: Person) -> None:
    uuid = completed.split("/")[4]
    location = urlsplit(api.call("GET", f"{completed}?download=1", headers=ann.by_cookie).headers["location"])
    query = {name: values[0] for name, values in parse_qs(location.query).items()}

    assert (location.netloc, location.path) == ("storage.example.com", f"/videos/videos/{uuid}.mp4")
    assert query["response-content-disposition"] == f"attachment; filename={uuid}.mp4"
    assert query["X-Amz-Expires"] == "3600"


def test_a_file_of_the_original_application_is_read_where_it_is(
    api: Api, database: Database, completed: str, ann: Person
) -> None:
    books.execute(database, SET, film="https://old.example.com/a b/ü\r\nX: y.mp4?a=%20", picture=None)

    for query in ("", "?download=1"):
        location = api.call("GET", completed + query, headers=ann.by_session).headers["location"]
        assert location == "https://old.example.com/a%20b/%C3%BC%0D%0AX:%20y.mp4?a=%20"
    assert api.call("GET", f"{completed}?variant=thumbnail", headers=ann.by_session).code == "NO_FILE"


@pytest.mark.parametrize("status", [status for status in VideoStatus if status is not VideoStatus.COMPLETED])
def test_a_video_without_a_file_says_how_far_it_is(
    api: Api, database: Database, ann: Person, status: VideoStatus
) -> None:
    books.add_package(database, 10)
    uuid = journeys.video_at(database, status)
    refused = api.call("GET", f"/api/v1/video/{uuid}/content", headers=ann.by_session)

    assert (refused.status, refused.code) == (404, "NO_FILE")
    assert refused.payload["error"]["details"] == {"status": status}


@pytest.mark.parametrize(
    ("query", "path"), [("variant=spritesheet", "variant"), ("download=yes", "download"), ("variant=VIDEO", "variant")]
)
def test_what_is_no_choice_is_refused(api: Api, completed: str, ann: Person, query: str, path: str) -> None:
    refused = api.call("GET", f"{completed}?{query}", headers=ann.by_session)

    assert (refused.status, refused.payload["error"]["details"]["fields"][0]["path"]) == (400, path)
