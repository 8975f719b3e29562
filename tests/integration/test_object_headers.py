"""What a film and its thumbnail are served with: browsers keep them for a year, and save them by their names."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import boto3
import pytest
from botocore.config import Config

from clipferry.errors import StorageError
from clipferry.s3 import client
from clipferry.s3.object_headers import immutable_headers
from local.r2.server import FakeR2
from tests.integration.mirror_fixtures import KEY, PART, Behaviour, film, serving, storage_for, strict_r2
from tests.integration.waiting_video import UUID, waiting_video

CACHED = "public, max-age=31536000, immutable"


def served(r2: FakeR2, key: str) -> tuple[str, str | None, str | None]:
    """Asks the bucket by HEAD: the content type, how long it may be kept, its file name."""
    s3 = boto3.client(
        "s3",
        endpoint_url=r2.url,
        region_name="auto",
        aws_access_key_id=r2.access_key,
        aws_secret_access_key=r2.secret_key,
        config=Config(s3={"addressing_style": "path"}),
    )
    found = s3.head_object(Bucket=r2.name, Key=key)
    s3.close()
    return found["ContentType"], found.get("CacheControl"), found.get("ContentDisposition")


def mirror(r2: FakeR2, size: int) -> None:
    with serving(Behaviour(film(size))) as source:
        storage = storage_for(r2)
        storage.transfer(source_url=source.url, key=KEY)
        storage.close()


@pytest.mark.parametrize("size", [1000, 3 * PART + 5], ids=["in one PUT", "in parts"])
def test_a_film_is_cached_for_a_year_and_has_a_file_name(size: int) -> None:
    with strict_r2() as r2:
        mirror(r2, size)
        assert served(r2, KEY) == ("video/mp4", CACHED, 'inline; filename="vid_1.mp4"')


def test_so_is_a_film_that_replaces_another() -> None:
    with strict_r2() as r2:
        storage = storage_for(r2)
        storage.upload_file(key=KEY, body=b"another film")
        storage.close()
        mirror(r2, 1000)
        assert served(r2, KEY) == ("video/mp4", CACHED, 'inline; filename="vid_1.mp4"')


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"immutable": True}, ("image/jpeg", CACHED, 'inline; filename="vid_1.jpg"')),
        ({}, ("image/jpeg", None, None)),
    ],
)
def test_an_uploaded_file_is_when_it_never_changes(
    options: dict[str, Any], expected: tuple[str, str | None, str | None]
) -> None:
    with strict_r2() as r2:
        storage = storage_for(r2)
        storage.upload_file(key="videos/vid_1.jpg", body=b"picture", content_type="image/jpeg", **options)
        storage.close()
        assert served(r2, "videos/vid_1.jpg") == expected


def test_a_video_and_its_thumbnail_are(database_url: str) -> None:
    with waiting_video(database_url, Behaviour(film(1000))) as world:
        with patch("clipferry.usecases.mirror_video.make_thumbnail", return_value=b"picture"):
            world.mirror()
        assert [served(world.r2, f"videos/{UUID}.{kind}") for kind in ("mp4", "jpg")] == [
            ("video/mp4", CACHED, f'inline; filename="{UUID}.mp4"'),
            ("image/jpeg", CACHED, f'inline; filename="{UUID}.jpg"'),
        ]


@pytest.mark.parametrize("name", ["Content-Type", "Cache-Control", "Content-Disposition"])
@pytest.mark.parametrize("size", [1000, 3 * PART + 5], ids=["in one PUT", "in parts"])
def test_nobody_can_change_them_on_the_way(monkeypatch: pytest.MonkeyPatch, size: int, name: str) -> None:
    sign = client.sign

    def tampered(**request: Any) -> dict[str, str]:
        signed = sign(**request)
        return {**signed, name: "attachment"} if request["headers"].get(name) else signed

    monkeypatch.setattr(client, "sign", tampered)
    with strict_r2() as r2:
        with pytest.raises(StorageError, match="SignatureDoesNotMatch"):
            mirror(r2, size)
        assert r2.bucket.objects == {}


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("videos/0197-abc.mp4", "0197-abc.mp4"),
        ("film.mp4", "film.mp4"),
        ('a/b"; x=\r\n\\.mp4', "b_x_.mp4"),
        ("a/日本 ä.mp4", "_.mp4"),
    ],
)
def test_a_file_name_is_safe_in_a_header_and_on_a_disk(key: str, name: str) -> None:
    assert immutable_headers(key, "video/mp4")["Content-Disposition"] == f'inline; filename="{name}"'
