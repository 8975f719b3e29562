"""With STORAGE_PRIVATE a film is read by an address that is signed and expires, wherever an answer names it."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from clipferry import runtime
from clipferry.aws.sigv4 import Credentials
from clipferry.db.connection import Database
from clipferry.files.links import FileLinks
from clipferry.models import VideoStatus
from tests import books, journeys
from tests.bucket_of_handlers import bucket_of_handlers
from tests.http_api import Api, Person

FILM = b"the bytes of a film"
ELSEWHERE = "https://old.example.com/a.mp4"


@pytest.fixture
def api(database_url: str) -> Iterator[Api]:
    with bucket_of_handlers(database_url, STORAGE_PRIVATE="true", STORAGE_URL_SECONDS="1800"):
        yield Api()


@pytest.fixture
def uuid(api: Api, database: Database, ann: Person) -> str:
    """A video whose film and thumbnail are in the bucket."""
    books.add_package(database, 100)
    uuid = journeys.video_at(database, VideoStatus.COMPLETED)
    for ending in ("mp4", "jpg"):
        runtime.dependencies().storage.upload_file(key=f"videos/{uuid}.{ending}", body=FILM)
    url = "https://cdn.example.com/videos/" + uuid
    books.execute(
        database, "update public.videos set video_url = %(f)s, thumbnail_url = %(t)s", f=f"{url}.mp4", t=f"{url}.jpg"
    )
    return uuid


def read(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return answer.read()


def test_every_answer_names_addresses_that_work_and_expire(api: Api, ann: Person, uuid: str) -> None:
    video = f"/api/v1/video/{uuid}"
    detail = api.call("GET", video, headers=ann.by_key).data
    [listed] = api.call("GET", "/api/v1/video/list", headers=ann.by_session).data["videos"]
    status = api.call("GET", f"{video}/status", headers=ann.by_session).data
    content = [
        api.call("GET", f"{video}/content?variant={variant}", headers=ann.by_cookie).headers["location"]
        for variant in ("video", "thumbnail")
    ]

    named = [detail["videoUrl"], detail["thumbnailUrl"], listed["videoUrl"], listed["thumbnailUrl"]]
    for url in (*named, status["videoUrl"], *content):
        assert read(url) == FILM
        assert parse_qs(urlsplit(url).query)["X-Amz-Expires"] == ["1800"]
        with pytest.raises(urllib.error.HTTPError, match="403"):
            read(url[:-1] + ("0" if url[-1] != "0" else "1"))


def test_what_is_stored_and_what_lies_elsewhere_is_not_signed(
    api: Api, database: Database, ann: Person, uuid: str
) -> None:
    api.call("GET", f"/api/v1/video/{uuid}", headers=ann.by_key)
    stored = books.value(database, "select video_url from public.videos")
    assert stored == f"https://cdn.example.com/videos/{uuid}.mp4"
    books.execute(database, "update public.videos set video_url = %(url)s, thumbnail_url = null", url=ELSEWHERE)

    detail = api.call("GET", f"/api/v1/video/{uuid}", headers=ann.by_key).data
    assert (detail["videoUrl"], detail["thumbnailUrl"]) == (ELSEWHERE, None)


def test_an_address_stays_the_same_for_a_tenth_of_its_time(database: Database, uuid: str) -> None:
    keys = Credentials(access_key="a", secret_key="b")
    links = FileLinks(
        endpoint="https://s3.example.com",
        region="auto",
        bucket="films",
        public_domain="https://cdn.example.com",
        credentials=keys,
        is_private=True,
        seconds=3600,
    )
    video, start = journeys.read(database, uuid), datetime(2026, 11, 30, 12, tzinfo=UTC)
    urls = [links.readable(video, now=start + timedelta(seconds=after)).video_url for after in (0, 359, 360)]

    assert urls[0] == urls[1] != urls[2]
